"""Simultaneous levels against those known in closed form, and against simulated truth."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from mlan.evidence.joint import joint
from mlan.evidence.samples import Sample, combine, from_sums


def sample(x_SG: np.ndarray, start: int = 0) -> Sample:
    seeds, clusters = x_SG.shape
    names = [f"{start + g:06d}" for g in range(clusters)]
    return from_sums(range(seeds), x_SG, np.ones(clusters), names, ("b", clusters))


def test_numbers_on_other_items_have_the_level_of_independent_ones() -> None:
    rng = np.random.default_rng(1)
    found = joint([sample(rng.normal(size=(1, 3000)), 3000 * c) for c in range(4)])
    assert found.level == pytest.approx(1 - 0.95**0.25, rel=0.08)


def test_errors_of_few_clusters_are_independent_too() -> None:
    # Three degrees of freedom each: with one common scale the level would be above .015.
    rng = np.random.default_rng(1)
    found = joint([sample(rng.normal(size=(1, 4)), 4 * c) for c in range(4)])
    assert found.level == pytest.approx(1 - 0.95**0.25, rel=0.08)


def test_the_same_number_many_times_costs_nothing() -> None:
    own = sample(np.random.default_rng(2).normal(size=(1, 5000)))
    found = joint([own] * 5)
    assert found.level == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("cells", [3, 6])
def test_all_pairs_have_the_level_of_tukeys_range(cells: int) -> None:
    rng = np.random.default_rng(3)
    own = [sample(rng.normal(size=(1, 4000))) for _ in range(cells)]
    found = joint([combine([(1.0, a), (-1.0, b)]) for a, b in combinations(own, 2)])
    distance = stats.studentized_range.ppf(0.95, cells, np.inf) / math.sqrt(2)
    assert found.level == pytest.approx(2 * stats.norm.sf(distance), rel=0.08)
    p = 2 * stats.norm.sf(2.5)
    expected = stats.studentized_range.sf(2.5 * math.sqrt(2), cells, np.inf)
    assert found.adjusted(p) == pytest.approx(expected, rel=0.08)


def test_one_sided_comparisons_with_one_cell_have_dunnetts_level() -> None:
    rng = np.random.default_rng(4)
    own = [sample(rng.normal(size=(1, 4000))) for _ in range(5)]
    found = joint([combine([(1.0, a), (-1.0, own[0])]) for a in own[1:]], two_sided=False)
    # Four comparisons with correlation 1/2, infinite df: d = 2.16 (Dunnett 1955, table 1a).
    assert found.level == pytest.approx(stats.norm.sf(2.16), rel=0.08)


def test_adjusted_p_and_band_agree() -> None:
    rng = np.random.default_rng(5)
    found = joint([sample(rng.normal(0.05 * c, 1, size=(3, 200))) for c in range(6)])
    for place, one in enumerate(found.intervals):
        low, high = found.band(place)
        assert low < one.low < one.high < high
        p = one.p_different(0)
        assert found.adjusted(p) >= p
        assert (found.adjusted(p) <= 0.05) == (not low <= 0 <= high)


def test_bands_hold_for_all_cells_when_seeds_matter_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlan.evidence.joint.DRAWS", 3000)
    # 6 cells of 3 seeds, seed effects of their own, four times the items' error: the case in
    # which correlation estimated from three seeds would be worth least.
    rng = np.random.default_rng(6)
    hits, replicates = 0, 250
    for _ in range(replicates):
        items = rng.normal(0, 0.3, 100)
        own = [
            sample(rng.normal(0, 0.12, (3, 1)) + items + rng.normal(0, 0.3, (3, 100)))
            for _ in range(6)
        ]
        found = joint(own)
        hits += all(low <= 0 <= high for low, high in map(found.band, range(6)))
    # A Monte-Carlo error is .014.
    assert hits / replicates >= 0.92


def test_numbers_without_variation_are_left_out_of_the_family() -> None:
    rng = np.random.default_rng(7)
    flat = sample(np.ones((3, 50)))
    found = joint([flat, sample(rng.normal(size=(3, 50)))])
    assert found.level == pytest.approx(0.05)
    assert all(map(math.isnan, found.band(0)))
    assert found.band(1) == pytest.approx((found.intervals[1].low, found.intervals[1].high))
    assert math.isnan(found.adjusted(math.nan))


def test_numbers_may_have_other_seeds() -> None:
    rng = np.random.default_rng(8)
    own = sample(rng.normal(size=(3, 50)))
    found = joint([own.of([0, 1]), own.of([2]), own])
    assert [one.seeds for one in found.intervals] == [2, 1, 3]
    assert 0.05 / 3 < found.level < 0.05


def test_same_numbers_give_the_same_level() -> None:
    x = np.random.default_rng(9).normal(size=(4, 3, 30))
    assert joint([*map(sample, x)]).level == joint([*map(sample, x)]).level
