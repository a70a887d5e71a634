"""Weights of contrasts against hand computation, and what no straight line may move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.contrasts import Weighted, cliff, drop, pairs, slope

SHARES = [0.0, 0.25, 0.5, 0.75, 1.0]
some_shares = st.lists(st.integers(0, 99), min_size=2, max_size=8, unique=True).map(
    lambda found: sorted(x / 100 for x in found)
)


def summed(weighted: Weighted, score: dict[float, float]) -> float:
    return sum(weight * score[share] for weight, share in weighted)


def test_cliff_at_one_weighs_the_interior_as_by_hand() -> None:
    # Slope of .25, .5, .75: (-2, 0, 2). Near less edge: .25 in share, so the line predicts
    # -.25 x slope, which is taken off: weights (-.5, 0, .5), then +1 on .75 and -1 on 1.
    assert {x: w for w, x in cliff(1.0, [0.25, 0.5, 0.75])} == {
        0.25: -0.5,
        0.5: 0.0,
        0.75: 1.5,
        1.0: -1.0,
    }


def test_cliff_at_zero_is_the_mirror_image() -> None:
    assert {x: w for w, x in cliff(0.0, [0.25, 0.5, 0.75])} == {
        0.25: 1.5,
        0.5: 0.0,
        0.75: -0.5,
        0.0: -1.0,
    }


def test_cliff_of_a_bent_curve_is_the_drop_less_the_predicted_one() -> None:
    score = dict(zip(SHARES, [0.0, 0.50, 0.52, 0.54, 0.40], strict=True))
    # The interior rises by .02 a step, so the line says .56 at the edge; .54 - .40 + .02.
    assert summed(cliff(1.0, [0.25, 0.5, 0.75]), score) == pytest.approx(0.16)
    assert summed(drop(1.0, [0.25, 0.5, 0.75]), score) == pytest.approx(0.14)


@given(some_shares, st.floats(-2, 2), st.floats(-1, 1))
def test_straight_line_has_no_cliff_and_its_own_slope(
    shares: list[float], rise: float, start: float
) -> None:
    score = {x: start + rise * x for x in [*shares, 1.0]}

    assert summed(cliff(1.0, shares), score) == pytest.approx(0, abs=1e-6)
    assert summed(slope(shares), score) == pytest.approx(rise, abs=1e-6)


@given(some_shares, st.integers(0, 10**6))
def test_slope_is_that_of_a_least_squares_fit(shares: list[float], seed: int) -> None:
    y = np.random.default_rng(seed).random(len(shares))

    found = summed(slope(shares), dict(zip(shares, y, strict=True)))

    assert found == pytest.approx(np.polyfit(shares, y, 1)[0], abs=1e-6)


def test_pairs_are_all_of_them_the_larger_share_first() -> None:
    assert pairs([0.5, 0.25, 0.75]) == [
        [(1.0, 0.5), (-1.0, 0.25)],
        [(1.0, 0.75), (-1.0, 0.25)],
        [(1.0, 0.75), (-1.0, 0.5)],
    ]
