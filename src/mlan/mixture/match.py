"""Unequal budgets: what a study does when a source has fewer examples than a cell asks for.

`refuse`: an error. `up`: the source is gone through more than once. `down`: the number of
instances is lowered, for all cells that ask for the same number alike, so that they stay equal in
instances; weights and shares stay as they are. Works on sizes alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mlan.config.recipe import Mixture
from mlan.mixture.counts import mixture_counts

# Above it small data are gone through too often to tell a mixture's effect from memorising.
MOST_EPOCHS = 4.0


@dataclass(frozen=True)
class Short:
    """A source that has fewer examples than a cell asks for."""

    cell: str
    source: str
    asked: int
    size: int


def counts_of(mixture: Mixture, instances: int | None = None) -> dict[str, int]:
    """Return examples per source of a mixture, with `instances` in place of its own."""
    asked = mixture.examples if instances is None else instances
    return mixture_counts(asked, mixture.text_share, mixture.text, mixture.vision)


def shortages(
    mixtures: Mapping[str, Mixture],
    sizes: Mapping[str, int],
    instances: int | None = None,
) -> list[Short]:
    """Return each (cell, source) whose count is above the source's size; unknown sizes pass."""
    return [
        Short(cell, source, count, sizes[source])
        for cell, mixture in mixtures.items()
        for source, count in counts_of(mixture, instances).items()
        if count > sizes.get(source, count)
    ]


def matched(mixtures: Mapping[str, Mixture], sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the instances of every cell that matches down: the most that all of them can have.

    Cells that ask for the same number get the same number. It is the largest one at which no cell
    of them asks more of a source than there is; 0 if there is none.
    """
    groups: dict[int, dict[str, Mixture]] = {}
    for cell, mixture in mixtures.items():
        if mixture.match == "down":
            groups.setdefault(mixture.examples, {})[cell] = mixture
    budgets: dict[str, int] = {}
    for asked, members in groups.items():
        bounds = [asked, *(bound for m in members.values() for bound in _bounds(m, sizes))]
        instances = min(bounds)
        # Within its bound a count may still be a quota rounded up.
        while instances and shortages(members, sizes, instances):
            instances -= 1
        budgets |= dict.fromkeys(members, instances)
    return budgets


def _bounds(mixture: Mixture, sizes: Mapping[str, int]) -> Iterator[int]:
    """Upper bounds of a feasible number: a count is at least its quota rounded down.

    The quota is of the modality's total, itself the share's rounded to the nearest: from
    floor((n share - 1/2) weight) <= size follows n < ((size + 1) / weight + 1/2) / share.
    """
    share = Fraction(str(mixture.text_share))
    for weights, part in ((mixture.text, share), (mixture.vision, 1 - share)):
        whole = sum((Fraction(str(weight)) for weight in weights.values()), Fraction(0))
        for source, weight in weights.items() if part else ():
            if source in sizes:
                quota = Fraction(str(weight)) / whole
                yield math.ceil(((sizes[source] + 1) / quota + Fraction(1, 2)) / part)


def budget_notes(
    mixtures: Mapping[str, Mixture], sizes: Mapping[str, int], budgets: Mapping[str, int]
) -> list[str]:
    """Return one line for each budget that was lowered: from what, to what, and why."""
    lines = {}
    for cell, instances in budgets.items():
        asked = mixtures[cell].examples
        if instances < asked and asked not in lines:
            alike = {c: mixtures[c] for c in budgets if mixtures[c].instances == asked}
            scarce = shortages(alike, sizes, instances + 1)[0]
            lines[asked] = (
                f"recipe.mixture.match = 'down': {instances} instances in place of {asked} for "
                f"{len(alike)} cell(s); with one more, cell {scarce.cell} asks {scarce.asked} of "
                f"source {scarce.source!r}, which has {scarce.size}"
            )
    return list(lines.values())


def epoch_notes(counts: Mapping[str, Mapping[str, int]], sizes: Mapping[str, int]) -> list[str]:
    """Return one line for each source that is gone through more than four times.

    `counts` are examples per source by what trains on them (a cell, a stage 1); the line names
    what repeats most.
    """
    worst: dict[str, tuple[float, str]] = {}
    for user, per_source in counts.items():
        for source, count in per_source.items():
            epochs = count / sizes[source] if sizes.get(source) else 0.0
            if epochs > max(MOST_EPOCHS, worst.get(source, (0.0, ""))[0]):
                worst[source] = (epochs, user)
    return [
        f"source {source} is gone through up to {epochs:.1f} times ({user}; more than "
        f"{MOST_EPOCHS:g}); add data, or ask for fewer of its examples"
        for source, (epochs, user) in worst.items()
    ]
