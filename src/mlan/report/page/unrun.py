"""What was not tested: experiments left out with the claims that wait for them, claims that need
another study, runs that are missing, and what this design cannot show at all.

Not here: why a number is weak (`cautions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlan.report.page.facts import Facts
from mlan.report.page.numbers import listed
from mlan.report.page.verdicts import Family, Verdict
from mlan.report.summary import Summary

NOT_SHOWN, SOME_SEEDS = "cannot be shown", "asked of some seeds only"
NOT_RUN, WITHDRAWN = "not run", "withdrawn"


@dataclass(frozen=True)
class Gap:
    """One thing that was not tested: its kind, its name, and a sentence."""

    kind: str
    name: str
    text: str


def gaps(summary: Summary, facts: Facts, found: Sequence[Family]) -> tuple[Gap, ...]:
    """Return everything that was not tested, each once; last what was, in some seeds only."""
    claims = [c for family in found for c in family.claims if c.verdict in (NOT_RUN, WITHDRAWN)]
    return (
        *_experiments(facts, claims),
        *_claims(facts, claims),
        *_runs(summary),
        *(Gap(NOT_SHOWN, name, text) for name, text in facts.not_shown),
        *_conditions(facts),
    )


def untested(missing: Sequence[Gap]) -> str:
    """Return all of it in a sentence or two; empty where there is nothing."""
    out, beyond = ([g.name for g in missing if g.kind == k] for k in ("experiment", NOT_SHOWN))
    parts = [f"experiment{'s' if len(out) != 1 else ''} {listed(out)}"] if out else []
    for kind, word in (("claim", "further claim" if out else "claim"), ("run", "run")):
        if count := sum(gap.kind.startswith(kind) for gap in missing):
            parts.append(f"{count} {word}{'s' if count != 1 else ''}")
    first = "; ".join(parts)
    said = [f"{first[:1].upper()}{first[1:]}."] if parts else []
    return " ".join([*said, *([f"It cannot show {listed(beyond)}."] if beyond else [])])


def _experiments(facts: Facts, claims: Sequence[Verdict]) -> Iterator[Gap]:
    mine = {cell.name for cell in facts.cells}
    for one in facts.left_out:
        missing = [cell for cell in one.cells if cell not in mine]
        waiting = [c.id for c in claims if (c.experiment, c.verdict) == (one.name, NOT_RUN)]
        parts = [
            *([one.description] if one.description else []),
            f"Cells: {listed(missing)}.",
            *([f"Claims that wait for it: {listed(waiting)}."] if waiting else []),
            f"To run it: {one.command}",
        ]
        yield Gap("experiment", one.name, " ".join(parts))


def _claims(facts: Facts, claims: Sequence[Verdict]) -> Iterator[Gap]:
    """Those that no experiment left out explains."""
    left_out = {one.name for one in facts.left_out}
    for claim in claims:
        if claim.verdict == WITHDRAWN or claim.experiment not in left_out:
            why = f" Why: {claim.why}." if claim.why else ""
            yield Gap(f"claim, {claim.verdict}", claim.id, f"{claim.sentence}{why}")


def _runs(summary: Summary) -> Iterator[Gap]:
    for cell in summary.cells:
        if cell.not_run:
            yield Gap("run", cell.name, f"Seeds planned and not there: {cell.not_run}.")


def _conditions(facts: Facts) -> Iterator[Gap]:
    for entry in facts.limits:
        seeds = [str(seed) for seed in entry["seeds"]]
        name = f"{entry['condition']} pictures, {entry['part']} part"
        yield Gap(SOME_SEEDS, name, f"Seed{'s' if len(seeds) != 1 else ''} {listed(seeds)}.")
