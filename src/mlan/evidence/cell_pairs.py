"""All pairs of a curve's cells on one score, compared at once.

Model: every two cells that have a seed in common are compared, paired by seed and by cluster of
items, and p values are adjusted for all of these pairs together (`joint`). What a benchmark can
tell apart (`signal`) and which cells are tied with the best (`ties`) are read off the same pairs,
whose joint law takes longest of all that `collect` computes. Not here: which cells make a curve.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mlan.evidence.joint import joint
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Sample, combine


@dataclass(frozen=True)
class CellPairs:
    """Scores by cell, and the two-sided p value of every pair of them, adjusted for all pairs.

    A p value is NaN where the data cannot say (one cluster, no variation); cells without a common
    seed make no pair. `covers` is that of the first pair's interval, empty without a pair.
    """

    samples: Mapping[str, Sample]
    p: Mapping[frozenset[str], float]
    covers: str

    def p_of(self, one: str, other: str) -> float:
        """Return the p value of two cells; NaN also of cells that make no pair."""
        return self.p.get(frozenset((one, other)), math.nan)

    @property
    def smallest_p(self) -> float:
        """That of "all cells are equal"; NaN where no pair has one."""
        return min((p for p in self.p.values() if not math.isnan(p)), default=math.nan)


@dataclass(frozen=True)
class Compared:
    """One benchmark or group in one measure, with the pairs of its cells."""

    score: str
    modality: str
    key: Key
    pairs: CellPairs

    @property
    def labels(self) -> dict[str, str]:
        """The columns that tables of them begin with."""
        return {
            "benchmark": self.score,
            "modality": self.modality,
            "scorer": self.key.scorer,
            "parser": self.key.parser,
        }


def compared(
    results: Results, cells: Sequence[str], confidence: float = 0.95
) -> Iterator[Compared]:
    """Yield every benchmark and group, scorer and parser, on the test part in the real condition.

    `cells` names the cells of the curve; of those, the ones with scores are compared, and where
    fewer than two have any there is nothing to yield. Raises DataError as `joint` does.
    """
    modalities = {name[0]: block.labels["modality"] for name, block in results.blocks.items()}
    modalities |= {name: group.modality for name, group in results.groups.items()}
    for score, modality in modalities.items():
        for key in _keys(results):
            own = [cell for cell in cells if results.has(cell, score, key)]
            if len(own) > 1:
                found = {cell: results.sample(cell, score, key) for cell in own}
                yield Compared(score, modality, key, pairs_of(found, confidence))


def _keys(results: Results) -> list[Key]:
    """Every way to read answers that was used on the test part with the real picture."""
    found = dict.fromkeys(map(Key.of, results.blocks.values()))
    return [key for key in found if (key.part, key.condition) == (Key().part, Key().condition)]


def pairs_of(samples: Mapping[str, Sample], confidence: float = 0.95) -> CellPairs:
    """Return the pairs of some cells' scores. Raises DataError as `joint` does."""
    pairs = [pair for pair in combinations(samples, 2) if _meet(*(samples[c] for c in pair))]
    family = joint([combine([(1, samples[a]), (-1, samples[b])]) for a, b in pairs], confidence)
    p = {
        frozenset(pair): family.adjusted(found.p_different())
        for pair, found in zip(pairs, family.intervals, strict=True)
    }
    return CellPairs(samples, p, family.intervals[0].covers if pairs else "")


def _meet(one: Sample, other: Sample) -> bool:
    return one.fixed or other.fixed or bool(set(one.seeds) & set(other.seeds))
