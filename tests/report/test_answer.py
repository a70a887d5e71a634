"""The answer in words: every form of the sentence, and what it says it stands on."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlan.report.answer import answer, basis, currencies, points, shares_pct, shares_short

SHARES = (0.0, 0.5, 0.75, 0.95, 1.0)


def rows(
    kept: tuple[float, ...], best: float = 0.75, weight: float = 0.5, price: float = 0.0
) -> list[dict[str, Any]]:
    """Rows of recommend.csv at one weight and price; LM shares are half of the examples'."""
    return [
        {
            "weight_vision": weight,
            "price_points": price,
            "text_share": share,
            "share_of_lm_tokens": share / 2,
            "share_of_supervised_tokens": share / 4,
            "utility": 0.532 if share == best else 0.4,
            "in_set": share in kept,
            "is_best": share == best,
            "crossfitted": 0.528 if share == best else math.nan,
            "seeds": 3,
            "covers": "seeds and items",
        }
        for share in SHARES
    ]


def test_answer_is_a_range_with_its_best() -> None:
    assert answer(rows((0.5, 0.75, 0.95))) == (
        "At equal weight on vision and text, text shares 50 to 95 % of examples (25 to 47.5 % of "
        "LM tokens, 12.5 to 23.8 % of supervised tokens) cannot be told from the best (75 %: "
        "score 53.2, 52.8 cross-fitted)."
    )


def test_answer_with_a_gap_lists_the_shares() -> None:
    told = answer(rows((0.0, 0.75, 0.95)))
    assert "text shares 0, 75 and 95 % of examples (0, 37.5 and 47.5 % of LM tokens" in told


def test_answer_of_one_and_of_all() -> None:
    assert answer(rows((0.75,), weight=1.0)) == (
        "By vision alone, a text share of 75 % of examples (37.5 % of LM tokens, 18.8 % of "
        "supervised tokens) is better than the other 4 tried (score 53.2, 52.8 cross-fitted)."
    )
    assert answer(rows(SHARES, weight=0.0)) == (
        "By text alone, none of the 5 text shares tried (0 to 100 % of examples) can be told from "
        "the best (75 %: score 53.2, 52.8 cross-fitted)."
    )


def test_answer_says_weight_and_price() -> None:
    told = answer(rows((0.75, 0.95), weight=0.3, price=1.67))
    assert told.startswith(
        "At weight 0.3 on vision and 0.7 on text, a million LM tokens costing 1.67 points, text "
        "shares 75 and 95 %"
    )
    assert "utility 53.2" in told
    assert ", a million LM tokens costing 1 point, " in answer(rows((0.75, 0.95), price=1))
    assert [points(price) for price in (0.5, 1, 28_700)] == [
        "0.5 points",
        "1 point",
        "28700 points",
    ]


def test_answer_without_cross_fitting_leaves_it_out() -> None:
    single = [row | {"crossfitted": math.nan} for row in rows((0.75,))]
    assert answer(single).endswith("(score 53.2).")


@pytest.mark.parametrize(
    ("kept", "told", "short"),
    [
        ((0.75,), "75 %", "75"),
        ((0.5, 0.75), "50 and 75 %", "50, 75"),
        ((0.75, 0.95, 1.0), "75 to 100 %", "75 to 100"),
        ((0.0, 0.5, 1.0), "0, 50 and 100 %", "0, 50, 100"),
    ],
)
def test_shares_are_a_range_only_without_gaps(
    kept: tuple[float, ...], told: str, short: str
) -> None:
    tried = rows(kept)
    inside = [row for row in tried if row["in_set"]]
    assert shares_pct(inside, tried) == told
    assert shares_short(inside, tried) == short


def test_short_shares_are_whole_per_cent() -> None:
    tried = rows((0.75, 0.95))
    column = "share_of_lm_tokens"
    assert shares_pct(tried[2:4], tried, column) == "37.5 and 47.5 %"
    assert shares_short(tried[2:4], tried, column) == "38, 48"


def test_currencies_of_the_set() -> None:
    tried = rows((0.5,))
    assert currencies([tried[1]], tried) == "25 % of LM tokens, 12.5 % of supervised tokens"


def test_basis_tells_seeds_and_what_one_seed_leaves_open() -> None:
    assert basis(rows((0.75,)), 0.95) == [
        "The best of the shares tried is in the set with 95 % confidence over seeds and items; "
        "3 seeds; each weight and price by itself."
    ]
    one = [row | {"covers": "items only (one seed)", "seeds": 1} for row in rows((0.75,))]
    lines = basis(one, 0.9)
    assert "90 % confidence over items only (one seed); 1 seed;" in lines[0]
    assert lines[1] == "One seed: how much another seed would change is not known."


def test_basis_explains_a_cell_that_is_out_above_one_that_is_in() -> None:
    tried = rows((0.0, 0.75, 0.95))
    assert len(basis(tried, 0.95)) == 1  # 50 and 100 % score no more than 0 %
    tried[1]["utility"] = 0.41
    assert basis(tried, 0.95)[1] == (
        "50 % is out though its score is above that of 0 and 95 %: it lacks less to a better "
        "share, but does so more steadily over seeds and items."
    )
