"""The answer: utilities by hand, what weight and price move, who is compared, mistakes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlan.errors import DataError
from mlan.evidence import joint
from mlan.evidence.best import against_best, comparisons
from mlan.evidence.recommend import COLUMNS, comparable, price_steps, recommend_rows
from mlan.evidence.results import Key, Results
from tests.evidence import planted

SHARES = (0.0, 0.5, 1.0)
CELLS = ["text0", "text50", "text100"]
# LM tokens of a run: a picture costs more than a line of text.
TOKENS = {"text0": (0, 1_000_000), "text50": (200_000, 500_000), "text100": (400_000, 0)}


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "DRAWS", 2000)


def tokens(cells: tuple[str, ...] = tuple(CELLS)) -> pd.DataFrame:
    """tokens.csv of one run a cell; half of the text tokens are supervised, a tenth of others."""
    rows = []
    for cell in cells:
        for modality, count in zip(("text", "vision"), TOKENS[cell], strict=True):
            rows.append(
                {
                    "cell": cell,
                    "seed": 0,
                    "source": modality,
                    "modality": modality,
                    "examples": count // 1000,
                    "text_tokens": count,
                    "image_tokens": 0,
                    "supervised_tokens": count // (2 if modality == "text" else 10),
                    "padding_tokens": 0,
                    "steps": 10,
                }
            )
    return pd.DataFrame(rows)


def study(
    vision: tuple[float, ...] = (0.6, 0.5, 0.2),
    text: tuple[float, ...] = (0.2, 0.5, 0.6),
    clusters: int = 300,
    seeds: int = 3,
) -> Results:
    """Three cells, two benchmarks a modality with the same truth."""
    rng = np.random.default_rng(11)
    planned = planted.cells(SHARES, range(seeds))
    truths = {"text-a": text, "text-b": text, "vision-a": vision, "vision-b": vision}
    outcomes = {
        name: planted.drawn(rng, truth, seeds, clusters, seed_sd=0.002)
        for name, truth in truths.items()
    }
    return planted.results(planned, outcomes)


def rows(found: Results, **asked: Any) -> pd.DataFrame:
    """The rows of recommend.csv as a table."""
    return pd.DataFrame(list(recommend_rows(found, CELLS, tokens(), **asked)))


def test_utility_is_the_weighted_average_less_the_price_of_tokens() -> None:
    found = study()
    table = rows(found, weights=(0.25,), prices=(10,)).set_index("cell")
    assert [*table.reset_index().columns] == [
        "cell",
        *(name for name in COLUMNS if name != "cell"),
    ]
    for cell, millions in (("text0", 1.0), ("text50", 0.7), ("text100", 0.4)):
        averages = [found.sample(cell, f"{m} average", Key()).value for m in ("vision", "text")]
        expected = 0.25 * averages[0] + 0.75 * averages[1] - 0.1 * millions
        assert table.loc[cell, "utility"] == pytest.approx(expected)
        assert table.loc[cell, "lm_tokens"] == pytest.approx(1e6 * millions)


def test_shares_are_told_in_three_currencies() -> None:
    table = rows(study(), weights=(0.5,), prices=(0,)).set_index("cell")
    assert table.loc["text50", "text_share"] == 0.5
    assert table.loc["text50", "share_of_lm_tokens"] == pytest.approx(2 / 7)
    assert table.loc["text50", "share_of_supervised_tokens"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("weight", "best"), [(0.0, "text100"), (0.5, "text50"), (1.0, "text0")])
def test_weight_moves_the_recommendation(weight: float, best: str) -> None:
    table = rows(study(), weights=(weight,), prices=(0,))
    assert table.loc[table["is_best"], "cell"].tolist() == [best]
    assert table.loc[table["in_set"], "cell"].tolist() == [best]
    assert table.set_index("cell").loc[best, "crossfitted"] == pytest.approx(table["utility"].max())
    assert table.loc[~table["is_best"], "crossfitted"].isna().all()


def test_weight_of_one_leaves_text_out_altogether() -> None:
    # Its clusters too: the bounds are those of the vision average by itself.
    found = study()
    table = rows(found, weights=(1.0,), prices=(0,))
    alone = [found.sample(cell, "vision average", Key()) for cell in CELLS]
    bounds = against_best(comparisons(alone).lower)
    assert table["low"].to_list() == [one.low for one in bounds]
    assert table["high"].to_list() == [one.high for one in bounds]


def test_price_moves_bounds_by_its_cost_and_nothing_else() -> None:
    free = rows(study(), weights=(0.5,), prices=(0,)).set_index("cell")
    # 1.5 points a million tokens: text50 pays .3 x .015 less than text0 and more than text100.
    paid = rows(study(), weights=(0.5,), prices=(1.5,)).set_index("cell")
    change = paid["high"] - free["high"]
    assert change["text50"] == pytest.approx(-0.015 * 0.3)
    dear = rows(study(), weights=(0.5,), prices=(100,)).set_index("cell")
    assert dear.index[dear["is_best"]].tolist() == ["text100"]
    assert dear.loc["text50", "in_set"] is np.False_


def test_noisy_study_recommends_everything() -> None:
    close = study(vision=(0.5, 0.51, 0.5), text=(0.5, 0.5, 0.51), clusters=30)
    table = rows(close, weights=(0.5,), prices=(0,))
    assert table["in_set"].all()
    assert (table["low"] <= 0).all()
    assert (table["high"] >= 0).all()


def test_one_seed_says_what_its_bounds_cover() -> None:
    table = rows(study(seeds=1), weights=(0.5,), prices=(0,))
    assert set(table["covers"]) == {"items only (one seed)"}
    assert set(table["seeds"]) == {1}


def test_default_weights_and_prices() -> None:
    table = rows(study(clusters=30))
    assert table["weight_vision"].unique().tolist() == [i / 10 for i in range(11)]
    # The cells differ by .6 million tokens: 1 and 5 points over that range.
    assert table["price_points"].unique().tolist() == [0, 1.67, 8.33]
    assert len(table) == 11 * 3 * 3
    assert price_steps(np.array([0.5, 0.5])) == (0.0,)


def test_equal_input_gives_equal_rows() -> None:
    first, second = (rows(study(clusters=30), weights=(0.3,)) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_cells_without_tokens_or_scores_are_left_out() -> None:
    found = study(clusters=30)
    counted = tokens(("text0", "text50"))
    assert comparable(found, CELLS, counted, Key()) == ["text0", "text50"]
    assert comparable(found, CELLS, counted, Key("label_logit", "argmax")) == []
    assert comparable(found, ["text50"], counted, Key()) == ["text50"]
    assert list(recommend_rows(found, ["text50"], counted)) == []
    rng = np.random.default_rng(0)
    alone = planted.results(planted.cells(SHARES), {"text": planted.drawn(rng, (0.1, 0.2, 0.3))})
    assert comparable(alone, CELLS, tokens(), Key()) == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"weights": (1.2,)}, "weight = 1.2: the weight on vision must lie between 0 and 1"),
        ({"weights": (math.nan,)}, "weight = nan"),
        ({"prices": (-0.1,)}, "price = -0.1: must be 0 or more, in points per million LM tokens"),
        ({"prices": (math.inf,)}, "price = inf"),
    ],
)
def test_weight_or_price_that_is_none_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        rows(study(clusters=4), **asked)
