"""Pooled seed variance: by hand, what the checks find, what is refused, what an interval makes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlan.errors import DataError
from mlan.evidence.intervals import SeedVariance, interval
from mlan.evidence.pooling import LEVEL, pooled, pooled_of_many
from mlan.evidence.samples import Sample, combine, from_sums


def cell(values: list[float] | np.ndarray, seeds: int | None = None) -> Sample:
    """A cell whose two clusters differ by a little, with these scores on seeds 0, 1, ..."""
    x_SG = np.asarray(values, dtype=np.float64)[:, None] + [0.01, -0.01]
    names = range(len(values)) if seeds is None else range(seeds, seeds + len(values))
    return from_sums(names, x_SG, np.ones(2), ["a", "b"], ("b", 2))


def test_pooled_variance_by_hand() -> None:
    # Without cell and seed means (rows 1, 2, 3; seed 1 is higher by 2) there are left
    # -+.5, +-.5 and 0: squares 1, df (3 - 1)(2 - 1) = 2.
    found = pooled([cell([0, 3]), cell([2, 3]), cell([2, 4])])
    assert found.variance == pytest.approx(0.5)
    assert found.df == 2
    weighed = found.contrast([1, -2, 1])
    assert (weighed.value, weighed.df) == (pytest.approx(3), 2)


def test_what_all_cells_share_is_no_part_of_it() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(size=(5, 4))
    calm = pooled([*map(cell, own)])
    moved = pooled([*map(cell, own + rng.normal(0, 9, 4) + rng.normal(0, 9, (5, 1)))])
    assert moved.variance == pytest.approx(calm.variance)
    assert (moved.p_unequal, moved.p_neighbours) == (calm.p_unequal, calm.p_neighbours)


def test_checks_keep_their_level_and_find_what_they_look_for() -> None:
    rng = np.random.default_rng(2)

    def rates(make: np.ndarray) -> tuple[float, float]:
        found = [pooled([*map(cell, own)]) for own in make]
        unequal = float(np.mean([one.p_unequal <= 0.05 for one in found]))
        return unequal, float(np.mean([one.p_neighbours <= 0.05 for one in found]))

    alike = rng.normal(size=(80, 9, 3))
    unequal, neighbours = rates(alike)
    assert unequal <= 0.14  # .05 and three and a half Monte-Carlo errors of .024
    assert neighbours <= 0.14
    one_loud = alike * np.r_[8, np.ones(8)][:, None]
    assert rates(one_loud)[0] >= 0.6
    walk = alike.cumsum(axis=1)
    assert rates(walk)[1] >= 0.3


# As docs/calibration.md has them, of 20,000 studies; these 6,000 have half a point of error.
@pytest.mark.parametrize(
    ("scale", "passes", "coverage", "if_passed"),
    [((1, 1), 0.80, 0.948, 0.950), ((1, 4), 0.31, 0.883, 0.652), ((6, 6), 0.21, 0.917, 0.678)],
)
def test_what_checking_first_is_worth_at_the_ends_of_six_cells(
    scale: tuple[int, int], passes: float, coverage: float, if_passed: float
) -> None:
    first, last = scale
    draws = np.random.default_rng(3).standard_normal((6_000, 6, 3))
    values_RCS = draws * np.r_[first, 1, 1, 1, 1, last][:, None]
    variance, df, p_unequal, p_neighbours = pooled_of_many(values_RCS)
    passed = np.minimum(p_unequal, p_neighbours) > LEVEL
    ends_RS = values_RCS[:, 5] - values_RCS[:, 0]
    own = ends_RS.var(axis=-1, ddof=1)
    reach = np.where(
        passed,
        stats.t.ppf(0.975, df) * np.sqrt(2 * variance / 3),
        stats.t.ppf(0.975, 2) * np.sqrt(own / 3),
    )
    holds = np.abs(ends_RS.mean(axis=-1)) <= reach
    assert passed.mean() == pytest.approx(passes, abs=0.02)
    assert holds.mean() == pytest.approx(coverage, abs=0.012)
    assert holds[passed].mean() == pytest.approx(if_passed, abs=0.04)


def test_interval_with_a_pooled_variance_says_so() -> None:
    one, two, three = cell([0.2, 0.5, 0.1]), cell([0.1, 0.3, 0.3]), cell([0.4, 0.4, 0.2])
    contrast = combine([(1.0, one), (-1.0, two)])
    variance = pooled([one, two, three]).contrast([1, -1])
    found = interval(contrast, seed_variance=variance)
    assert found.covers == "seeds (variance pooled over cells) and items"
    assert found.standard_error == pytest.approx(np.sqrt(variance.value / 3))
    assert found.df == pytest.approx(4)
    # Also of one seed, which alone says nothing about seeds.
    alone = interval(contrast.of([1]), seed_variance=variance)
    assert alone.standard_error == pytest.approx(np.sqrt(variance.value))


def test_pooling_refuses() -> None:
    own = [cell([0, 1]), cell([1, 0]), cell([1, 1])]
    with pytest.raises(DataError, match="pooling over 2 cells: there must be three"):
        pooled(own[:2])
    with pytest.raises(DataError, match="cells with the same seeds, two at least"):
        pooled([*own, cell([1, 0], seeds=1)])
    with pytest.raises(DataError, match="cells with the same seeds, two at least"):
        pooled([cell([1])] * 3)
    with pytest.raises(DataError, match="no cell moves between seeds in its own way"):
        pooled([cell([0, 1]), cell([0.5, 1.5]), cell([0, 1])])
    with pytest.raises(DataError, match=r"the weights \[1, 1\] are no contrast"):
        pooled(own).contrast([1, 1])
    with pytest.raises(DataError, match="must be 0 or more"):
        SeedVariance(-1, 2)
    with pytest.raises(DataError, match="must be 0 or more"):
        SeedVariance(1, 0)
