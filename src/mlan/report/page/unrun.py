"""What was not tested: experiments left out, runs that are missing, claims without a test.

Not here: why a number is weak (`cautions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlan.report.page.facts import Facts
from mlan.report.page.numbers import listed
from mlan.report.page.verdicts import Family
from mlan.report.summary import Summary

_NOT_TESTED = ("not run", "withdrawn")


@dataclass(frozen=True)
class Gap:
    """One thing that was not tested: its kind, its name, and a sentence."""

    kind: str
    name: str
    text: str


def gaps(summary: Summary, facts: Facts, found: Sequence[Family]) -> tuple[Gap, ...]:
    """Return everything that was not tested: claims, experiments, runs, conditions."""
    return (*_claims(found), *_experiments(facts), *_runs(summary), *_conditions(facts))


def _claims(found: Sequence[Family]) -> Iterator[Gap]:
    for family in found:
        for claim in family.claims:
            if claim.verdict in _NOT_TESTED:
                why = f" Why: {claim.why}." if claim.why else ""
                yield Gap(f"claim, {claim.verdict}", claim.id, f"{claim.sentence}{why}")


def _experiments(facts: Facts) -> Iterator[Gap]:
    mine = {cell.name for cell in facts.cells}
    for one in facts.left_out:
        missing = [cell for cell in one.cells if cell not in mine]
        yield Gap("experiment", one.name, f"{one.description} Cells: {listed(missing)}.".strip())


def _runs(summary: Summary) -> Iterator[Gap]:
    for cell in summary.cells:
        if cell.not_run:
            yield Gap("run", cell.name, f"Seeds planned and not there: {cell.not_run}.")


def _conditions(facts: Facts) -> Iterator[Gap]:
    for entry in facts.limits:
        seeds = listed([str(seed) for seed in entry["seeds"]])
        name = f"{entry['condition']} pictures, {entry['part']} part"
        yield Gap("condition", name, f"Asked in seed {seeds} only.")
