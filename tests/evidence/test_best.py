"""Comparisons with the best: Hsu's bounds by hand, an independent Dunnett, simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from mlan.evidence import joint
from mlan.evidence.best import against_best, comparisons
from mlan.evidence.results import Key
from mlan.evidence.samples import Sample
from tests.evidence import planted

Array = NDArray[np.float64]


def balanced(values: list[float], margin: float) -> Array:
    """Lower bounds of (other - own) where every comparison has the same margin."""
    value_C = np.array(values)
    lower_CC = value_C[None, :] - value_C[:, None] - margin
    np.fill_diagonal(lower_CC, math.nan)
    return np.asarray(lower_CC)


def samples(x_CSG: Array) -> list[Sample]:
    """One benchmark's scores on cells, from outcomes (cells, seeds, clusters)."""
    own = planted.cells(np.linspace(0, 1, x_CSG.shape[0]).tolist(), range(x_CSG.shape[1]))
    found = planted.results(own, {"text": x_CSG})
    return [found.sample(cell.name, "text", Key()) for cell in own]


def test_against_best_by_hand() -> None:
    # Best of the others of .5 is .6: .5 - .6 -+ .2 = -.3, .1; of .6 it is .5: -.1, .3;
    # .1 is .5 below the best, more than the margin: out, from -.5 - .2 to 0.
    found = against_best(balanced([0.5, 0.6, 0.1], 0.2))
    assert [one.in_set for one in found] == [True, True, False]
    assert [one.low for one in found] == pytest.approx([-0.3, -0.1, -0.7])
    assert [one.high for one in found] == pytest.approx([0.1, 0.3, 0.0])


def test_against_best_alone_in_the_set_is_not_below_anything() -> None:
    found = against_best(balanced([0.5, 0.9, 0.1], 0.2))
    assert [one.in_set for one in found] == [False, True, False]
    assert (found[1].low, found[1].high) == pytest.approx((0.0, 0.6))
    assert found[0].high == 0


@given(
    st.lists(st.integers(-20, 20), min_size=2, max_size=7),
    st.floats(0.01, 10),
)
def test_against_best_equal_margins_are_hsus_intervals(values: list[int], margin: float) -> None:
    # Hsu (1984): own - best other -+ margin, constrained to hold 0 on the side of each.
    found = against_best(balanced([float(v) for v in values], margin))
    for i, one in enumerate(found):
        gap = values[i] - max(v for j, v in enumerate(values) if j != i)
        assert one.low == pytest.approx(min(0, gap - margin))
        assert one.high == pytest.approx(max(0, gap + margin))
        assert one.in_set == (gap + margin >= 0)


def test_against_best_lower_bound_takes_rivals_alone() -> None:
    # The third is out by the first; its own wide error against the second says nothing of it.
    lower_CC = np.array([[math.nan, -0.2, -0.6], [0.0, math.nan, -0.5], [0.4, -0.6, math.nan]])
    assert [one.low for one in against_best(lower_CC)] == pytest.approx([0.0, -0.2, -0.6])


def test_against_best_comparison_that_cannot_be_made_excludes_nothing() -> None:
    lower_CC = balanced([0.5, 0.6, 0.1], 0.2)
    lower_CC[0, 1] = lower_CC[1, 0] = math.nan
    found = against_best(lower_CC)
    assert [one.in_set for one in found] == [True, True, False]
    assert math.isnan(found[0].high)
    assert math.isnan(found[1].low)
    assert found[2].high == 0


def test_comparisons_independent_cells_are_dunnetts_test() -> None:
    # Items decide alone (one seed, no item effect shared): every pair has the same error, pairs
    # with one cell in common correlate by one half, and scipy has Dunnett's test for that.
    x_CSG = np.random.default_rng(0).standard_normal((4, 1, 400))
    x_CSG -= x_CSG.mean(axis=(1, 2), keepdims=True)
    x_CSG /= x_CSG.std(axis=2, keepdims=True)
    x_CSG += np.array([0.0, 0.1, 0.2, 0.05])[:, None, None]
    compared = comparisons(samples(x_CSG), 0.9)
    reference = stats.dunnett(
        *(x[0] for x in x_CSG[1:]),
        control=x_CSG[0, 0],
        alternative="greater",
        rng=np.random.default_rng(1),
    ).confidence_interval(0.9)
    assert compared.lower[0, 1:] == pytest.approx(reference.low, abs=0.01)
    assert compared.covers == ("items only (one seed)",) * 4


def test_comparisons_common_seed_effect_cancels() -> None:
    rng = np.random.default_rng(3)
    x_CSG = planted.drawn(rng, (0.3, 0.5, 0.7), seed_sd=0.0)
    shifted = x_CSG + np.array([-0.4, 0.0, 0.4])[:, None]
    assert comparisons(samples(shifted)).lower == pytest.approx(
        comparisons(samples(x_CSG)).lower, nan_ok=True
    )


def test_comparisons_missing_seeds_and_no_variation_say_so() -> None:
    rng = np.random.default_rng(5)
    x_CSG = planted.drawn(rng, (0.3, 0.5, 0.7), seeds=2)
    x_CSG[0, 1] = math.nan
    compared = comparisons(samples(x_CSG))
    assert compared.seeds == (1, 1, 1)
    assert compared.covers == ("items only (one seed)",) * 3
    x_CSG[1:, 0] = math.nan
    apart = comparisons(samples(x_CSG))
    assert np.isnan(apart.lower[0]).all()
    assert math.isfinite(apart.lower[1, 2])
    assert apart.covers == ("nothing (no seed in common)",) * 3
    equal = comparisons(samples(np.full((2, 3, 9), 0.5)))
    assert equal.covers == ("nothing (no variation seen)",) * 2
    assert all(one.in_set for one in against_best(equal.lower))


@pytest.mark.parametrize(
    "truth", [(0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.4, 0.3), (0.52, 0.5, 0.5, 0.48)]
)
def test_best_in_truth_stays_in_the_set(
    truth: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "DRAWS", 1000)
    rng = np.random.default_rng(sum(int(1000 * t) for t in truth))
    replicates, kept, covered = 200, 0, 0
    best = int(np.argmax(truth))
    for _ in range(replicates):
        found = against_best(comparisons(samples(planted.drawn(rng, truth, clusters=40))).lower)
        kept += found[best].in_set
        covered += all(
            one.low <= own - max(t for j, t in enumerate(truth) if j != i) <= one.high
            for i, (one, own) in enumerate(zip(found, truth, strict=True))
        )
    # Two Monte-Carlo errors below .95.
    enough = replicates * 0.95 - 2 * math.sqrt(replicates * 0.95 * 0.05)
    assert kept >= enough
    assert covered >= enough
