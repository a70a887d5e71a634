"""Tables: the rounding rule, what a cell says, and the three formats."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.report.summary import MEASURES, Summary
from mlan.report.table_files import to_csv, to_markdown
from mlan.report.tables import (
    Table,
    decimals,
    grouped,
    p_text,
    score_text,
    scores_table,
    tokens_table,
)
from tests.report.small_table import SMALL

Build = Callable[..., Summary]


@pytest.mark.parametrize(
    ("error_pct", "places"),
    [
        (0.0, 1),
        (math.nan, 1),
        (0.004, 2),  # would need 3; two is the most
        (0.0827, 2),  # 827: one digit
        (0.119, 2),  # 119: two digits, .12
        (0.367, 1),  # 367: one digit, .4
        (0.96, 1),  # rounds up to 1.0, two digits
        (1.19, 1),
        (3.54, 1),
        (3.55, 0),
        (9.6, 0),  # 10
        (27.0, 0),
    ],
)
def test_decimals_follow_the_standard_error(error_pct: float, places: int) -> None:
    assert decimals(error_pct) == places


@given(st.floats(0.02, 50))
def test_decimals_rounding_moves_the_value_by_less_than_the_error(error_pct: float) -> None:
    assert 0.5 * 10.0 ** -decimals(error_pct) <= 0.6 * max(error_pct, 0.1)


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.41234, 0.0196, "41.2 ± 2.0"),  # standard error 1.0
        (0.41234, 0.098, "41 ± 10"),  # standard error 5.0
        (1.0, 0.0, "100.0 ± 0.0"),
        (0.5, math.nan, "50.0"),
    ],
)
def test_score_text_rounds_value_and_half_width_alike(value: float, half: float, text: str) -> None:
    row = {"value": value, "low": value - half, "high": value + half}
    assert score_text(row, 0.95) == text


def test_score_text_absent_is_a_dash() -> None:
    assert score_text(None, 0.95) == "–"


def test_scores_table_cell_is_the_interval_of_the_summary(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 1.0))
    table = scores_table(summary)
    assert table.header[:5] == ("benchmark", "scorer", "n", "untuned", "0 %")
    row = next(r for r in table.rows if r[:2] == ("text average", "option likelihood"))
    interval = summary.interval("text average", MEASURES["option"], "share-100")
    assert interval is not None
    value, half = 100 * interval["value"], 50 * (interval["high"] - interval["low"])
    assert row[2] == "400"
    assert row[5] == f"{value:.1f} ± {half:.1f}"


def test_scores_table_note_says_what_is_missing_and_covered(summary_of: Build) -> None:
    table = scores_table(summary_of(missing=frozenset({(0.25, 1), (0.25, 2)}), others=()))
    assert "covers seeds and items (untuned, 25 %: items only (one seed)); to be cut" in table.note
    assert "Seeds: 3 (untuned, 25 %: 1)." in table.note
    assert "Not run: 25 %: seed 1, 2." in table.note


def test_tables_name_the_cells_whose_order_is_not_controlled(summary_of: Build) -> None:
    summary = replace(summary_of(), order_not_controlled=("share-50",))
    for table in (scores_table(summary), tokens_table(summary)):
        assert "Order not controlled: 50 %." in table.note
    assert "controlled" not in scores_table(summary_of()).note


def test_scores_table_cell_without_runs_is_a_dash(summary_of: Build) -> None:
    missing = frozenset({(0.5, 0), (0.5, 1), (0.5, 2)})
    table = scores_table(summary_of(missing=missing, shares=(0.0, 0.5), others=()))
    column = table.header.index("50 %")
    assert {row[column] for row in table.rows} == {"–"}


def test_tokens_table_shares_in_three_currencies(summary_of: Build) -> None:
    table = tokens_table(summary_of(shares=(0.25,), seeds=(0,), others=()))
    (row,) = table.rows
    # 120 text examples (34 tokens, 9 supervised), 360 vision ones (24 + 9 image, 3 supervised).
    lm, supervised = 120 * 34 + 360 * 33, 120 * 9 + 360 * 3
    assert row == (
        *("25 %", "1", "480", str(lm), "3240", str(supervised)),
        *("25.0", f"{100 * 120 * 34 / lm:.1f}", "50.0", "960", "30"),
    )


def test_tokens_table_cell_without_runs_stays_visible(summary_of: Build) -> None:
    missing = frozenset({(0.5, 0)})
    table = tokens_table(summary_of(missing=missing, shares=(0.0, 0.5), seeds=(0,), others=()))
    assert table.rows[1] == ("50 %", "0", *["–"] * 9)
    assert table.note.endswith("Not run: 50 %: seed 0.")


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "<.001"), (0.0009, "<.001"), (0.0123, ".012"), (0.9994, ".999"), (1.0, "1"),
     (math.nan, "–")],
)  # fmt: skip
def test_p_text(p: float, text: str) -> None:
    assert p_text(p) == text


def test_scores_table_has_no_group_of_one_benchmark(summary_of: Build) -> None:
    names = {row[0] for row in scores_table(summary_of(shares=(0.0, 1.0))).rows}
    # `capital-flag` and `continent-flag` are taught by text; one headline benchmark by either.
    assert {n for n in names if n.startswith("taught by")} == {
        "taught by: pictures",
        "taught by: text",
    }


def test_counts_are_grouped_from_four_digits_and_words_are_left_alone() -> None:
    table = Table("", ("key", "n"), (("1234", "4320"), ("5", "16043"), ("", "12.5")), "", words=1)
    assert grouped(table) == [["1234", "4,320"], ["5", "16,043"], ["", "12.5"]]


def test_to_markdown_has_one_bar_more_than_cells() -> None:
    lines = to_markdown(SMALL).splitlines()
    assert lines[2:6] == [
        "| name | n | 5 % |",
        "| --- | ---: | ---: |",
        "| a_b † | 123,456 | 41 ± 3 |",
        "| x\\|y | 80 | – |",
    ]


def test_to_csv_reads_back_as_it_was() -> None:
    assert list(csv.reader(io.StringIO(to_csv(SMALL)))) == [
        ["name", "n", "5 %"],
        ["a_b †", "123456", "41 ± 3"],
        ["x|y", "80", "–"],
    ]
