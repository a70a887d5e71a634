"""Score differences between two runs, cells or studies, paired item by item.

Model: two sides are compared on what both were asked: the same items in the same clusters, or
there is no difference to tell, and the reason is told instead. Two runs differ on their items
alone, whatever their seeds; two cells on every seed that both have. Each interval stands by
itself: of twenty equal scores one is expected to differ. Not here: which items flipped
(`forgetting`), what was configured otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlan.evidence.blocks import Block
from mlan.evidence.intervals import Interval, interval
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Sample, combine


@dataclass(frozen=True)
class Side:
    """One cell of one study's results, or one run of it if a seed is named.

    `items` names the digest of each benchmark's items, where known: equal clusters of other items
    are no pairs.
    """

    results: Results
    cell: str
    seed: int | None = None
    items: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Difference:
    """Side B less side A on one score; without an interval, `why` says what is not comparable."""

    cell: str
    other: str
    score: str
    value: float | None = None
    other_value: float | None = None
    interval: Interval | None = None
    why: str = ""


def differences(a: Side, b: Side, key: Key, confidence: float = 0.95) -> Iterator[Difference]:
    """Yield B - A for every group, then every benchmark, that either side knows."""
    known = [*a.results.groups, *b.results.groups, *_benchmarks(a.results), *_benchmarks(b.results)]
    for score in dict.fromkeys(known):
        own = Difference(a.cell, b.cell, score)
        why = _incomparable(a, b, score, key)
        if why:
            yield replace(own, why=why)
            continue
        samples = [_sample(side, score, key) for side in (a, b)]
        values = [sample.value for sample in samples]
        if not _paired(*samples):
            why = "no seed in common"
            yield replace(own, value=values[0], other_value=values[1], why=why)
            continue
        found = interval(combine([(1.0, samples[1]), (-1.0, samples[0])]), confidence)
        yield replace(own, value=values[0], other_value=values[1], interval=found)


def _benchmarks(results: Results) -> list[str]:
    return list(dict.fromkeys(name[0] for name in results.blocks))


def _incomparable(a: Side, b: Side, score: str, key: Key) -> str:
    """Why the two sides' scores are no pairs; empty if they are."""
    for side, letter in ((a, "A"), (b, "B")):
        if score not in side.results.groups and score not in _benchmarks(side.results):
            return f"not in {letter}"
        if not _has(side, score, key):
            return f"{letter} has no score ({key.scorer}/{key.parser})"
    members = a.results.members(score)
    if members != b.results.members(score):
        return "averages other benchmarks"
    other = [name for name in members if not _same_items(a, b, name, key)]
    return f"other items ({', '.join(other)})" if other else ""


def _has(side: Side, score: str, key: Key) -> bool:
    if not side.results.has(side.cell, score, key):
        return False
    sample = side.results.sample(side.cell, score, key)
    return side.seed is None or sample.fixed or side.seed in sample.seeds


def _same_items(a: Side, b: Side, benchmark: str, key: Key) -> bool:
    if a.results is b.results:
        return True
    digests = [dict(side.items).get(benchmark) for side in (a, b)]
    if None not in digests and digests[0] != digests[1]:
        return False
    return _same_clusters(*(side.results.blocks[(benchmark, *key.name)] for side in (a, b)))


def _same_clusters(one: Block, other: Block) -> bool:
    return (
        (one.n, one.clusters) == (other.n, other.clusters)
        and one.metric == other.metric
        and bool(np.allclose(one.weights, other.weights, rtol=1e-9, atol=0))
    )


def _sample(side: Side, score: str, key: Key) -> Sample:
    """The side's score; that of a run stands as seed 0, so that two seeds can be compared."""
    sample = side.results.sample(side.cell, score, key)
    if side.seed is None:
        return sample
    return replace(sample.of([side.seed]), seeds=(0,), fixed=False)


def _paired(one: Sample, other: Sample) -> bool:
    return one.fixed or other.fixed or bool(set(one.seeds) & set(other.seeds))


def common_cells(a: Results, b: Results) -> list[str]:
    """Return the cells that both have runs of, in the order of the first."""
    there = {cell for cell, _ in b.runs}
    return [cell for cell in dict.fromkeys(cell for cell, _ in a.runs) if cell in there]


def unpaired_cells(a: Results, b: Results) -> tuple[Sequence[str], Sequence[str]]:
    """Return the cells with runs that the other side has none of: of A, of B."""
    first, second = (list(dict.fromkeys(cell for cell, _ in side.runs)) for side in (a, b))
    return [c for c in first if c not in second], [c for c in second if c not in first]
