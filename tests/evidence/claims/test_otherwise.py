"""A claim's value under other weights of the benchmarks, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlan.evidence.averages import Averages
from mlan.evidence.claims.otherwise import otherwise
from mlan.evidence.claims.terms import contrast_of
from mlan.evidence.results import Results
from tests.evidence import planted
from tests.evidence.claims.example import claim, contrast, term

CELLS = ["text0", "text50", "text100"]
# As in the tests of sensitivities: weights by signal are 4 and 15 of 19.
MEANS = {
    "v_a": [[0.1, 0.3], [0.2, 0.4], [0.5, 0.7]],
    "v_b": [[0.48, 0.52], [0.38, 0.42], [0.18, 0.22]],
}
CHANCES = {"v_a": 0.5, "v_b": 0.0}


@pytest.fixture
def results() -> Results:
    items_G = np.array([-0.1, 0.0, 0.1])
    outcomes = {name: np.array(x)[:, :, None] + items_G for name, x in MEANS.items()}
    made = planted.results(planted.cells((0.0, 0.5, 1.0), (0, 1)), outcomes)
    for name, chance in CHANCES.items():
        object.__setattr__(
            made.blocks[name, "test", "real", "generate", "strict"], "chance", chance
        )
    return made


def values(results: Results, rule: str, *contrasts: dict[str, Any]) -> dict[str, float]:
    found = [contrast_of(one) for one in contrasts]
    return otherwise(claim(rule, contrasts), found, Averages(results, CELLS))


def test_difference_of_averages_under_other_weights(results: Results) -> None:
    found = values(results, "superiority", contrast("difference", term(1, 1.0), term(-1, 0.0)))
    # v_a rises by .4, v_b falls by .3. Room: 1 / .5 and 1, half of each.
    assert found["value_chance_corrected"] == pytest.approx((0.4 / 0.5 - 0.3) / 2)
    assert found["value_signal"] == pytest.approx((4 * 0.4 - 15 * 0.3) / 19)


def test_plateau_has_the_largest_difference_of_all_its_pairs(results: Results) -> None:
    pairs = [
        contrast("pair", term(1, plus), term(-1, minus))
        for plus, minus in ((0.5, 0.0), (1.0, 0.0), (1.0, 0.5))
    ]
    found = values(results, "plateau", *pairs)
    # By signal: (4 * .1 - 15 * .1) / 19, (4 * .4 - 15 * .3) / 19, (4 * .3 - 15 * .2) / 19.
    assert found["value_signal"] == pytest.approx(2.9 / 19)


def test_a_benchmark_by_itself_has_no_weights(results: Results) -> None:
    alone = contrast("difference", term(1, 1.0, "v_a"), term(-1, 0.0, "v_a"))
    found = values(results, "superiority", alone)
    assert math.isnan(found["value_chance_corrected"])
    assert math.isnan(found["value_signal"])


def test_two_conditions_have_no_common_weights(results: Results) -> None:
    for name in MEANS:
        real = results.blocks[name, "test", "real", "generate", "strict"]
        results.blocks[name, "test", "blank", "generate", "strict"] = real  # type: ignore[index]
    blank = [-1, "text0", "vision average", "generate", "strict", "blank"]
    found = values(results, "superiority", contrast("difference", term(1, 1.0), blank))
    assert math.isnan(found["value_signal"])


def test_undefined_weighting_leaves_the_other(results: Results) -> None:
    place = ("v_b", "test", "real", "generate", "strict")
    object.__setattr__(results.blocks[place], "chance", math.nan)
    found = values(results, "superiority", contrast("difference", term(1, 1.0), term(-1, 0.0)))
    assert math.isnan(found["value_chance_corrected"])
    assert found["value_signal"] == pytest.approx((4 * 0.4 - 15 * 0.3) / 19)


def test_claim_without_contrasts_has_no_other_value(results: Results) -> None:
    assert all(math.isnan(value) for value in values(results, "token_ratio").values())
