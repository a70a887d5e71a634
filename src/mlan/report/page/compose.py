"""All parts of the page put together: from what was read to the names that the template uses.

Not here: what a part says (one module each), and markup (`template`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlan
from mlan.grid.start import read_start
from mlan.report.card import Licence
from mlan.report.page import tried
from mlan.report.page.answer import Choice, answer
from mlan.report.page.back import back
from mlan.report.page.basis import basis
from mlan.report.page.cautions import cautions
from mlan.report.page.cost import cost
from mlan.report.page.evidence import Evidence
from mlan.report.page.facts import Facts
from mlan.report.page.flips import SHOWN, flips
from mlan.report.page.gallery import figures, tables
from mlan.report.page.numbers import listed
from mlan.report.page.trace import Trace
from mlan.report.page.unrun import gaps, untested
from mlan.report.page.verdicts import counts, families
from mlan.report.sensitivity import robustness
from mlan.report.summary import Summary

PARTS = (
    ("answer", "Answer"),
    ("verdicts", "Verdicts"),
    ("warnings", "Warnings"),
    ("figures", "Figures"),
    ("tables", "Tables"),
    ("items", "Flipped items"),
    ("cost", "Cost"),
    ("not-tested", "Not tested"),
    ("way-back", "Way back"),
)
_CHOICE_HEADER = (
    *("weight of vision", "price, points a million LM tokens", "highest", "may be the best"),
    *(
        "text share of LM tokens",
        "of supervised tokens",
        "score of the highest (utility with a price), %",
    ),
)


def compose(
    inputs: Mapping[str, Path],
    summary: Summary,
    facts: Facts,
    evidence: Evidence,
    trace: Trace,
    licences: Sequence[Licence],
    code: str,
) -> dict[str, Any]:
    """Return what the template shows; `code` is the digest of the page's own code.

    Raises IntegrityError and DataError for a bad input.
    """
    found = families(evidence, facts.claim_cells)
    told = answer(evidence, found, summary, facts)
    missing = gaps(summary, facts, found)
    heeded = cautions(summary, facts, evidence, found, trace)
    return {
        "facts": facts,
        "parts": PARTS,
        "scope": _scope(summary, facts, trace),
        "made": _made(inputs["summary"].parent, code),
        "answer": told,
        "tried_header": tried.header(facts.primary),
        "tried_rows": tried.tried(told.rows, evidence, summary, facts),
        "tried_note": tried.note(told.rows, facts.primary, summary.level),
        "weighed": robustness(evidence.sensitivity, summary),
        "choice_header": _CHOICE_HEADER,
        "choice_numbers": (False, *[True] * (len(_CHOICE_HEADER) - 1)),
        "choice_rows": [_choice(one) for one in told.choices],
        "families": found,
        "verdict_counts": counts(found),
        "cautions": heeded,
        "topics": listed([one.topic.lower() for one in heeded]),
        "figures": figures(inputs["report"], basis(summary)),
        "tables": tables(inputs["report"]),
        "pair": facts.pair,
        "pair_seed": _pair_seed(inputs, facts),
        "flips": flips(inputs, facts.pair, facts.benchmarks),
        "shown": SHOWN,
        "cost": cost(trace, summary),
        "gaps": missing,
        "gap_rows": [(gap.kind, gap.name, gap.text) for gap in missing],
        "untested": untested(missing),
        "back": back(trace, facts, summary),
        "licence_rows": [(one.work, one.licence, one.attribution) for one in licences],
    }


def _scope(summary: Summary, facts: Facts, trace: Trace) -> str:
    """What was done, in one line."""
    tuned = summary.tuned
    seeds = sorted({seed for cell in tuned for seed in cell.done})
    models = [one.name for one in facts.materials if one.kind in ("model", "hub")]
    parts = [
        f"{len(tuned)} cells, {len(seeds)} seed{'s' if len(seeds) != 1 else ''}, "
        f"{len(trace.runs)} runs, {len(summary.benchmarks)} benchmarks",
        f"intervals at {summary.level}",
    ]
    return f"{'; '.join(parts)}. {' and '.join(models)}." if models else f"{'; '.join(parts)}."


def _made(root: Path, code: str) -> str:
    """What made the page, and when and from which commit the study was last started."""
    start = read_start(root)
    commit = f" from commit {start.commit[:12]}" if start.commit else ""
    changed = " with changes" if start.commit.endswith("+") else ""
    day = f"; study last started on {start.day}{commit}{changed}" if start.day else ""
    return f"mlan {mlan.__version__}, code of this page {code}{day}"


def _choice(one: Choice) -> tuple[str, ...]:
    return (
        *(one.weight, one.price, one.best, one.shares),
        *(one.lm_tokens, one.supervised_tokens, one.score),
    )


def _pair_seed(inputs: Mapping[str, Path], facts: Facts) -> str:
    """The seed of the two runs whose answers are shown, as their folder says."""
    folders = [inputs.get(f"scores:{cell}") for cell in facts.pair]
    return folders[-1].parent.name.removeprefix("seed") if folders and folders[-1] else ""
