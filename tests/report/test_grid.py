"""The heat table of benchmarks: scores of the summary, ties and undecided ones as computed."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from mlan.report.grid import draw_grid, grid_table
from mlan.report.signal import signal_table
from mlan.report.style import house_style
from mlan.report.summary import Summary
from mlan.report.tables import scores_table

Build = Callable[..., Summary]


def test_grid_bold_numbers_are_the_ties_of_the_summary(summary_of: Build) -> None:
    summary = summary_of(others=())
    with house_style():
        figure, cells = draw_grid(summary)
    ties = summary.table("ties")
    own = ties[(ties["scorer"] == "generate") & (ties["parser"] == "strict")]
    expected = {(row.benchmark, row.cell) for row in own.itertuples() if row.tied}
    # A group of one benchmark is that benchmark.
    expected = {e for e in expected if e[0] not in ("taught by: either", "taught by: nobody")}
    drawn = {(c.benchmark, c.cell) for c in cells if c.scorer == "strict" and c.tied}
    assert drawn == expected
    bold = [t for t in figure.axes[0].texts if t.get_fontweight() == "bold"]
    assert len(bold) == len(expected)


def test_grid_names_a_benchmark_that_cannot_decide_and_says_what_the_mark_means(
    summary_of: Build,
) -> None:
    summary = summary_of(others=())
    with house_style():
        figure, _ = draw_grid(summary)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [label for label in labels if "‡" in label] == ["colour ‡"]
    assert [t.get_text() for t in figure.axes[1].get_yticklabels()] == labels
    words = " ".join(figure.get_supxlabel().split())
    assert "‡: the benchmark cannot tell cells apart" in words
    assert "n = 80–480 items a row, seeds: 3; tests cover seeds and items." in words
    assert "The answer (recommend) asks one-sided" in words
    for table in (grid_table(summary), scores_table(summary), signal_table(summary)):
        assert {row[0] for row in table.rows if "‡" in row[0]} == {"colour ‡"}


def test_grid_table_marks_ties_and_missing_cells(summary_of: Build) -> None:
    missing = frozenset({(0.5, 0), (0.5, 1), (0.5, 2)})
    table = grid_table(summary_of(missing=missing, shares=(0.0, 0.5, 1.0), others=()))
    assert table.header == ("benchmark", "scorer", "0 %", "50 %", "100 %")
    assert {row[3] for row in table.rows} == {"–"}
    assert all(row[2].endswith("*") or row[4].endswith("*") for row in table.rows)
    assert "Not run: 50 %: seed 0, 1, 2." in table.note


def test_grid_without_ties_marks_none_and_says_so(summary_of: Build) -> None:
    summary = summary_of(others=(), further=False)
    with house_style():
        figure, cells = draw_grid(summary)
    assert {c.tied for c in cells} == {None}
    words = " ".join(figure.get_supxlabel().split())
    assert "Ties with the best were not computed" in words
    assert not [row for row in grid_table(summary).rows if "*" in "".join(row)]


def test_signal_table_gives_the_reason_of_a_no(summary_of: Build) -> None:
    rows = {row[:2]: row for row in signal_table(summary_of(others=())).rows}
    row = rows["colour ‡", "generation, strict"]
    assert row[4:] == ("2.0", "50 %", "0 %", "3.0", "0.7", ".800",
                       "no: cells cannot be told apart")  # fmt: skip
    assert rows["object", "generation, strict"][-1] == "yes"
    assert isinstance(summary_of().table("signal"), pd.DataFrame)
