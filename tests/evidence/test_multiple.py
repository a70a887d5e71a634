"""Adjusted p values, equivalence and proportions by hand; other people's code is in test_peers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.errors import DataError
from mlan.evidence.intervals import interval_of_sums
from mlan.evidence.multiple import holm, tost, wilson


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .04: times 3, 2, 1 is .03, .04, .04.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_holm_counts_claims_that_were_withdrawn_or_say_nothing() -> None:
    # Two more members: times 5, 4, 3.
    assert holm([0.04, 0.01, 0.02], size=5) == pytest.approx([0.12, 0.05, 0.08])
    found = holm([0.01, math.nan, 0.02])
    assert [found[0], found[2]] == pytest.approx([0.03, 0.04])
    assert math.isnan(found[1])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 4))
def test_holm_keeps_the_order_and_never_helps(p: list[float], more: int) -> None:
    found = holm(p, len(p) + more)
    assert all(0 <= own <= new <= 1 for own, new in zip(p, found, strict=True))
    order = np.argsort(p, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 0).all()


def test_tost_is_the_larger_of_two_one_sided_tests() -> None:
    x = np.random.default_rng(1).normal(0.01, 0.1, size=(1, 80))
    found = interval_of_sums(x, np.ones(80), 80)
    p = tost(found, 0.03)
    assert p == max(found.p_above(-0.03), found.p_below(0.03))
    # At most alpha exactly where the interval at 1 - 2 alpha lies within the margin.
    low, high = found.bounds(1 - 2 * p)
    assert max(-low, high) == pytest.approx(0.03)


def test_tost_without_variation_is_unknown() -> None:
    assert math.isnan(tost(interval_of_sums(np.ones((1, 9)), np.ones(9), 9), 0.1))


def test_wilson_of_no_success_is_not_empty() -> None:
    # 0 of n: from 0 to z^2 / (n + z^2).
    low, high = wilson(0, 10)
    assert low == 0
    assert high == pytest.approx(1.959964**2 / (10 + 1.959964**2), rel=1e-6)
    assert wilson(10, 10) == pytest.approx((1 - high, 1))


def test_multiple_refuses() -> None:
    found = interval_of_sums(np.random.default_rng(1).normal(size=(1, 9)), np.ones(9), 9)
    with pytest.raises(DataError, match=r"p value 1.2: must lie between 0 and 1"):
        holm([0.5, 1.2])
    with pytest.raises(DataError, match="a family of 1 claims cannot hold 2"):
        holm([0.5, 0.2], size=1)
    for margin in (0.0, -0.1, math.nan):
        with pytest.raises(DataError, match="must be above 0"):
            tost(found, margin)
    for successes, n in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(DataError, match="make no proportion"):
            wilson(successes, n)
    with pytest.raises(DataError, match=r"confidence = 95: must lie"):
        wilson(1, 2, 95)
