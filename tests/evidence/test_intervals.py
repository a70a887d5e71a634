"""Two-way intervals: hand-worked numbers, an independent reference, simulated coverage."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlan.errors import DataError
from mlan.evidence.intervals import Interval, interval_of_sums, mean_interval
from mlan.score.metrics import accuracy

SEED, CLUSTER = [0, 0, 1, 1], ["a", "b", "a", "b"]


def table(x: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
    """Rows (seed, cluster, weight, value) of a seeds x clusters table, one item a cluster."""
    seed, cluster = np.indices(x.shape)
    return seed.ravel(), cluster.ravel(), np.ones(x.size), x.ravel()


def balanced_reference(x: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Standard error and degrees of freedom of the balanced table, written out from its formula."""
    S, G = x.shape
    a, b, m = x.mean(1), x.mean(0), x.mean()
    va = ((a - m) ** 2).sum() / (S - 1) / S
    vi = ((b - m) ** 2).sum() / (G - 1) / G
    ve = sum((x[s, g] - a[s] - b[g] + m) ** 2 for s in range(S) for g in range(G))
    ve /= (S - 1) * (G - 1) * S * G
    v = max(va + vi - ve, va, vi)
    share = min(1, va / v) ** (2 / 3)
    return math.sqrt(v), 1 / (share / (S - 1) + (1 - share) / (G - 1))


def test_mean_interval_two_by_two_by_hand() -> None:
    # Seed means .5 and 1: Va = .125/2 = .0625. Cluster means 1 and .5: Vi = .0625. Residuals
    # are all .25 in size: mean square .25, Ve = .25/4 = .0625. V = .0625, df = 1.
    found = mean_interval(SEED, CLUSTER, [1, 1, 1, 1], [1, 0, 1, 1])
    assert found.value == 0.75
    assert found.standard_error == pytest.approx(0.25)
    assert found.df == pytest.approx(1)
    half = 0.25 * stats.t.ppf(0.975, 1)
    assert (found.low, found.high) == pytest.approx((0.75 - half, 0.75 + half))
    assert (found.seeds, found.clusters, found.n) == (2, 2, 2)
    assert found.covers == "seeds and items"


def test_mean_interval_unequal_weights_by_hand() -> None:
    # Weights 3 and 1. Seed means 3/4 and 1: Va = (1/32)/2 = 1/64. Mean 7/8. Cluster means 1 and
    # 1/2, contributions 3(1/8)/4 = 3/32 and 1(-3/8)/4 = -3/32: Vi = 2 * 2 * 9/1024 = 9/256.
    # Residuals x - seed - cluster + mean: a +-1/8, b -+3/8; weighted 3/32, -3/32 (and opposite):
    # Ve = 2/1 * 4 * 9/1024 / (2 * 1) = 9/256. V = max(1/64, 9/256) = 9/256.
    found = mean_interval(SEED, CLUSTER, [3, 1, 3, 1], [1, 0, 1, 1])
    assert found.value == pytest.approx(7 / 8)
    assert found.standard_error == pytest.approx(3 / 16)
    assert found.df == pytest.approx(1)


@pytest.mark.parametrize(("seeds", "clusters"), [(2, 5), (3, 12), (5, 40)])
def test_mean_interval_balanced_table_equals_the_formula(seeds: int, clusters: int) -> None:
    x = np.random.default_rng(seeds).normal(size=(seeds, clusters))
    found = mean_interval(*table(x))
    error, df = balanced_reference(x)
    assert (found.standard_error, found.df) == pytest.approx((error, df))
    assert found.high - found.value == pytest.approx(error * stats.t.ppf(0.975, df))


def test_mean_interval_pure_seed_effect_leaves_no_interaction() -> None:
    # Both clusters move with the seed; sizes differ. V = Va = var(0, 1)/2 = .25, df = 1.
    found = mean_interval(SEED, CLUSTER, [5, 1, 5, 1], [0, 0, 1, 1])
    assert found.standard_error == pytest.approx(0.5)
    assert found.df == pytest.approx(1)


def test_mean_interval_equal_seeds_leave_the_clusters_alone() -> None:
    value = [1.0, 0, 0, 1, 1, 0, 1]
    seed, cluster = np.repeat([0, 1, 2], 7), np.tile([*"aabbccd"], 3)
    found = mean_interval(seed, cluster, np.ones(21), np.tile(value, 3))
    assert found.standard_error == pytest.approx(accuracy(value, [*"aabbccd"]).standard_error)
    assert found.df == pytest.approx(3)


def test_mean_interval_one_seed_covers_items_only() -> None:
    value, cluster = [1.0, 0, 0, 1, 1], [*"aabbc"]
    found = mean_interval([7] * 5, cluster, np.ones(5), value, confidence=0.9)
    expected = accuracy(value, cluster)
    assert found.covers == "items only (one seed)"
    assert found.standard_error == pytest.approx(expected.standard_error)
    assert found.high - found.value == pytest.approx(expected.standard_error * stats.t.ppf(0.95, 2))


@pytest.mark.parametrize("seeds", [1, 3])
def test_mean_interval_one_cluster_says_nothing(seeds: int) -> None:
    seed = np.repeat(np.arange(seeds), 2)
    found = mean_interval(seed, ["a"] * seed.size, np.ones(seed.size), np.arange(seed.size) % 2)
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.covers == "nothing (one cluster of items)"


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_mean_interval_no_variation_says_nothing(value: float) -> None:
    # 1/3 a weight: sums are rounded, and rounding must not pass for an interval.
    seed, cluster = np.repeat([0, 1, 2], 30), np.tile(np.arange(30) % 9, 3)
    found = mean_interval(seed, cluster, np.full(90, 1 / 3), np.full(90, value))
    assert found.value == pytest.approx(value)
    assert found.standard_error == 0
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.covers == "nothing (no variation seen)"


@given(st.permutations(range(24)), st.floats(0.01, 100))
def test_mean_interval_row_order_and_weight_scale_do_not_matter(
    order: list[int], scale: float
) -> None:
    rng = np.random.default_rng(3)
    seed, cluster = np.repeat([0, 1, 2], 8), np.tile([*"aaabbccd"], 3)
    weight, value = np.tile(rng.uniform(1, 2, size=8), 3), rng.integers(0, 2, size=24)
    one = mean_interval(seed, cluster, weight, value)
    two = mean_interval(seed[order], cluster[order], scale * weight[order], value[order])
    for field in ("value", "low", "high", "standard_error", "df"):
        assert getattr(two, field) == pytest.approx(getattr(one, field), rel=1e-9)


def test_interval_of_sums_equals_mean_interval() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(3, 6))
    weight_G = rng.uniform(1, 2, size=6)
    seed, cluster, _, value = table(x)
    rows = mean_interval(seed, cluster, np.tile(weight_G, 3), value)
    sums = interval_of_sums(x * weight_G, weight_G, 6)
    for field in fields(Interval):
        expected = getattr(rows, field.name)
        if isinstance(expected, float):
            expected = pytest.approx(expected)
        assert getattr(sums, field.name) == expected


def coverage(seeds: int, clusters: int, seed_sd: float, replicates: int) -> float:
    """Fraction of intervals that hold the true mean 0 (item sd .3, noise sd .4)."""
    rng = np.random.default_rng(20)
    weight_G = np.ones(clusters)
    hits = 0
    for _ in range(replicates):
        x = rng.normal(0, seed_sd, (seeds, 1)) + rng.normal(0, 0.3, clusters)
        found = interval_of_sums(x + rng.normal(0, 0.4, (seeds, clusters)), weight_G, clusters)
        hits += found.low <= 0 <= found.high
    return hits / replicates


@pytest.mark.parametrize(("seed_sd", "expected"), [(0.0, 0.984), (0.02, 0.983), (0.05, 0.982)])
def test_interval_coverage_three_seeds_sixty_clusters(seed_sd: float, expected: float) -> None:
    # `expected` was simulated with 6,000 replicates. 1,500 here: one standard error is .0035.
    assert coverage(3, 60, seed_sd, 1500) == pytest.approx(expected, abs=0.0125)


def test_interval_coverage_concepts_shared_by_unequal_benchmarks() -> None:
    # A group average: 20 concepts asked in two benchmarks, 40 in one of them only; the concept
    # moves all its items, so items are far from independent.
    rng = np.random.default_rng(21)
    concept = np.concatenate([np.arange(20), np.arange(60)])
    weight_G = np.bincount(concept, np.repeat([1 / (2 * 20), 1 / (2 * 60)], [20, 60]))
    hits = 0
    for _ in range(1500):
        x = rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.3, 60) + rng.normal(0, 0.4, (3, 60))
        found = interval_of_sums(x * weight_G, weight_G, 80)
        hits += found.low <= 0 <= found.high
    assert 0.94 <= hits / 1500 <= 0.995


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], ["a"], [1, 1], [1, 1]), "must have equal lengths"),
        (([], [], [], []), "there is no row"),
        (([0, 0], ["a", "b"], [1, 1], [1, math.nan]), "`value` holds a number that is not finite"),
        (([0, 0], ["a", "b"], [1, 0], [1, 1]), "`weight` must be positive and finite"),
        (
            ([0, 0, 1], ["a", "b", "a"], [1, 1, 1], [1, 0, 1]),
            "seeds 0 and 1 do not hold the same items; leave the incomplete seed out",
        ),
        (
            (SEED, CLUSTER, [1, 1, 1, 2], [1, 0, 1, 1]),
            "seeds 0 and 1 do not hold the same items",
        ),
    ],
)
def test_mean_interval_refuses(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        mean_interval(*arguments)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_mean_interval_refuses_a_confidence_that_is_no_fraction(confidence: float) -> None:
    with pytest.raises(DataError, match=f"confidence = {confidence}: must lie between 0 and 1"):
        mean_interval(SEED, CLUSTER, [1] * 4, [1, 0, 1, 1], confidence)
