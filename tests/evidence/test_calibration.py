"""A small calibration: simulated studies of known truth; the large one is a benchmark.

Bounds are those asked for, with three Monte-Carlo errors of 2,000 studies.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlan.evidence.intervals import interval
from mlan.evidence.pooling import pooled
from mlan.evidence.power import Test, detectable
from mlan.evidence.samples import combine, from_sums
from mlan.evidence.simulate import Design, Estimates, draw, estimates

STUDIES = 2_000
MEANS = (0.46, 0.50, 0.47, 0.42)
# A difference of neighbours, one of the ends, a drop beyond the line before it.
CONTRASTS = np.array([[0.0, -1, 1, 0], [-1, 0, 0, 1], [0, -1, 2, -1]])
TRUTH = CONTRASTS @ np.array(MEANS)
EQUAL, UNEQUAL = (0.03,) * 4, (0.06, 0.01, 0.01, 0.06)
SINGLE, CLUSTERED = (1,) * 60, (1, 2, 3, 4, 5) * 12


def error(rate: float) -> float:
    """Three Monte-Carlo errors of a rate."""
    return 3 * math.sqrt(rate * (1 - rate) / STUDIES)


def study(seeds: int, sizes: tuple[int, ...], sd: tuple[float, ...], shared: float) -> Design:
    """A design of four cells."""
    return Design(MEANS, sd, seeds, sizes, shared)


def found(design: Design, pool: bool = False) -> Estimates:
    """Estimates of all contrasts in all studies of a design."""
    sums = draw(design, STUDIES, np.random.default_rng(8))
    return estimates(sums, design.weights, CONTRASTS, pool=pool)


DESIGNS = [
    study(3, SINGLE, EQUAL, 0.0),
    study(3, CLUSTERED, EQUAL, 0.8),
    study(3, CLUSTERED, UNEQUAL, 0.0),
    study(5, SINGLE, UNEQUAL, 0.8),
]


@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_cover_and_tests_keep_their_level(design: Design) -> None:
    here = found(design)
    assert (here.covers(TRUTH).mean(axis=0) >= 0.93 - error(0.93)).all()
    p = here.p_above(TRUTH)
    assert np.mean(p.min(axis=1) <= 0.05 / len(TRUTH)) <= 0.05 + error(0.05)
    assert (np.mean(p <= 0.05, axis=0) <= 0.05 + error(0.05)).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_power_is_within_five_points_of_what_is_promised(design: Design) -> None:
    here = found(design)
    for k, weights in enumerate(CONTRASTS):
        test = Test((design.parts(weights),), CONTRASTS[k : k + 1], 0.0, None, 0.01)
        effect = detectable(test, design.seeds)
        power = np.mean(here.p_above(TRUTH - effect)[:, k] <= 0.01)
        twice = np.mean(here.p_above(TRUTH - 2 * effect)[:, k] <= 0.01)
        assert power == pytest.approx(0.8, abs=0.05 + error(0.8))
        assert twice >= 0.9 - error(0.9)


@pytest.mark.parametrize("design", DESIGNS[:2])
def test_checked_and_pooled_seed_variance_keeps_coverage_and_level_where_cells_vary_alike(
    design: Design,
) -> None:
    here, own = found(design, pool=True), found(design)
    assert (here.covers(TRUTH).mean(axis=0) >= 0.93 - error(0.93)).all()
    p = here.p_above(TRUTH)
    assert np.mean(p.min(axis=1) <= 0.05 / len(TRUTH)) <= 0.05 + error(0.05)
    assert (np.mean(p <= 0.05, axis=0) <= 0.05 + error(0.05)).all()
    # What it buys: three cells more in place of two degrees of freedom.
    for k, weights in enumerate(CONTRASTS):
        test = Test((design.parts(weights),), CONTRASTS[k : k + 1], 0.0, None, 0.01, pooled=4)
        effect = detectable(test, design.seeds)
        powers = [np.mean(one.p_above(TRUTH - effect)[:, k] <= 0.01) for one in (here, own)]
        assert powers[0] >= 0.75 - error(0.75)
        assert powers[0] > powers[1] + 0.1


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("design", DESIGNS)
def test_estimates_of_arrays_are_those_of_interval(design: Design, pool: bool) -> None:
    sums = draw(design, 5, np.random.default_rng(9))
    here = estimates(sums, design.weights, CONTRASTS, pool=pool)
    names = [f"{g:03d}" for g in range(len(design.sizes))]
    for r, sums_CSG in enumerate(sums.astype(np.float64)):
        items = ("asked", sum(design.sizes))
        cells = [
            from_sums(range(design.seeds), own, design.weights, names, items) for own in sums_CSG
        ]
        together = pooled(cells)
        for k, weights in enumerate(CONTRASTS):
            sample = combine([(w, cells[c]) for c, w in enumerate(weights) if w])
            variance = together.contrast(weights.tolist()) if pool and together.passes else None
            one = interval(sample, seed_variance=variance)
            assert here.value[r, k] == pytest.approx(one.value, abs=1e-6)
            assert here.error[r, k] == pytest.approx(one.standard_error, rel=1e-4)
            assert here.df[r, k] == pytest.approx(one.df, rel=1e-3)
            assert here.p_above(0.02)[r, k] == pytest.approx(one.p_above(0.02), abs=1e-4)
            tost = max(one.p_above(-0.1), one.p_below(0.1))
            assert here.p_within(0.1)[r, k] == pytest.approx(tost, abs=1e-4)


def test_true_parts_are_what_simulated_estimates_vary_by() -> None:
    design = study(3, CLUSTERED, UNEQUAL, 0.8)
    here = found(design)
    for k, weights in enumerate(CONTRASTS):
        expected = design.parts(weights).variance(3)
        # The variance of 2,000 numbers is known to 3 %; effects are drawn in at 2.5 sd (1 %).
        assert here.value[:, k].var() == pytest.approx(expected, rel=0.1)


def test_draws_add_up_to_scores_and_repeat() -> None:
    design = study(3, CLUSTERED, EQUAL, 0.0)
    sums = draw(design, 200, np.random.default_rng(3))
    assert sums.shape == (200, 4, 3, len(CLUSTERED))
    assert (sums <= design.weights + 1e-6).all()
    assert sums.sum(axis=-1).mean(axis=(0, 2)) == pytest.approx(MEANS, abs=0.01)
    assert np.array_equal(sums, draw(design, 200, np.random.default_rng(3)))
