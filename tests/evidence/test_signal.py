"""Signal and noise: numbers by hand, equal cells called so, and each reason in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import tukey_hsd

from mlan.evidence import joint
from mlan.evidence.blocks import Cell
from mlan.evidence.cell_pairs import compared, pairs_of
from mlan.evidence.results import Key, Results
from mlan.evidence.signal import COLUMNS, RATIO, pooled_seed_sd, signal
from tests.evidence import planted

SHARES = (0.0, 0.5, 1.0)


def scores(x: NDArray[np.float64], name: str = "text") -> dict[str, Any]:
    """The only row of one benchmark with outcomes (cells, seeds, clusters)."""
    own = planted.cells(SHARES[: x.shape[0]], range(x.shape[1]))
    found = planted.results(own, {name: x})
    return rows_of(found, own)[0]


def rows_of(found: Results, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """The table as it is collected."""
    names = [cell.name for cell in cells]
    return [one.labels | signal(one.pairs) for one in compared(found, names)]


def test_signal_by_hand() -> None:
    # Seed means: text0 .4 and .6, text50 .7 and .7, text100 .1 and .3. Means .5, .7, .2.
    means_CS = np.array([[0.4, 0.6], [0.7, 0.7], [0.1, 0.3]])
    items_G = np.array([-0.1, 0.0, 0.1])
    row = scores(means_CS[:, :, None] + items_G)
    assert (row["best_cell"], row["worst_cell"]) == ("text50", "text100")
    assert row["spread"] == pytest.approx(0.5)
    # Squares .02 + 0 + .02 over three degrees of freedom.
    assert row["seed_sd"] == pytest.approx(math.sqrt(0.04 / 3))
    assert row["ratio"] == pytest.approx(0.5 / math.sqrt(0.04 / 3))
    assert (row["cells"], row["seeds"]) == (3, 2)


def test_signal_p_of_two_cells_is_the_paired_t_test() -> None:
    # One pair: nothing to adjust for. No item effect, so the seeds' differences decide alone.
    means_CS = np.array([[0.5, 0.6, 0.55], [0.7, 0.72, 0.8]])
    row = scores(np.repeat(means_CS[:, :, None], 4, axis=2))
    difference = means_CS[1] - means_CS[0]
    t = difference.mean() / (difference.std(ddof=1) / math.sqrt(3))
    # Two degrees of freedom: p = 1 - t / sqrt(t^2 + 2).
    assert row["p"] == pytest.approx(1 - t / math.sqrt(t**2 + 2))


def test_signal_p_of_three_cells_is_tukeys() -> None:
    # One seed, cells of equal variance that share nothing: scipy has the p values of all pairs.
    drawn_GC = np.random.default_rng(0).standard_normal((400, 3))
    even_GC = np.linalg.qr(drawn_GC - drawn_GC.mean(axis=0))[0] * math.sqrt(399)
    x_CSG = even_GC.T[:, None, :] + np.array([0.0, 0.12, 0.15])[:, None, None]
    reference = tukey_hsd(*(x[0] for x in x_CSG)).pvalue.min()
    assert scores(x_CSG)["p"] == pytest.approx(reference, abs=0.01)
    assert 0.02 < reference < 0.2


def test_signal_clear_effect_decides() -> None:
    rng = np.random.default_rng(1)
    row = scores(planted.drawn(rng, (0.3, 0.5, 0.7), clusters=200))
    assert row["decides"] is True
    assert row["why"] == ""
    assert row["p"] < 0.05
    assert row["ratio"] > RATIO


def test_signal_equal_cells_are_told_apart_at_most_as_often_as_agreed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(joint, "DRAWS", 2000)
    rng = np.random.default_rng(7)
    rows = [scores(planted.drawn(rng, (0.5, 0.5, 0.5))) for _ in range(200)]
    wrong = sum(row["decides"] for row in rows)
    told_apart = sum(row["p"] <= 0.05 for row in rows)
    # .05 of 200 plus two Monte-Carlo errors, sqrt(200 x .05 x .95) = 3.1 each.
    assert wrong <= told_apart <= 16
    assert any("cannot be told apart" in row["why"] for row in rows)


def test_signal_real_but_small_effect_does_not_decide() -> None:
    # Items settle it that the cells differ (their seeds differ alike), yet a run of the best
    # cell is no better bet than one of the worst.
    rng = np.random.default_rng(3)
    shared_S = np.array([-0.1, 0.0, 0.1])[:, None]
    x = planted.drawn(rng, (0.5, 0.56, 0.62), clusters=4000, seed_sd=0.0) + shared_S
    row = scores(x)
    assert row["p"] < 0.05
    assert row["ratio"] < RATIO
    assert row["decides"] is False
    assert row["why"] == "spread below 2.33 times the noise of a seed"


def test_signal_one_seed_says_so() -> None:
    rng = np.random.default_rng(2)
    row = scores(planted.drawn(rng, (0.2, 0.8), seeds=1))
    assert math.isnan(row["seed_sd"])
    assert math.isnan(row["ratio"])
    assert row["p"] < 0.05
    assert row["decides"] is False
    assert row["why"] == "one seed: what varies between seeds is not known"


def test_signal_all_equal_scores_and_one_cluster_have_no_p() -> None:
    equal = scores(np.full((3, 3, 5), 0.5))
    assert math.isnan(equal["p"])
    assert (equal["decides"], equal["why"]) == (False, "no variation between cells")
    single = scores(np.random.default_rng(0).random((3, 3, 1)))
    assert (single["decides"], single["why"]) == (False, "one cluster of items")


def test_signal_missing_seed_compares_the_common_ones() -> None:
    rng = np.random.default_rng(5)
    x = planted.drawn(rng, (0.3, 0.5, 0.7))
    x[1, 2] = np.nan
    row = scores(x)
    assert row["seeds"] == 2
    assert row["cells"] == 3
    own = [x[0].mean(axis=1), x[1, :2].mean(axis=1), x[2].mean(axis=1)]
    squares = sum(((v - v.mean()) ** 2).sum() for v in own)
    assert row["seed_sd"] == pytest.approx(math.sqrt(squares / 5))


def test_signal_rows_cover_every_benchmark_group_and_measure() -> None:
    rng = np.random.default_rng(4)
    own = planted.cells(SHARES)
    names = ("text-a", "text-b", "vision-a")
    measures = (
        ("test", "real", "generate", "strict"),
        ("test", "real", "label_logit", "argmax"),
        ("dev", "real", "generate", "strict"),
        ("test", "blank", "generate", "strict"),
    )
    outcomes = {name: planted.drawn(rng, (0.4, 0.5, 0.6)) for name in names}
    found = planted.results(own, outcomes, measures)
    rows = rows_of(found, own)
    assert [list(row) for row in rows] == [COLUMNS] * len(rows)
    assert [(row["benchmark"], row["parser"]) for row in rows] == [
        (name, parser)
        for name in (*names, "text average", "vision average")
        for parser in ("strict", "argmax")
    ]
    assert [row["modality"] for row in rows[::2]] == ["text", "text", "vision", "text", "vision"]
    assert rows_of(found, own[1:2]) == []


def test_pooled_seed_sd_needs_two_seeds_somewhere() -> None:
    own = planted.cells((0.0, 1.0), (0,))
    found = planted.results(own, {"text": np.zeros((2, 1, 3))})
    samples = {cell.name: found.sample(cell.name, "text", Key()) for cell in own}
    assert math.isnan(pooled_seed_sd(list(samples.values())))
    assert signal(pairs_of(samples))["why"] == "no variation between cells"
