"""Averages under other weights: values, ranks and weights by hand, and reasons in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlan.evidence.averages import Averages
from mlan.evidence.intervals import interval
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import combine
from mlan.evidence.sensitivity import COLUMNS, sensitivity_rows
from tests.evidence import planted

SHARES = (0.0, 0.5, 1.0)
NAMES = ("text0", "text50", "text100")
# Means of cells and seeds. a: .2, .3, .6, seeds +-.1; b: .5, .4, .2, seeds +-.02.
A = np.array([[0.1, 0.3], [0.2, 0.4], [0.5, 0.7]])
B = np.array([[0.48, 0.52], [0.38, 0.42], [0.18, 0.22]])


def made(a: Any = A, b: Any = B) -> Results:
    """Two text benchmarks of three items whose mean is as given; guessing is right in .25."""
    items_G = np.array([-0.1, 0.0, 0.1])
    outcomes = {name: x[:, :, None] + items_G for name, x in (("ta", a), ("tb", b))}
    return planted.results(planted.cells(SHARES, range(a.shape[1])), outcomes)


def rows(results: Results, cells: tuple[str, ...] = NAMES) -> list[dict[str, Any]]:
    return list(sensitivity_rows(Averages(results, cells), Key()))


def by_weighting(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [row for row in found if row["weighting"] == name]
        for name in ("equal", "chance_corrected", "signal")
    }


def test_values_ranks_and_weights_by_hand() -> None:
    found = by_weighting(rows(made()))
    equal, above, signal = found.values()
    assert [row["cell"] for row in equal] == list(NAMES)
    assert [row["value"] for row in equal] == pytest.approx([0.35, 0.35, 0.4])
    # The two first are equal but for rounding: both come second.
    assert [row["rank"] for row in equal] == [2, 2, 1]
    assert {row["weights"] for row in equal} == {"0.5;0.5"}
    # One chance for all: (x - .25) / .75, in the same order.
    assert [row["value"] for row in above] == pytest.approx([0.1 / 0.75, 0.1 / 0.75, 0.2])
    assert [row["rank"] for row in above] == [2, 2, 1]
    # Ranges .4 and .3, noise sqrt(.02) and sqrt(.0008), which is five times less: 4 to 15.
    assert [row["value"] for row in signal] == pytest.approx(
        [(4 * 0.2 + 15 * 0.5) / 19, (4 * 0.3 + 15 * 0.4) / 19, (4 * 0.6 + 15 * 0.2) / 19]
    )
    assert [row["rank"] for row in signal] == [1, 2, 3]
    assert {row["benchmarks"] for row in signal} == {"ta;tb"}
    told = [float(weight) for weight in signal[0]["weights"].split(";")]
    assert told == pytest.approx([4 / 19, 15 / 19], abs=1e-6)


def test_interval_is_that_of_the_weighted_sum() -> None:
    results = made()
    row = by_weighting(rows(results))["signal"][1]
    parts = [results.sample("text50", name, Key()) for name in ("ta", "tb")]
    whole = interval(combine([(4 / 19, parts[0]), (15 / 19, parts[1])]))
    assert (row["low"], row["high"]) == (pytest.approx(whole.low), pytest.approx(whole.high))
    assert (row["seeds"], row["clusters"], row["n"]) == (2, 6, 6)
    assert row["covers"] == "seeds and items"


def test_cells_off_the_curve_have_a_value_and_no_rank() -> None:
    found = by_weighting(rows(made(), NAMES[:2]))["equal"]
    assert [row["rank"] for row in found] == [1, 1, None]
    assert found[2]["value"] == pytest.approx(0.4)


def test_one_seed_has_no_weights_by_signal_and_says_why() -> None:
    found = by_weighting(rows(made(A[:, :1], B[:, :1])))
    assert found["equal"][0]["covers"] == "items only (one seed)"
    for row in found["signal"]:
        assert "value" not in row
        assert row["why"] == (
            "text average weighed by signal is undefined: the seeds of ta "
            "(test/real/generate/strict) do not differ or are one"
        )
    assert len(found["chance_corrected"]) == 3


def test_free_answers_have_nothing_above_chance_and_say_why() -> None:
    results = made()
    place = ("tb", "test", "real", "generate", "strict")
    object.__setattr__(results.blocks[place], "chance", math.nan)
    found = by_weighting(rows(results))
    assert all("has no chance" in row["why"] for row in found["chance_corrected"])
    assert all("value" in row for row in [*found["equal"], *found["signal"]])


def test_every_column_is_known_and_what_was_not_measured_is_left_out() -> None:
    results = made()
    assert {name for row in rows(results) for name in row} | {"why"} == set(COLUMNS)
    averages = Averages(results, NAMES)
    assert list(sensitivity_rows(averages, Key("label_logit", "argmax"))) == []
