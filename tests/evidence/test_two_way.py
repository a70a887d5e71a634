"""The variance of a two-way mean and its degrees of freedom: ends, bounds, and their size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from mlan.evidence.two_way import item_df, item_variance, variance_and_df

part = st.floats(0, 10)


def test_variance_and_df_by_hand() -> None:
    # V = .5 + 4 - .5 = 4; Va / V = 1/8, to the 2/3 it is 1/4: df = 1 / (.25/2 + .75/60).
    variance, df = variance_and_df(0.5, 4.0, 0.5, 2, 60)
    assert variance == pytest.approx(4)
    assert df == pytest.approx(1 / (0.125 + 0.0125))


@pytest.mark.parametrize(("v_seeds", "v_items", "expected"), [(3, 0, 2), (0, 3, 60)])
def test_df_is_that_of_the_only_part(v_seeds: float, v_items: float, expected: float) -> None:
    assert variance_and_df(v_seeds, v_items, 0, 2, 60)[1] == pytest.approx(expected)


def test_no_variance_has_no_df() -> None:
    variance, df = variance_and_df(0, 0, 0, 2, 60)
    assert variance == 0
    assert math.isnan(df)


@given(part, part, st.floats(0, 1))
def test_variance_is_no_less_than_its_parts_and_df_lies_between_theirs(
    v_seeds: float, v_items: float, both: float
) -> None:
    variance, df = variance_and_df(v_seeds, v_items, both * min(v_seeds, v_items), 2, 60)
    assert max(v_seeds, v_items) <= variance <= v_seeds + v_items
    assert math.isnan(df) or 2 - 1e-9 <= df <= 60 + 1e-9


def test_items_of_two_benchmarks_by_hand() -> None:
    # Two clusters with df 1 hold 1/8 of Vi = 8, to the 2/3 that is 1/4; 61 with df 60 the rest.
    df_G = np.repeat([60.0, 1.0], [61, 2])
    residuals_SG = np.sqrt(np.repeat([7 / 61, 1 / 2], [61, 2]) / (1 + 1 / df_G))[None]
    assert item_variance(residuals_SG, df_G) == pytest.approx(8)
    assert item_df(residuals_SG, df_G) == pytest.approx(1 / (0.25 / 1 + 0.75 / 60))


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_items_of_one_benchmark_have_its_df(scale: float) -> None:
    residuals_SG = scale * np.random.default_rng(1).standard_normal((3, 80))
    assert item_df(residuals_SG, np.full(80, 79.0)) == 79


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(1, 99)), min_size=1, max_size=9))
def test_df_of_items_is_that_of_no_benchmark_or_between(found: list[tuple[float, int]]) -> None:
    residuals_G, df_G = np.array(found).T
    df = item_df(residuals_G[None], df_G)
    assert df_G.min() - 1e-9 <= df <= df_G.max() + 1e-9


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("ratio", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("interaction", [0.1, 0.4])
def test_one_sided_test_at_one_per_cent_keeps_its_size(
    seeds: int, ratio: float, interaction: float
) -> None:
    # The level at which Holm tests the first of five claims. With few seeds Satterthwaite's rule
    # has twice that size (ratio 10). 40,000 normal tables by their mean squares: se .0005.
    rng, n, clusters = np.random.default_rng(11), 40_000, 500
    df = {"seeds": seeds - 1, "items": clusters - 1, "both": (seeds - 1) * (clusters - 1)}
    true = {"seeds": ratio + interaction, "items": 1.0, "both": interaction}
    v_seeds, v_items, v_both = (true[k] * rng.chisquare(df[k], n) / df[k] for k in df)
    value = rng.normal(0, math.sqrt(ratio + 1), n)
    variance, freedom = variance_and_df(v_seeds, v_items, v_both, df["seeds"], df["items"])
    wrong = np.mean(value > np.sqrt(variance) * stdtrit(freedom, 0.99))
    assert wrong <= 0.0125
