"""What training data shares with benchmarks, and what tuning took: as the summary says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from mlan.report.contamination import (
    clean_table,
    contamination_table,
    draw_contamination,
    percent_text,
)
from mlan.report.forgetting import forgetting_table
from mlan.report.style import house_style, luma
from mlan.report.summary import MEASURES, Summary
from mlan.report.tables import ABSENT

Build = Callable[..., Summary]
FEW = ("capital-text", "define", "object")


def texts(figure: Figure) -> dict[str, str]:
    """What is written in each square, by `source benchmark`, and its colour."""
    (axes,) = figure.axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    return {
        f"{rows[round(text.get_position()[1])]} {columns[round(text.get_position()[0])]}": (
            text.get_text()
        )
        for text in axes.texts
    }


def test_square_says_the_fraction_of_the_test_items(summary_of: Build) -> None:
    with house_style():
        figure, squares = draw_contamination(summary_of(benchmarks=FEW))
    written = texts(figure)
    assert len(written) == len(squares) == 9
    assert written.pop("text-a capital-text (80)") == "12"  # 10 of 80 items
    assert set(written.values()) == {"·"}
    image = figure.axes[0].images[0]
    assert image.get_array() is not None
    assert image.get_array().max() == pytest.approx(12.5)
    shades = [luma(image.cmap(level / 100)[:3]) for level in (0, 25, 50, 75, 100)]
    assert all(a - b > 0.1 for a, b in pairwise(shades))


def test_sources_that_hold_nothing_are_told_in_a_sentence(summary_of: Build) -> None:
    summary = summary_of(benchmarks=FEW)
    clean = replace(summary, shared=[{**row, "fraction": 0.0} for row in summary.shared])
    figure, squares = draw_contamination(clean)
    assert len(squares) == 9  # the numbers stay
    said = " ".join(figure.texts[0].get_text().split())
    assert "none of 3 sources holds the question or the picture of an item of 3 benchmarks" in said


@pytest.mark.parametrize(
    ("percent", "text"), [(0, "·"), (0.025, "0.025"), (1.25, "1.2"), (9.96, "10"), (100, "100")]
)
def test_square_has_two_digits_that_count(percent: float, text: str) -> None:
    assert percent_text(percent) == text


def test_figure_without_a_comparison_says_so(summary_of: Build) -> None:
    with house_style():
        figure, squares = draw_contamination(summary_of(benchmarks=FEW, sources=()))
    assert squares == []
    assert "sources and benchmarks were not compared" in figure.texts[0].get_text()


def test_contamination_table_lists_pairs_that_share_an_item(summary_of: Build) -> None:
    table = contamination_table(summary_of(benchmarks=FEW))
    assert table.rows == (("text-a", "capital-text", "80", "3", "7", "0", "0", "12.5"),)
    assert "Pairs compared: 9." in table.note
    assert "Nothing was compared." in contamination_table(summary_of(sources=())).note


def test_clean_table_lists_what_lost_items_beside_the_score_on_all(summary_of: Build) -> None:
    summary = summary_of(benchmarks=FEW, shares=(0.5,), others=("packed-rows",), seeds=(0, 1))
    table = clean_table(summary)
    assert [row[:2] for row in table.rows] == [
        ("capital-text", "generation, strict"),
        ("capital-text", "option likelihood"),
    ]
    runs = [
        r for r in summary.scores("capital-text", MEASURES["option"]) if r["cell"] == "share-50"
    ]
    value = 100 * sum(row["value"] for row in runs) / 2
    cells = dict(zip(table.header, table.rows[1], strict=True))
    assert cells["50 %"] == f"{value - 2:.1f} ({value:.1f}, 10)"
    assert cells["packed-rows"].endswith(", 0)")


def test_clean_table_shows_a_benchmark_of_which_nothing_is_left(summary_of: Build) -> None:
    summary = summary_of(benchmarks=FEW, shares=(0.5,), others=(), untuned=False)
    kept = {key: rows for key, rows in summary.clean_rows.items() if key[0] != "object"}
    row = next(r for r in clean_table(replace(summary, clean_rows=kept)).rows if r[0] == "object")
    assert row[2:] == (ABSENT,)


def test_forgetting_table_gives_lost_and_gained_of_text_benchmarks(summary_of: Build) -> None:
    table = forgetting_table(summary_of(benchmarks=FEW, shares=(0.0, 0.5), others=()))
    assert table.header == ("benchmark", "scorer", "n", "0 %", "50 %")
    assert [row[0] for row in table.rows] == ["capital-text", "define", "text average"] * 2
    assert table.blocks == (3,)
    assert table.rows[0][2:] == ("80", "5.0 / 12.5", "5.0 / 12.5")


def test_forgetting_table_names_seeds_that_are_not_run(summary_of: Build) -> None:
    missing = frozenset({(0.5, 0), (0.5, 1), (0.5, 2), (0.0, 1)})
    table = forgetting_table(summary_of(benchmarks=FEW, shares=(0.0, 0.5), missing=missing))
    assert {row[table.header.index("50 %")] for row in table.rows} == {ABSENT}
    assert "Not run: 0 %: seed 1; 50 %: seed 0, 1, 2." in table.note
