"""What each rule makes of a claim's numbers: a value, and p values of the claim and its opposite.

Model: every p value is one-sided and of the hypothesis that the claim does not hold, at its
margin m; the opposite's is of the hypothesis that the claim does hold, so that a small one
contradicts it.

    superiority     D > m                  opposite D < m
    non_inferiority D > -m                 opposite D < -m
    equivalence     |D| < m                the larger of two one-sided p values (TOST);
                                           opposite: twice the smaller of D > m, D < -m
    plateau         |D| < m in all pairs   the largest p of all pairs (intersection-union);
                                           opposite: of any pair, adjusted by their joint law
    cliff           C > m                  C: drop less the drop of the interior's line
    trend           slope > m, or < -m
    saturation      gain > m_gain, plateau the larger p; opposite: twice the smaller
    interaction     first - second > m, or within m
    token_ratio     every seed's ratio <= the limit; exact, without p

Seed variances other than those of the contrasts themselves are given by role, as samples are
(`seeds`). Where the data cannot say (one cluster, no variation) p is NaN and `why` says it in
words.

References: Schuirmann (1987) for TOST; Berger (1982) for intersection-union tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlan.evidence.intervals import (
    NO_VARIATION,
    ONE_CLUSTER,
    Interval,
    SeedVariance,
    interval,
)
from mlan.evidence.joint import Joint, joint
from mlan.evidence.multiple import tost
from mlan.evidence.samples import Sample

Plain = Mapping[str, Any]
# Samples of a claim's contrasts by role.
Samples = Mapping[str, Sequence[Sample]]
# Their seed variances by role; of a role that is left out, those of the samples' own seeds.
Variances = Mapping[str, Sequence[SeedVariance]]
# The paper calls a drop a cliff when it exceeds so many ranges of the interior's means.
_RANGES = 3

_UNSEEN = {
    ONE_CLUSTER: "one cluster of items: its error cannot be told",
    NO_VARIATION: "no variation was seen: equal scores say nothing of their error",
}


@dataclass(frozen=True)
class Outcome:
    """A claim's value before any adjustment.

    `decides` is the interval of the number with which the claim stands or falls; `pairs` holds
    all pairs of a plateau, whose value is the largest difference. `twofold`: the opposite holds in
    one of two ways, so that its p value is twice that of the likelier. `shown` is said beside it,
    `why` says why the data cannot tell where they cannot.
    """

    value: float
    p: float
    p_opposite: float
    decides: Interval
    pairs: Joint | None = None
    twofold: bool = False
    shown: str = ""
    why: str = ""

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return low and high of the value, each of which errs in (1 - confidence) / 2.

        For a plateau these bound the largest difference: it is shown to be below a margin exactly
        when `high` is, for which each pair may be taken by itself, and above it exactly when `low`
        is, for which all pairs are searched: `low` has their joint level.
        """
        if self.pairs is None:
            return self.decides.bounds(confidence)
        each = 1 - self.pairs.level_at((1 - confidence) / 2)
        alone = np.array([one.bounds(confidence) for one in self.pairs.intervals])
        joined = np.array([one.bounds(each) for one in self.pairs.intervals])
        low = np.maximum(joined[:, 0], -joined[:, 1]).max()
        return float(np.maximum(0.0, low)), float(np.abs(alone).max())


@dataclass(frozen=True)
class _Numbers:
    """Samples with their seed variances."""

    samples: Samples
    variances: Variances

    def first(self, role: str) -> Interval:
        """The interval of the first contrast of a role."""
        own = self.variances.get(role)
        return interval(self.samples[role][0], seed_variance=own[0] if own else None)

    def all(self, role: str) -> Joint:
        """The intervals of all contrasts of a role."""
        return joint(self.samples[role], seed_variances=self.variances.get(role))


def outcome(claim: Plain, samples: Samples, variances: Variances | None = None) -> Outcome:
    """Return what a claim's rule makes of the samples of its contrasts.

    Raises DataError for a score that is not finite.
    """
    return _RULES[claim["rule"]](claim, _Numbers(samples, variances or {}))


def value(claim: Plain, samples: Samples) -> float:
    """Return a claim's value alone, as `outcome` has it."""
    if claim["rule"] == "plateau":
        return max(abs(sample.value) for sample in samples["pair"])
    return samples[_ROLES.get(claim["rule"], "difference")][0].value


_ROLES = {"cliff": "cliff", "trend": "slope", "saturation": "gain"}


def _one_sided(found: Interval, bound: float, shown: str = "") -> Outcome:
    """Of the claim that a number is above a bound."""
    p, opposite = found.p_above(bound), found.p_below(bound)
    return Outcome(found.value, p, opposite, found, shown=shown, why=_unseen(found))


def _within(found: Interval, margin: float, shown: str = "") -> Outcome:
    """Of the claim that a number is within the margins."""
    p, opposite = tost(found, margin), _beyond(found, margin)
    why = _unseen(found)
    return Outcome(found.value, p, opposite, found, twofold=True, shown=shown, why=why)


def _pt(score: float) -> str:
    """A score or difference in points, as it is said beside a verdict."""
    return f"{100 * score:.1f}"


def _unseen(*found: Interval) -> str:
    return next((_UNSEEN[one.covers] for one in found if one.covers in _UNSEEN), "")


def _beyond(found: Interval, margin: float) -> float:
    """Two-sided p value of the hypothesis that a number is within the margins."""
    return float(np.minimum(1.0, 2 * np.minimum(found.p_above(margin), found.p_below(-margin))))


def _superiority(claim: Plain, numbers: _Numbers) -> Outcome:
    return _one_sided(numbers.first("difference"), claim["margin"])


def _non_inferiority(claim: Plain, numbers: _Numbers) -> Outcome:
    return _one_sided(numbers.first("difference"), -claim["margin"])


def _equivalence(claim: Plain, numbers: _Numbers) -> Outcome:
    return _within(numbers.first("difference"), claim["margin"])


def _plateau(claim: Plain, numbers: _Numbers) -> Outcome:
    together, margin = numbers.all("pair"), claim["margin"]
    found = together.intervals
    p_within = [tost(one, margin) for one in found]
    p_beyond = [together.adjusted(_beyond(one, margin)) for one in found]
    decides = found[int(np.argmax(np.nan_to_num(p_within, nan=2.0)))]
    return Outcome(
        value=max(abs(one.value) for one in found),
        p=float(np.max(p_within)),  # NaN if one of them is
        p_opposite=float(np.fmin.reduce(p_beyond)),
        decides=decides,
        pairs=together,
        why=_unseen(*found),
    )


def _cliff(claim: Plain, numbers: _Numbers) -> Outcome:
    levels = [sample.value for sample in numbers.samples["level"]]
    lost, width = numbers.samples["drop"][0].value, max(levels) - min(levels)
    said = "yes" if lost > _RANGES * width else "no"
    shown = f"the paper's rule: drop {_pt(lost)} > {_RANGES} x range {_pt(width)} points: {said}"
    return _one_sided(numbers.first("cliff"), claim["margin"], shown)


def _trend(claim: Plain, numbers: _Numbers) -> Outcome:
    found, margin = numbers.first("slope"), claim["margin"]
    if claim["direction"] == "rises":
        return _one_sided(found, margin)
    p, opposite = found.p_below(-margin), found.p_above(-margin)
    return Outcome(found.value, p, opposite, found, why=_unseen(found))


def _saturation(claim: Plain, numbers: _Numbers) -> Outcome:
    gain = _one_sided(numbers.first("gain"), claim["gain_margin"])
    flat = _plateau(claim, numbers)
    p = float(np.maximum(gain.p, flat.p))
    opposite = float(np.minimum(1.0, 2 * np.minimum(gain.p_opposite, flat.p_opposite)))
    shown = (
        f"gain (the interval is of it alone) {_pt(gain.value)} > {100 * claim['gain_margin']:g} "
        f"points: p {gain.p:.2g}; then the largest difference {_pt(flat.value)} < "
        f"{100 * claim['margin']:g}: p {flat.p:.2g}"
    )
    why = gain.why or flat.why
    return Outcome(gain.value, p, opposite, gain.decides, twofold=True, shown=shown, why=why)


def _interaction(claim: Plain, numbers: _Numbers) -> Outcome:
    first, second = numbers.samples["first"][0].value, numbers.samples["second"][0].value
    shown = f"first {_pt(first)}, second {_pt(second)} points"
    found, margin = numbers.first("difference"), claim["margin"]
    if claim["direction"] == "larger":
        return _one_sided(found, margin, shown)
    return _within(found, margin, shown)


_RULES: dict[str, Callable[[Plain, _Numbers], Outcome]] = {
    "superiority": _superiority,
    "non_inferiority": _non_inferiority,
    "equivalence": _equivalence,
    "plateau": _plateau,
    "cliff": _cliff,
    "trend": _trend,
    "saturation": _saturation,
    "interaction": _interaction,
}


@dataclass(frozen=True)
class Ratio:
    """Tokens of one cell over those of another, on every seed: exact, so without a p value."""

    by_seed: Mapping[int, float]

    @property
    def value(self) -> float:
        """The mean over seeds; NaN without one."""
        return float(np.mean(list(self.by_seed.values()))) if self.by_seed else math.nan

    def verdict(self, at_most: float) -> str:
        """Whether all seeds are within the limit, none is, or some are."""
        within = [ratio <= at_most for ratio in self.by_seed.values()]
        return "supported" if all(within) else "undecided" if any(within) else "contradicted"
