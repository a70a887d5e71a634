"""Where the variance of a planned number comes from: this study, another one, or assumptions.

Model: a score's variance between seeds is that of a cell about the mean of the study's cells on
the same seed, pooled over cells: what all cells share cancels in every contrast. A contrast then
has sum_c w_c^2 of it, and so have its items where the contrast itself was not measured. Cells that
no seed changes (a model before tuning) add what their items vary by, the same beside every seed.

    own results         items of the contrast itself; seeds pooled over all tuned cells
    another study       both pooled over its cells, items scaled to their planned number
    assumed             `SEED_SD`, `ITEMS`, `BOTH`, items taken as independent

Not here: what follows from a variance (`power`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlan.errors import DataError
from mlan.evidence.power import Parts
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Sample, combine
from mlan.evidence.two_way import interaction, item_variance

# Of one cell of the study `small` about the mean of its cells (six shares, three seeds, 480 items
# an average, November 2026): .028 on both averages; of one item .013 to .017 that is the same on
# every seed, .09 to .12 that is not.
SEED_SD = 0.03
ITEMS, BOTH = 0.015, 0.1

Terms = Sequence[Sequence[Any]]
"""Terms of a claim's contrast: weight, cell, score, scorer, parser, condition."""


@dataclass(frozen=True)
class Planned:
    """Test items of each benchmark and group, and the cells that no seed changes."""

    items: Mapping[str, int]
    fixed: frozenset[str]


@dataclass(frozen=True)
class Finished:
    """Results as a source of variances; `study` is None for the study that is planned itself."""

    results: Results
    study: str | None = None

    @property
    def name(self) -> str:
        """As a table says where a variance comes from."""
        return "own results" if self.study is None else f"results of {self.study}"

    def parts(self, terms: Terms, planned: Planned) -> Parts | None:
        """Return the parts of a contrast; None where something of it was not measured here."""
        try:
            pooled = _pooled(terms, planned, self._unit)
            return _measured(self.results, terms, pooled) if self.study is None else pooled
        except DataError:
            return None

    def _unit(self, score: str, key: Key, planned: Planned) -> Parts:
        found, n = unit_parts(self.results, score, key)
        return found.with_items(planned.items.get(score, n) / n)


@dataclass(frozen=True)
class Assumed:
    """What stands in for results before there are any."""

    name = "assumed"

    def parts(self, terms: Terms, planned: Planned) -> Parts | None:
        """Return the parts of a contrast; None for a score whose items are not known."""
        if any(score not in planned.items for _, _, score, *_ in terms):
            return None
        return _pooled(terms, planned, _assumed_unit)


Source = Finished | Assumed


def unit_parts(results: Results, score: str, key: Key) -> tuple[Parts, int]:
    """Return the parts of one cell's score about the mean of the tuned cells, and its items.

    Raises DataError where fewer than two tuned cells have it on two common seeds.
    """
    tuned = [c.name for c in results.cells.values() if c.kind == "tuned"]
    samples = [results.sample(c, score, key) for c in tuned if results.has(c, score, key)]
    if len(samples) < 2:
        raise DataError(f"{score} was measured in fewer than two cells")
    mean = combine([(1 / len(samples), sample) for sample in samples])
    if len(mean.seeds) < 2:
        raise DataError(f"{score} was measured on one common seed")
    own = [_parts(combine([(1.0, sample), (-1.0, mean)])) for sample in samples]
    # C cells about their mean have C - 1 of their variance.
    factor = 1 / (len(own) - 1)
    found = Parts(
        max(0.0, factor * sum(p.seeds for p in own)),
        max(0.0, factor * sum(p.items for p in own)),
        factor * sum(p.both for p in own),
        mean.clusters.size,
    )
    return found, mean.n


def planned_of(results: Results) -> Planned:
    """Return what results say of a plan: items of the test part, cells that no seed changes."""
    items = {block.name[0]: block.n for block in results.blocks.values() if block.name[2] == "test"}
    for group in results.groups.values():
        if all(name in items for name in group.members):
            items[group.name] = sum(items[name] for name in group.members)
    fixed = frozenset(
        c.name for c in results.cells.values() if c.kind != "tuned" and len(c.seeds) == 1
    )
    return Planned(items, fixed)


def _parts(sample: Sample) -> Parts:
    """Estimates of the parts from two seeds or more; what is negative by chance stays so."""
    seeds, clusters = sample.residuals.shape
    if clusters < 2:
        raise DataError("one cluster of items: its error cannot be told")
    both = seeds * float(interaction(sample.residuals))
    items = float(item_variance(sample.residuals)) - both / seeds
    return Parts(float(sample.values.var(ddof=1)) - both, items, both, clusters)


def _measured(results: Results, terms: Terms, pooled: Parts) -> Parts:
    """The contrast's own items; its seeds as pooled, unless it compares what was pooled apart."""
    sample = combine(
        [
            (weight, results.sample(cell, score, Key(scorer, parser, condition=condition)))
            for weight, cell, score, scorer, parser, condition in terms
        ]
    )
    if len(sample.seeds) < 2:
        raise DataError("measured on one seed")
    own = _parts(sample)
    apart = len({tuple(measured) for _, _, *measured in terms}) > 1
    seeds = own.seeds if apart else pooled.seeds
    return Parts(max(0.0, seeds), max(0.0, own.items), own.both, own.clusters)


def _pooled(terms: Terms, planned: Planned, unit: Callable[[str, Key, Planned], Parts]) -> Parts:
    """The parts of a contrast from those of single cells, each score by itself."""
    square: dict[tuple[str, Key], list[float]] = {}
    for weight, cell, score, scorer, parser, condition in terms:
        own = square.setdefault((score, Key(scorer, parser, condition=condition)), [0.0, 0.0])
        own[cell in planned.fixed] += weight**2
    seeds = items = both = 0.0
    clusters: dict[str, int] = {}
    for (score, key), (tuned, fixed) in square.items():
        one = unit(score, key, planned)
        seeds += tuned * one.seeds
        items += (tuned + fixed) * one.items + fixed * one.both
        both += tuned * one.both
        clusters[score] = one.clusters
    return Parts(seeds, items, both, sum(clusters.values()))


def _assumed_unit(score: str, key: Key, planned: Planned) -> Parts:
    n = planned.items[score]
    return Parts(SEED_SD**2, ITEMS / n, BOTH / n, max(2, n))
