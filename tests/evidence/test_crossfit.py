"""Cross-fitting: by hand, free of the winner's luck, and equal to the score of a sure winner."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.evidence.crossfit import crossfitted, part_of

# Names of clusters by part: two of part 0, one of part 1.
NAMES = [f"c{i}" for i in range(100)]
ZERO = [name for name in NAMES if part_of(name) == 0][:2]
ONE = next(name for name in NAMES if part_of(name) == 1)


def test_crossfitted_by_hand() -> None:
    # Two seeds, clusters of weight .25, .25 (part 0) and .5 (part 1). Part 1 on seed 0: cell 0 is
    # ahead on part 0 of seed 1, .2 against .1, its value on part 1 of seed 0 is 0; and so on.
    weights_G = np.array([0.25, 0.25, 0.5])
    score_CSP = {  # cell, seed: scores on part 0 and on part 1
        (0, 0): (0.9, 0.0),
        (0, 1): (0.2, 0.3),
        (1, 0): (0.4, 0.8),
        (1, 1): (0.1, 0.5),
    }
    outcomes_CSG = np.zeros((2, 2, 3))
    for (cell, seed), (first, second) in score_CSP.items():
        outcomes_CSG[cell, seed] = weights_G * [first, first, second]
    # Held part 0, seed 0: chosen on part 1 of seed 1, .3 against .5: cell 1, worth .4.
    # Held part 0, seed 1: chosen on part 1 of seed 0, 0 against .8: cell 1, worth .1.
    # Held part 1, seed 0: chosen on part 0 of seed 1, .2 against .1: cell 0, worth 0.
    # Held part 1, seed 1: chosen on part 0 of seed 0, .9 against .4: cell 0, worth .3.
    found = crossfitted(outcomes_CSG, weights_G, [*ZERO, ONE])
    assert found == pytest.approx(0.5 * (0.4 + 0.1) / 2 + 0.5 * (0.0 + 0.3) / 2)
    # A price of .5 on cell 1 makes cell 0 win everywhere but where it has 0 against .3.
    priced = crossfitted(outcomes_CSG, weights_G, [*ZERO, ONE], np.array([0.0, -0.5]))
    assert priced == pytest.approx(0.5 * (0.9 + (0.1 - 0.5)) / 2 + 0.5 * (0.0 + 0.3) / 2)


def test_crossfitted_sure_winner_has_its_plain_score() -> None:
    rng = np.random.default_rng(0)
    weights_G = rng.random(30)
    weights_G /= weights_G.sum()
    outcomes_CSG = rng.random((3, 4, 30)) * weights_G
    outcomes_CSG[1] += weights_G
    found = crossfitted(outcomes_CSG, weights_G, NAMES[:30])
    assert found == pytest.approx(outcomes_CSG[1].sum(axis=1).mean())


@pytest.mark.parametrize("seeds", [1, 3])
def test_crossfitted_equal_cells_have_no_luck(seeds: int) -> None:
    # Ten cells of the same worth; the best of them looks better by its luck.
    rng = np.random.default_rng(seeds)
    clusters = 50
    weights_G = np.full(clusters, 1 / clusters)
    seed_sd = 0.05 if seeds > 1 else 0.0
    found, naive = [], []
    for _ in range(400):
        x_CSG = 0.5 + rng.standard_normal((10, seeds, clusters)) * 0.3
        x_CSG += rng.standard_normal((10, seeds, 1)) * seed_sd
        found.append(crossfitted(x_CSG * weights_G, weights_G, NAMES[:clusters]))
        naive.append(x_CSG.mean(axis=(1, 2)).max())
    error = float(np.std(found)) / math.sqrt(len(found))
    assert abs(np.mean(found) - 0.5) < 3 * error
    assert np.mean(naive) - 0.5 > 10 * error


def test_crossfitted_one_part_is_not_known() -> None:
    assert math.isnan(crossfitted(np.ones((2, 3, 2)), np.array([0.5, 0.5]), ZERO))


@given(st.text())
def test_part_of_is_stable_and_in_range(name: str) -> None:
    assert part_of(name) == part_of(name)
    assert 0 <= part_of(name) < 5


def test_parts_are_about_equal_and_pinned() -> None:
    counts = np.bincount([part_of(f"item {i}") for i in range(5000)], minlength=5)
    assert counts.min() > 900
    # A cluster never changes its part: numbers of finished studies would.
    assert [part_of(name) for name in ("a", "b", "c", "country/France")] == PINNED


PINNED = [4, 3, 2, 4]
