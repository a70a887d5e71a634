"""The machine learning reproducibility checklist, filled in from records.

The lines are those of the checklist of NeurIPS 2019 (Pineau and others, arXiv 2003.12206, v2.0)
that an empirical study answers. What only people can answer is left open and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlan.report.card import Licence
from mlan.report.cards.licences import UNKNOWN
from mlan.report.page.facts import Facts
from mlan.report.page.numbers import listed
from mlan.report.page.trace import Trace
from mlan.report.summary import Summary

_OPEN = "To be answered by people."


def checklist(summary: Summary, facts: Facts, trace: Trace, used: Sequence[Licence]) -> str:
    """Return the text of checklist.md."""
    sections = {
        "Models and algorithms": _models(facts),
        "Data": _data(trace, used),
        "Code": _code(facts, trace),
        "Results": _results(summary, facts, trace),
    }
    lines = [f"# Reproducibility checklist of study {facts.study}", ""]
    for title, answers in sections.items():
        lines += [f"## {title}", ""]
        lines += [f"- **{asked}** {told}" for asked, told in answers]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _models(facts: Facts) -> Iterator[tuple[str, str]]:
    backbone = facts.recipe["backbone"]
    parts = [f"{part.replace('_', ' ')} {name}" for part, name in backbone.items() if name]
    yield "The model.", f"{'; '.join(parts)}."
    yield "Assumptions.", _OPEN


def _data(trace: Trace, used: Sequence[Licence]) -> Iterator[tuple[str, str]]:
    sources = [s.record["facts"] for s in trace.shared if s.stage == "prepare_source"]
    items = [s.record["facts"] for s in trace.shared if s.stage == "prepare_benchmark"]
    yield (
        "Statistics such as the number of examples.",
        f"{len(sources)} sources with {_sum(sources, 'rows')} examples; {len(items)} benchmarks "
        f"with {_sum(items, 'dev')} dev and {_sum(items, 'test')} test items (dataset.md).",
    )
    yield (
        "Splits.",
        "By what is asked about: train, dev and test share no concept (embedded data), or as each "
        "benchmark's adapter says; chosen on dev, reported on test.",
    )
    yield (
        "Excluded data.",
        f"{_sum(sources, 'rejected') + _sum(items, 'rejected')} rows were dropped, each with a "
        "reason in its record.",
    )
    unknown = [one.work for one in used if one.licence.startswith(UNKNOWN[:9])]
    told = f" Not known: {listed(unknown)}." if unknown else ""
    yield "Licences.", f"{len(used)} works (licences.csv).{told}"


def _sum(facts: Sequence[Any], name: str) -> int:
    return sum(int(entry.get(name, 0)) for entry in facts)


def _code(facts: Facts, trace: Trace) -> Iterator[tuple[str, str]]:
    versions = [f"{name} {listed(found)}" for name, found in trace.versions().items()]
    mixed = [stage for stage, codes in trace.codes().items() if len(codes) > 1]
    yield "Dependencies.", f"{listed(versions)}; pinned with hashes in `requirements/`."
    yield "Training and evaluation code.", f"`make run STUDY={facts.study}` runs all of it."
    yield (
        "Which code.",
        f"Digests in every record; mixed for {listed(mixed)}."
        if mixed
        else "One version for all jobs of each stage; digests in every record.",
    )


def _results(summary: Summary, facts: Facts, trace: Trace) -> Iterator[tuple[str, str]]:
    yield (
        "Hyper-parameters considered and how they were chosen.",
        f"The recipe of each cell is in its model card. {_OPEN}",
    )
    done = [len(cell.done) for cell in summary.tuned]
    runs = f"{min(done)}" if len(set(done)) == 1 else f"{min(done)} to {max(done)}"
    yield (
        "Exact number of runs.",
        f"{len(trace.runs)} runs of {len(summary.cells)} cells; {runs} seeds a tuned cell. A seed "
        f"changes {listed(list(facts.seed_varies))}.",
    )
    yield (
        "Definition of the measure.",
        "Accuracy on the test part; greedy answers read strictly, and the likeliest option; "
        "averages weigh benchmarks equally.",
    )
    yield (
        "Error bars.",
        f"Intervals at {summary.level} over seeds and clusters of items; each says what it covers.",
    )
    yield "Run time.", "By stage in report.html; of each job in the run.json beside its record."
    yield "Infrastructure.", f"Device: {facts.device}; host and cores in the run.json of every job."
