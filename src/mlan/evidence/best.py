"""Multiple comparisons with the best: which of several numbers may be the largest.

Model: a number stays in the set unless some other is larger beyond chance: one-sided tests of
(other - own) against all others at once (`joint`). Each is tested by itself, so whichever is the
best in truth stays with the stated confidence, also where several are equally good. Beside the
set stand simultaneous bounds of own - best other. Not here: what is compared and what it costs.

References: Gupta, On Some Multiple Decision (Selection and Ranking) Rules, Technometrics 7 (1965),
for the set; Hsu, Constrained Simultaneous Confidence Intervals for Multiple Comparisons with the
Best, Annals of Statistics 12 (1984), and his Multiple Comparisons (1996) for unequal errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlan.evidence.intervals import ITEMS_ONLY
from mlan.evidence.joint import joint
from mlan.evidence.samples import Array, Sample, combine

NO_COMMON_SEED = "nothing (no seed in common)"


@dataclass(frozen=True)
class Comparisons:
    """Every number against all others at once.

    `lower` (C, C): entry [i, j] bounds value j - value i from below, simultaneously over j; NaN
    on the diagonal and where the data cannot say. `seeds` (C) is the fewest seeds of a number's
    comparisons, `covers` (C) what they speak about.
    """

    lower: Array
    seeds: tuple[int, ...]
    covers: tuple[str, ...]


@dataclass(frozen=True)
class AgainstBest:
    """Simultaneous bounds of a number less the largest of the others; may it be the largest."""

    low: float
    high: float
    in_set: bool


def comparisons(samples: Sequence[Sample], confidence: float = 0.95) -> Comparisons:
    """Compare every sample with all others, on the seeds that the two share.

    Raises DataError as `joint` does.
    """
    count = len(samples)
    lower_CC = np.full((count, count), math.nan)
    seeds, covers = [], []
    for i, own in enumerate(samples):
        rest = [j for j in range(count) if j != i]
        others = [j for j in rest if _share_seeds(own, samples[j])]
        pairs = [combine([(1.0, samples[j]), (-1.0, own)]) for j in others]
        found = joint(pairs, confidence, two_sided=False)
        lower_CC[i, others] = [found.band(place)[0] for place in range(len(others))]
        told = [one.covers for one in found.intervals]
        covers.append(_least(told + [NO_COMMON_SEED] * (len(others) < len(rest))))
        seeds.append(min((one.seeds for one in found.intervals), default=0))
    return Comparisons(lower_CC, tuple(seeds), tuple(covers))


def against_best(lower_CC: Array) -> list[AgainstBest]:
    """Return each number's bounds against the largest other, from those of (other - own).

    A number is in the set unless the lower bound of some other less it is above 0. Its upper
    bound is 0 if it is out, else the least upper bound of (own - other); its lower bound is the
    least of (own - other) over the others in the set, each with that other's own simultaneous
    level, and 0 if it is alone in the set. NaN where a comparison that it takes cannot be made.
    """
    count = lower_CC.shape[0]
    out_C = np.array([bool((lower_CC[i] > 0).any()) for i in range(count)])
    found = []
    for i in range(count):
        rest = [j for j in range(count) if j != i]
        rivals = [j for j in rest if not out_C[j]]
        # numpy's maximum and minimum, unlike Python's, keep a NaN.
        high = 0.0 if out_C[i] else float(np.maximum(0, (-lower_CC[i, rest]).min()))
        low = float(np.minimum(0, lower_CC[rivals, i].min())) if rivals else 0.0
        found.append(AgainstBest(low, high, not out_C[i]))
    return found


def _share_seeds(one: Sample, other: Sample) -> bool:
    return one.fixed or other.fixed or bool(set(one.seeds) & set(other.seeds))


def _least(told: Sequence[str]) -> str:
    """What comparisons speak about together: the least of what each does."""
    words = list(dict.fromkeys(told))
    silent = [word for word in words if word.startswith("nothing")]
    return words[0] if len(words) == 1 else "; ".join(silent) or ITEMS_ONLY
