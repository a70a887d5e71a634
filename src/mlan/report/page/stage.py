"""Stage `page`: what is finished of a study becomes report.html, and cards that go with it.

The folder that the stage owns holds the page, the cards and their record. A copy of the page
stands one folder higher, where a reader looks for it first; the engine knows it as an output.
"""

from __future__ import annotations

import shutil

from mlan.hub.lock import read_lock
from mlan.records import write_bytes
from mlan.report.cards.licences import licences
from mlan.report.cards.write import write_cards
from mlan.report.page.compose import compose
from mlan.report.page.evidence import read_evidence
from mlan.report.page.facts import read_facts
from mlan.report.page.template import render
from mlan.report.page.trace import read_trace
from mlan.report.summary import read_summary
from mlan.stage import Job

PAGE = "report.html"
CARDS = "cards"


def page(job: Job) -> None:
    """Write `report.html` and `cards/` into `job.out`, and a copy of the page beside the folder.

    Inputs: `summary`, `report` and `evidence`; `items:<benchmark>`, `images:<set>`; of the two
    cells compared `scores:<cell>`, `predictions:<cell>`; `file:lock` if the study is locked.
    Raises IntegrityError or DataError for an input that cannot be read.
    """
    facts = read_facts(job.identity)
    summary = read_summary(job.inputs["summary"], job.identity)
    evidence = read_evidence(job.inputs["summary"], job.inputs.get("evidence"))
    trace = read_trace(job.inputs)
    locked = read_lock(job.inputs["file:lock"]) if "file:lock" in job.inputs else {}
    used = licences(facts.materials, locked)
    html = render(compose(job.inputs, summary, facts, evidence, trace, used, job.code)).encode()
    write_bytes(job.out / PAGE, html)
    shutil.rmtree(job.out / CARDS, ignore_errors=True)  # nothing of an earlier version stays
    cards = write_cards(job.out / CARDS, summary, facts, trace, locked, job.out.parent)
    write_bytes(job.out.parent / PAGE, html)
    job.finish([job.out / PAGE, *cards])
