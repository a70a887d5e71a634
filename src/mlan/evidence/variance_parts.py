"""Where the variance of a planned number comes from: this study, another one, or assumptions.

Model: a score of a cell is on one seed its mean, plus what the seed does to all cells alike
(variance U), plus its own (variance A, of a cell about the mean of the study's cells on the same
seed, pooled over cells). A contrast with weights w over tuned cells has A sum_c w_c^2, and U
(sum_c w_c)^2: nothing of U between tuned cells, all of it beside a cell that no seed changes (a
model before tuning). Such a cell adds what its items vary by, the same beside every seed. Items
follow sum_c w_c^2, too, where the contrast itself was not measured.

    own results         items of the contrast itself; seeds pooled over all tuned cells
    another study       both pooled over its cells, items scaled to their planned number
    assumed             `SEED_SD`, `SHARED_SD`, `ITEMS`, `BOTH`, items taken as independent

Not here: what follows from a variance (`power`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy.special import chdtri

from mlan.errors import DataError
from mlan.evidence.power import Parts
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Sample, combine
from mlan.evidence.two_way import interaction, item_df, item_variance

# Of one cell of the study `small` about the mean of its cells (six shares, three seeds, 480 items
# an average, November 2026): .028 on both averages; of that mean .041 on vision and .011 on text,
# in root mean square .03; of one item .013 to .017 that is the same on every seed, .09 to .12 that
# is not.
SEED_SD = SHARED_SD = 0.03
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

    def _unit(self, score: str, key: Key, planned: Planned) -> Unit:
        found = unit_parts(self.results, score, key)
        factor = planned.items.get(score, found.n) / found.n
        return replace(found, parts=found.parts.with_items(factor))


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


@dataclass(frozen=True)
class Unit:
    """One cell's score: `parts` about the mean of the tuned cells, whose seeds have variance A.

    `shared`: U, the variance between seeds of what all tuned cells share, as assumed or, where it
    was estimated, its upper confidence bound of 60 %; `n` counts items.
    """

    parts: Parts
    shared: float
    n: int


def unit_parts(results: Results, score: str, key: Key) -> Unit:
    """Return the variances of one cell's score.

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
    # C cells about their mean have C - 1 of their variance, and their mean has a C-th of it.
    factor = 1 / (len(own) - 1)
    found = Parts(
        max(0.0, factor * sum(p.seeds for p in own)),
        max(0.0, factor * sum(p.items for p in own)),
        factor * sum(p.both for p in own),
        round(sum(p.clusters for p in own) / len(own)),
    )
    shared = max(0.0, _parts(mean).seeds - found.seeds / len(own))
    # The mean has one value a seed, and power that is promised by an estimate from so few is kept
    # too rarely: its upper confidence bound of 60 % keeps it within 5 points.
    df = len(mean.seeds) - 1
    return Unit(found, shared * df / float(chdtri(df, 0.6)), mean.n)


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
    seeds = len(sample.seeds)
    if not (sample.df > 0).all():
        raise DataError("one cluster of items: its error cannot be told")
    both = seeds * float(interaction(sample.residuals, sample.df))
    items = float(item_variance(sample.residuals, sample.df)) - both / seeds
    clusters = 1 + round(item_df(sample.residuals, sample.df))
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


def _pooled(terms: Terms, planned: Planned, unit: Callable[[str, Key, Planned], Unit]) -> Parts:
    """The parts of a contrast from those of single cells, each score by itself."""
    weights: dict[tuple[str, Key], tuple[list[float], list[float]]] = {}
    for weight, cell, score, scorer, parser, condition in terms:
        own = weights.setdefault((score, Key(scorer, parser, condition=condition)), ([], []))
        own[cell in planned.fixed].append(weight)
    seeds = items = both = 0.0
    clusters: dict[str, int] = {}
    for (score, key), (tuned, fixed) in weights.items():
        of = unit(score, key, planned)
        one, square = of.parts, sum(w**2 for w in tuned)
        seeds += square * one.seeds + sum(tuned) ** 2 * of.shared
        items += square * one.items + sum(w**2 for w in fixed) * (one.items + one.both)
        both += square * one.both
        clusters[score] = one.clusters
    return Parts(seeds, items, both, sum(clusters.values()))


def _assumed_unit(score: str, key: Key, planned: Planned) -> Unit:
    n = planned.items[score]
    return Unit(Parts(SEED_SD**2, ITEMS / n, BOTH / n, max(2, n)), SHARED_SD**2, n)
