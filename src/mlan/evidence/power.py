"""What a claim can detect with planned seeds, items and clusters, before anything runs.

Model: a number of a study varies between seeds, between items in a way that all seeds share, and
between items anew on each seed (`Parts`). The estimate and the parts of its standard error are
drawn as they would come out of the planned study, and the interval's own rule (`two_way`) is
applied to each draw. In each draw a claim needs a certain true value (or margin) to be supported;
power is the share of draws that need no more than there is, and what is detected in 80 % is a
quantile. With one part of variance alone this is the noncentral t. Draws have a fixed seed, so
that equal plans have equal power.

Of one seed, items alone are planned for: that is what its interval covers. A seed variance that is
pooled over cells (`pooling`) is drawn with its degrees of freedom where its checks pass, as often
as they do if cells vary alike, and is that of the number's own seeds in the other draws. Not here:
where the parts come from (`variance_parts`), which claims are planned for (`planned_power`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from mlan.evidence.pooling import PASS_RATE, pooled_df
from mlan.evidence.samples import Array
from mlan.evidence.two_way import variance_and_df

GOAL = 0.8
"""Power at which an effect counts as detectable."""
MOST_SEEDS = 99
DRAWS = 8_000
_SEED = 20_241_117


@dataclass(frozen=True)
class Parts:
    """Variances of a number, and the clusters of items behind it.

    `seeds`: its true value on one seed. `items`: the mean over its items, what is the same on
    every seed. `both`: the mean over its items, what is new on each seed.
    """

    seeds: float
    items: float
    both: float
    clusters: int

    def variance(self, seeds: int) -> float:
        """Variance of the mean over seeds; of one seed, about that seed's true value."""
        if seeds == 1:
            return self.items + self.both
        return (self.seeds + self.both) / seeds + self.items

    def with_items(self, factor: float) -> Parts:
        """Return the parts with `factor` times as many items, in as many times more clusters."""
        clusters = max(2, round(factor * self.clusters))
        return Parts(self.seeds, self.items / factor, self.both / factor, clusters)


@dataclass(frozen=True)
class Test:
    """What a claim asks of P numbers, each a sum of C scores with `weights` (P, C).

    `exceeds`: the bound that the first number must exceed, if it must. `within`: the margin in
    which all others must lie, all P if none must exceed. `level`: of each one-sided test.
    `pooled`: cells whose seed variance is pooled; 0 where each number has its own.
    """

    __test__ = False  # no test of pytest

    parts: tuple[Parts, ...]
    weights: Array
    exceeds: float | None
    within: float | None
    level: float
    pooled: int = 0

    @property
    def detects_margins(self) -> bool:
        """Whether what is detected is a margin, not a true value."""
        return self.exceeds is None


def planned_error(parts: Parts, seeds: int, pooled: int = 0) -> tuple[float, float]:
    """Return the standard error and the degrees of freedom that a plan leads to expect.

    Of a seed variance pooled over so many cells, as if its checks passed.
    """
    if seeds == 1:
        return math.sqrt(parts.variance(1)), float(parts.clusters - 1)
    _, df = variance_and_df(
        (parts.seeds + parts.both) / seeds,
        parts.items + parts.both / seeds,
        parts.both / seeds,
        pooled_df(pooled, seeds) if pooled else seeds - 1,
        parts.clusters - 1,
    )
    return math.sqrt(parts.variance(seeds)), float(df)


def power(test: Test, seeds: int, effect: float) -> float:
    """Return the chance that a claim is supported if its first number is `effect`, others 0.

    >>> weights = np.array([[1.0, -1.0]])
    >>> no_seed_effect = Parts(seeds=0.0, items=0.0004, both=0.0, clusters=400)
    >>> round(power(Test((no_seed_effect,), weights, 0.0, None, 0.05), 1, 0.05), 1)
    0.8
    """
    if test.detects_margins:
        return float(np.mean(_needed(test, seeds, effect) < (test.within or 0.0)))
    return float(np.mean(_needed(test, seeds, 0.0) < effect))


def detectable(test: Test, seeds: int) -> float:
    """Return the smallest true value that is detected with power 80 %, others being 0.

    Of a claim that everything is within a margin: the smallest margin, if all numbers are 0.
    Infinite where no value would do, because a plateau beside it is not shown.
    """
    needed = np.sort(_needed(test, seeds, 0.0))
    return float(needed[math.ceil(GOAL * needed.size) - 1])


def seeds_needed(test: Test, effect: float) -> int | None:
    """Return the fewest seeds from 2 to 99 with power 80 % at `effect`; None if none suffices."""
    if power(test, MOST_SEEDS, effect) < GOAL:
        return None
    low, high = 1, MOST_SEEDS  # too few, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(test, middle, effect) >= GOAL else (middle, high)
    return high


def _needed(test: Test, seeds: int, effect: float) -> Array:
    """What each draw needs to be supported: a true value, or else a margin at `effect`."""
    error_DP, half_DP = _draws(test, seeds)
    first = 0 if test.exceeds is None else 1
    true_P = np.zeros(error_DP.shape[1])
    if first == 0:
        true_P[0] = effect
    reach_DP = np.abs(true_P + error_DP) + half_DP
    if test.exceeds is None:
        return np.asarray(reach_DP.max(axis=1))
    needed_D = test.exceeds + half_DP[:, 0] - error_DP[:, 0]
    if test.within is not None:
        is_flat_D = (reach_DP[:, first:] < test.within).all(axis=1)
        needed_D = np.where(is_flat_D, needed_D, np.inf)
    return np.asarray(needed_D)


def _draws(test: Test, seeds: int) -> tuple[Array, Array]:
    """Errors (D, P) of the estimates, and how far their one-sided bounds lie from them (D, P).

    What differs between seeds is drawn per seed, so that numbers on the same cells share it.
    """
    rng = np.random.default_rng(_SEED)
    root_PR = _root(test.weights)
    items_P = np.array([p.items + p.both * (seeds == 1) for p in test.parts])
    both_P = np.array([p.both for p in test.parts]) * (seeds > 1)
    clusters = min(p.clusters for p in test.parts)
    error_DP = np.sqrt(items_P) * (rng.standard_normal((DRAWS, root_PR.shape[1])) @ root_PR.T)
    spread_D1 = rng.chisquare(clusters - 1, (DRAWS, 1)) / (clusters - 1)
    v_items_DP = (items_P + both_P / seeds) * spread_D1
    if seeds == 1:
        return error_DP, np.sqrt(v_items_DP) * stdtrit(clusters - 1.0, 1 - test.level)
    by_seed_P = np.sqrt(np.array([p.seeds for p in test.parts]) + both_P)
    by_seed_DSP = by_seed_P * (rng.standard_normal((DRAWS, seeds, root_PR.shape[1])) @ root_PR.T)
    error_DP = error_DP + by_seed_DSP.mean(axis=1)
    v_seeds_DP = by_seed_DSP.var(axis=1, ddof=1) / seeds
    df = (seeds - 1) * (clusters - 1)
    v_both_DP = both_P / seeds * rng.chisquare(df, (DRAWS, 1)) / df
    df_seeds: Array = np.asarray(seeds - 1.0)
    if test.pooled:
        df_pooled = pooled_df(test.pooled, seeds)
        # One estimate for all numbers of a study.
        pooled_D1 = rng.chisquare(df_pooled, (DRAWS, 1)) / df_pooled
        passes_D1 = rng.random((DRAWS, 1)) < PASS_RATE
        v_seeds_DP = np.where(passes_D1, by_seed_P**2 / seeds * pooled_D1, v_seeds_DP)
        df_seeds = np.where(passes_D1, df_pooled, df_seeds)
    variance_DP, df_DP = variance_and_df(v_seeds_DP, v_items_DP, v_both_DP, df_seeds, clusters - 1)
    return error_DP, np.sqrt(variance_DP) * stdtrit(df_DP, 1 - test.level)


def _root(weights_PC: Array) -> Array:
    """R (P, rank) with R R' the correlation of sums of C scores that vary alike."""
    unit_PC = weights_PC / np.linalg.norm(weights_PC, axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(unit_PC @ unit_PC.T)
    kept = values > 1e-9
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))
