"""The paper's table: its own arithmetic, and the rules on its points by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlan.evidence.published import points, published, published_value

FOUR = ("gqa", "realworldqa", "ai2d", "pope")


def claim(rule: str, score: str = "vision average", **asked: Any) -> dict[str, Any]:
    return {"asked": {"experiment": "sweep", "rule": rule, "score": score, **asked}}


def between(plus: float, minus: float) -> dict[str, Any]:
    return {"plus": {"share": plus}, "minus": {"share": minus}}


def test_vision_average_is_the_mean_of_its_four_columns() -> None:
    for share, average in points("vision average").items():
        mean = sum(points(name)[share] for name in FOUR) / 4
        assert mean == pytest.approx(average, abs=0.00051)


def test_every_point_says_where_it_is_from_and_what_it_is() -> None:
    table = published()

    assert len(table) == 9 * 6
    assert table["source"].str.contains("second hand").all()
    assert not table["kind"].isna().any()
    assert not table.duplicated(["share", "column"]).any()


def test_difference_and_range_of_the_table() -> None:
    assert published_value(claim("superiority", contrast=between(0.75, 0.25))) == (
        pytest.approx(0.004)
    )
    # 57.0 at 37.5 % and 54.8 at 50 %.
    plateau = claim("plateau", range={"low": 0.125, "high": 0.875})
    assert published_value(plateau) == pytest.approx(0.022)


def test_cliff_of_the_table_on_its_own_shares() -> None:
    # Slope over .125 to .875, per share: sum (x - .5) y / sum (x - .5)^2, with steps of .125.
    y = [55.5, 56.2, 57.0, 54.8, 55.7, 56.6, 56.2]
    slope = sum(k * v for k, v in zip(range(-3, 4), y, strict=True)) / (28 * 0.125)
    by_hand = (56.2 - 49.5 + 0.125 * slope) / 100

    found = published_value(claim("cliff", edge=1.0, range={"low": 0.125, "high": 0.95}))

    assert found == pytest.approx(by_hand)
    assert found == pytest.approx(0.0676, abs=5e-5)


def test_interaction_takes_each_sides_score() -> None:
    one = claim(
        "interaction",
        "gqa",
        first={"contrast": between(0.875, 1.0)},
        second={"contrast": between(0.875, 1.0), "score": "ai2d"},
    )

    assert published_value(one) == pytest.approx(0.087 - 0.020)


@pytest.mark.parametrize(
    "one",
    [
        claim("superiority", contrast=between(0.95, 0.25)),
        claim("superiority", "v_colour", contrast=between(0.75, 0.25)),
        claim("superiority", contrast={"plus": {"share": 1.0}, "minus": {"cell": "untuned"}}),
        claim("token_ratio", contrast=between(0.75, 0.25)),
        claim("plateau", range={"low": 0.9, "high": 1.0}),
        {"asked": {"experiment": "vicuna", "rule": "superiority", "score": "vision average"}},
    ],
)
def test_what_the_table_does_not_print_is_nan(one: dict[str, Any]) -> None:
    assert math.isnan(published_value(one))
