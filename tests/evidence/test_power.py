"""Power before the run: noncentral t where one part of variance is all, bounds, and order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlan.evidence.power import (
    GOAL,
    Parts,
    Test,
    detectable,
    planned_error,
    power,
    seeds_needed,
)

PAIR = np.array([[1.0, -1.0]])
# 8,000 draws: one standard error of a power of .8 is .0045.
ERROR = 0.015


def above(parts: Parts, level: float = 0.05, margin: float = 0.0) -> Test:
    """The test that one difference is above a margin."""
    return Test((parts,), PAIR, margin, None, level)


def within(margin: float, *parts: Parts, weights: np.ndarray = PAIR, level: float = 0.05) -> Test:
    """The test that all numbers are within a margin."""
    return Test(parts, weights, None, margin, level)


@pytest.mark.parametrize(
    ("parts", "seeds", "df"),
    [
        (Parts(0.0012, 0, 0, 400), 3, 2),
        (Parts(0.0012, 0, 0, 400), 5, 4),
        (Parts(0, 0.0003, 0.0001, 400), 1, 399),
        (Parts(0, 0.0004, 0, 12), 4, 11),
    ],
)
@pytest.mark.parametrize("effect", [1.0, 2.5, 4.0])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_power_with_one_part_of_variance_is_the_noncentral_t(
    parts: Parts, seeds: int, df: int, effect: float, level: float
) -> None:
    error, found_df = planned_error(parts, seeds)
    expected = stats.nct.sf(stats.t.ppf(1 - level, df), df, effect)
    assert found_df == pytest.approx(df)
    assert power(above(parts, level), seeds, effect * error) == pytest.approx(expected, abs=ERROR)


@pytest.mark.parametrize("effect", [2.5, 4.0])
def test_power_with_a_pooled_seed_variance_is_that_of_its_degrees_of_freedom(effect: float) -> None:
    parts, level = Parts(0.0012, 0, 0, 400), 0.01
    error, df = planned_error(parts, 3, pooled=5)
    assert df == pytest.approx(8)  # (5 - 1)(3 - 1)

    def t_power(df: float) -> float:
        return float(stats.nct.sf(stats.t.ppf(1 - level, df), df, effect))

    # Checks at 10 % each let .81 of studies pool; the others keep their two.
    expected = 0.81 * t_power(8) + 0.19 * t_power(2)
    test = Test((parts,), PAIR, 0.0, None, level, pooled=5)
    assert power(test, 3, effect * error) == pytest.approx(expected, abs=ERROR)


def test_planned_error_by_hand() -> None:
    # V = (.0009 + .0003) / 3 + .0001 = .0005. Va = .0004, so h = .8^(2/3).
    error, df = planned_error(Parts(0.0009, 0.0001, 0.0003, 101), 3)
    share = 0.8 ** (2 / 3)
    assert error == pytest.approx(math.sqrt(0.0005))
    assert df == pytest.approx(1 / (share / 2 + (1 - share) / 100))


def test_detectable_effect_is_detected_in_eighty_per_cent() -> None:
    test = above(Parts(0.0018, 0.0001, 0.0004, 300), 0.01)
    assert power(test, 3, detectable(test, 3)) == pytest.approx(GOAL, abs=0.001)


def test_margin_moves_what_is_detected_by_itself() -> None:
    parts = Parts(0.0018, 0.0001, 0.0004, 300)
    plain, moved = detectable(above(parts), 3), detectable(above(parts, margin=-0.03), 3)
    assert moved == pytest.approx(plain - 0.03)


def test_power_of_equivalence_is_that_of_two_one_sided_tests() -> None:
    # Items alone: the difference is normal and its error all but known.
    error, margin = 0.01, 0.03
    test = within(margin, Parts(0, error**2, 0, 100_000))
    reach = margin / error - stats.norm.ppf(0.95)
    assert power(test, 1, 0.0) == pytest.approx(2 * stats.norm.cdf(reach) - 1, abs=ERROR)
    shifted = stats.norm.cdf(reach - 1) - stats.norm.cdf(-reach - 1)
    assert power(test, 1, error) == pytest.approx(shifted, abs=ERROR)


def test_smallest_margin_is_shown_in_eighty_per_cent() -> None:
    parts = Parts(0.0018, 0.0001, 0.0004, 300)
    found = detectable(within(math.nan, parts), 5)
    assert power(within(found + 1e-12, parts), 5, 0.0) == pytest.approx(GOAL, abs=0.001)


def test_plateau_of_three_cells_needs_more_than_one_pair_and_less_than_independent_ones() -> None:
    one = Parts(0, 0.0002, 0, 100_000)
    weights = np.array([[1.0, -1, 0], [1, 0, -1], [0, 1, -1]])
    found = detectable(within(math.nan, one, one, one, weights=weights), 1)
    # Ranges of three equal normals: their 80 % point is 2.42 standard deviations of one cell.
    span = stats.studentized_range.ppf(0.8, 3, np.inf) * math.sqrt(0.0001)
    expected = span + stats.norm.ppf(0.95) * math.sqrt(0.0002)
    assert found == pytest.approx(expected, rel=0.02)
    assert found > detectable(within(math.nan, one), 1)


def test_gain_beside_a_plateau_that_is_never_shown_has_no_detectable_value() -> None:
    parts = Parts(0.0018, 0.0001, 0.0004, 300)
    weights = np.array([[1.0, -1, 0], [0, 1, -1]])
    assert math.isinf(detectable(Test((parts, parts), weights, 0.0, 0.001, 0.05), 3))
    wide = Test((parts, parts), weights, 0.0, 10.0, 0.05)
    assert detectable(wide, 3) == pytest.approx(detectable(above(parts), 3), rel=0.1)


part = st.floats(1e-5, 1e-2)


@settings(max_examples=25, deadline=None)
@given(part, part, part, st.integers(3, 12), st.floats(0.01, 0.3))
def test_more_seeds_and_more_items_do_not_lower_power(
    seeds: float, items: float, both: float, planned: int, effect: float
) -> None:
    parts = Parts(seeds, items, both, 200)
    now = power(above(parts), planned, effect)
    assert power(above(parts), planned + 3, effect) >= now - 2 * ERROR
    assert power(above(parts.with_items(4)), planned, effect) >= now - 2 * ERROR


@pytest.mark.parametrize("effect", [0.04, 0.08, 0.2])
def test_seeds_needed_are_enough_and_one_fewer_is_not(effect: float) -> None:
    test = above(Parts(0.0018, 0.0001, 0.0004, 300), 0.01)
    needed = seeds_needed(test, effect)
    assert needed is not None
    assert power(test, needed, effect) >= GOAL > power(test, needed - 1, effect)


def test_seeds_needed_is_none_where_items_leave_too_much() -> None:
    # However many seeds, the items' own error of .05 stays.
    assert seeds_needed(above(Parts(0.0001, 0.0025, 0, 60)), 0.03) is None


def test_more_items_shrink_their_parts_and_leave_the_seeds() -> None:
    assert Parts(0.1, 0.2, 0.4, 30).with_items(4) == Parts(0.1, 0.05, 0.1, 120)
