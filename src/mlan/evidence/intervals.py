"""Two-way intervals: what a mean over seeds and items says about new seeds and new items.

Model: outcome x[s, i] of item i (in cluster g) under seed s has a seed effect, a cluster effect
shared by all seeds, and an interaction. The variance of the mean and its degrees of freedom are
those of `two_way`, the interval is a t interval. Resampling three seeds covers too little. With
one seed the interval is over items alone and says so. Bounds are not clipped to [0, 1].
Differences between two cells are intervals of paired differences. Three parts: validate,
statistic, public functions. Not here: what is averaged or compared.

Reference: Cameron, Gelbach and Miller, Robust Inference With Multiway Clustering (2011).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from mlan.errors import DataError
from mlan.evidence.samples import Array, Sample, from_sums
from mlan.evidence.two_way import interaction, item_df, item_variance, variance_and_df

SEEDS_AND_ITEMS = "seeds and items"
POOLED = "seeds (variance pooled over cells) and items"
ITEMS_ONLY = "items only (one seed)"
ONE_CLUSTER = "nothing (one cluster of items)"
NO_VARIATION = "nothing (no variation seen)"
# Relative size below which a variance is rounding: outcomes are near 1, weights sum to 1.
_ROUNDING = 1e-24


@dataclass(frozen=True)
class Interval:
    """A mean with its interval, and what the interval speaks about.

    `low` and `high` are NaN where the data cannot say (see `covers`). `n` counts the items of
    one seed.
    """

    value: float
    low: float
    high: float
    standard_error: float
    df: float
    seeds: int
    clusters: int
    n: int
    covers: str

    def p_above(self, bound: float) -> float:
        """One-sided p value of the hypothesis that the number is `bound` or less.

        NaN where the data cannot say (`low` is NaN too).
        """
        return (
            float(stdtr(self.df, (bound - self.value) / self.standard_error))
            if self.df > 0
            else math.nan
        )

    def p_below(self, bound: float) -> float:
        """One-sided p value of the hypothesis that the number is `bound` or more; may be NaN."""
        return (
            float(stdtr(self.df, (self.value - bound) / self.standard_error))
            if self.df > 0
            else math.nan
        )

    def p_different(self, bound: float = 0.0) -> float:
        """Two-sided p value of the hypothesis that the number is `bound`; may be NaN."""
        return 2 * min(self.p_above(bound), self.p_below(bound))

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return low and high at another level; NaN where the data cannot say."""
        if not self.df > 0:
            return math.nan, math.nan
        half = self.standard_error * float(stdtrit(self.df, (1 + confidence) / 2))
        return self.value - half, self.value + half


@dataclass(frozen=True)
class SeedVariance:
    """Variance of a number between seeds, and the degrees of freedom of that estimate.

    Raises DataError for a negative variance and for no degree of freedom.
    """

    value: float
    df: float

    def __post_init__(self) -> None:
        if not (self.value >= 0 and self.df > 0):
            raise DataError(
                f"seed variance {self.value} with {self.df} degrees of freedom: the variance must "
                "be 0 or more, with a positive number of degrees of freedom"
            )


def mean_interval(
    seed: ArrayLike,
    cluster: ArrayLike,
    weight: ArrayLike,
    value: ArrayLike,
    confidence: float = 0.95,
) -> Interval:
    """Return the interval of the mean over seeds of the weighted mean over items.

    Parameters are four arrays with one entry per (seed, item): names of seed and cluster, the
    item's weight (> 0, any scale, equal in all seeds; 1/(B n_b) gives B benchmarks of n_b items
    equal say) and its outcome. Every seed must hold the same items. One seed: the interval is
    over items only and `covers` says so. One cluster, or no variation at all: low, high NaN.

    Raises DataError for unequal lengths, no rows, a value that is not finite, a weight that is
    not positive, a confidence outside (0, 1), or seeds with different items.

    >>> mean_interval([0, 0, 1, 1], ["a", "b", "a", "b"], [1, 1, 1, 1], [1, 0, 1, 1]).value
    0.75
    """
    sums_SG, weights_G, n = _validated(seed, cluster, weight, value)
    return interval_of_sums(sums_SG, weights_G, n, confidence)


def interval_of_sums(
    sums_SG: Array, weights_G: Array, n: int, confidence: float = 0.95
) -> Interval:
    """Return the interval of `mean_interval` from cluster sums, for callers that hold them.

    `sums_SG` holds sum_{i in g} w_i x_si per seed and cluster, `weights_G` holds
    sum_{i in g} w_i, `n` the items of one seed. Raises DataError for a confidence outside
    (0, 1) and for shapes that do not fit.
    """
    if sums_SG.ndim != 2 or sums_SG.size == 0 or sums_SG.shape[1:] != weights_G.shape:
        raise DataError(
            f"interval: sums of shape {sums_SG.shape} do not fit weights {weights_G.shape}"
        )
    names = [f"{g:09d}" for g in range(weights_G.size)]
    seeds = range(sums_SG.shape[0])
    return interval(from_sums(seeds, sums_SG, weights_G, names, ("items", n)), confidence)


def interval(
    sample: Sample, confidence: float = 0.95, seed_variance: SeedVariance | None = None
) -> Interval:
    """Return the interval of a number over seeds, whatever it is made of.

    `seed_variance` replaces the variance of the sample's own seeds (`pooling`), also where there
    is one seed only. Raises DataError for a confidence outside (0, 1) and for values that are not
    finite.
    """
    if not 0 < confidence < 1:
        raise DataError(f"confidence = {confidence}: must lie between 0 and 1")
    if not np.isfinite(sample.values).all() or not np.isfinite(sample.residuals).all():
        raise DataError("interval: a score is not a finite number")
    seeds, clusters = sample.residuals.shape
    value = sample.value
    error, df = _error_and_df(sample, seed_variance)
    scale = max(1.0, float(np.abs(sample.values).max()))
    if math.isnan(error):
        covers = ONE_CLUSTER
    elif error**2 <= _ROUNDING * scale**2:
        error, df, covers = 0.0, math.nan, NO_VARIATION
    elif seed_variance is not None:
        covers = POOLED
    else:
        covers = ITEMS_ONLY if seeds == 1 else SEEDS_AND_ITEMS
    found = Interval(value, math.nan, math.nan, error, df, seeds, clusters, sample.n, covers)
    low, high = found.bounds(confidence)
    return replace(found, low=low, high=high)


def _error_and_df(sample: Sample, seed_variance: SeedVariance | None) -> tuple[float, float]:
    """The statistic: standard error and degrees of freedom.

    S >= 1; NaN where something was asked of one cluster only.
    """
    if not (sample.df > 0).all():
        return math.nan, math.nan
    seeds = len(sample.seeds)
    v_items = float(item_variance(sample.residuals, sample.df))
    df_items = item_df(sample.residuals, sample.df)
    if seed_variance is None and seeds == 1:
        return math.sqrt(v_items), df_items
    if seed_variance is None:
        seed_variance = SeedVariance(float(sample.values.var(ddof=1)), float(seeds - 1))
    total, df = variance_and_df(
        seed_variance.value / seeds,
        v_items,
        # Of one seed the interaction is unknown; to count it twice is on the safe side.
        interaction(sample.residuals, sample.df) if seeds > 1 else 0.0,
        seed_variance.df,
        df_items,
    )
    return math.sqrt(float(total)), float(df)


def _validated(
    seed: ArrayLike, cluster: ArrayLike, weight: ArrayLike, value: ArrayLike
) -> tuple[Array, Array, int]:
    """Standardise the rows to cluster sums (S, G), cluster weights (G) and items per seed."""
    outcome = np.asarray(value, dtype=np.float64)
    share = np.asarray(weight, dtype=np.float64)
    seed_names, seed_code = np.unique(np.asarray(seed), return_inverse=True)
    names, code = np.unique(np.asarray(cluster), return_inverse=True)
    if outcome.ndim != 1 or not outcome.shape == share.shape == seed_code.shape == code.shape:
        raise DataError("interval: `seed`, `cluster`, `weight`, `value` must have equal lengths")
    if outcome.size == 0:
        raise DataError("interval: there is no row")
    if not np.isfinite(outcome).all():
        raise DataError("interval: `value` holds a number that is not finite")
    if not (np.isfinite(share).all() and (share > 0).all()):
        raise DataError("interval: `weight` must be positive and finite")
    shape = (seed_names.size, names.size)
    cell = seed_code * names.size + code
    count_SG = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    weight_SG = _cell_sums(cell, share, shape)
    same = (count_SG == count_SG[0]).all(axis=1) & np.isclose(
        weight_SG, weight_SG[0], rtol=1e-9, atol=0
    ).all(axis=1)
    if not same.all():
        first = seed_names[~same][0]
        raise DataError(
            f"interval: seeds {seed_names[0]} and {first} do not hold the same items; "
            "leave the incomplete seed out"
        )
    return _cell_sums(cell, share * outcome, shape), weight_SG[0], int(count_SG[0].sum())


def _cell_sums(cell: NDArray[np.int64], values: Array, shape: tuple[int, int]) -> Array:
    sums = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
    return np.asarray(sums, dtype=np.float64).reshape(shape)
