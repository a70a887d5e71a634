"""Figures and tables of a report folder: those of its record, checked, and the measured ones."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlan.errors import IntegrityError
from mlan.records import write_bytes, write_csv, write_record
from mlan.report.page.gallery import figures, tables
from mlan.report.page.titles import title
from mlan.report.table_files import write_table
from mlan.report.tables import Table

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"></svg>'


def _figure(folder: Path, name: str) -> list[Path]:
    paths = [folder / "figures" / f"{name}.{kind}" for kind in ("svg", "png", "csv")]
    write_bytes(paths[0], SVG)
    write_bytes(paths[1], b"not read")
    write_csv(paths[2], pd.DataFrame({"x": [1, 2]}))
    return paths


def _table(folder: Path, name: str, value: str = "1") -> list[Path]:
    table = Table(f"Of {name}.", ("cell", "n"), (("a", value),), "A note.", 1)
    return write_table(table, folder / "tables", name)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """One figure and three tables in a record, beside it what was drawn from measured times."""
    vouched = [*_figure(tmp_path, "sweep")]
    for name in ("recipe", "data", "scores"):
        vouched += _table(tmp_path, name)
    write_record(tmp_path, stage="draw", identity={}, code="0", inputs={}, outputs=vouched)
    _figure(tmp_path, "cost")
    _table(tmp_path, "compute")
    _table(tmp_path, "of_an_earlier_version")
    return tmp_path


def test_page_shows_data_hyper_parameters_and_compute(report: Path) -> None:
    assert [t.title for t in tables(report)] == [
        *("Scores", "Data", "Hyper-parameters", "Computing time"),
    ]
    assert tables(report)[-1].note == "A note."
    assert [f.title for f in figures(report)] == ["Score against text share", "Score against cost"]


def test_measured_times_may_change_and_nothing_else(report: Path) -> None:
    _table(report, "compute", value="2")
    assert tables(report)[-1].rows == (("a", "2"),)
    _table(report, "data", value="2")
    with pytest.raises(IntegrityError, match=r"data\.csv: differs from what its record says"):
        tables(report)


def test_page_without_measured_times_shows_the_rest(report: Path) -> None:
    for path in (*report.glob("*/cost.*"), *report.glob("*/compute.*")):
        path.unlink()
    assert [f.name for f in figures(report)] == ["sweep"]
    assert [t.name for t in tables(report)] == ["scores", "data", "recipe"]


@pytest.mark.parametrize("name", ["score_vs_tokens", "averages", "grid"])
def test_figure_without_intervals_over_seeds_does_not_say_that_it_has_them(
    tmp_path: Path, name: str
) -> None:
    vouched = [*_figure(tmp_path, "sweep"), *_figure(tmp_path, name)]
    write_record(tmp_path, stage="draw", identity={}, code="0", inputs={}, outputs=vouched)
    told = {one.name: one.caption for one in figures(tmp_path, "3 seeds; intervals cover seeds.")}
    assert told["sweep"].endswith("3 seeds; intervals cover seeds.")
    assert "seeds;" not in told[name]


def test_title_of_a_new_figure_or_table_is_its_name_in_words() -> None:
    assert title("figure", "sweep") == "Score against text share"
    assert title("table", "compute") == "Computing time"
    assert title("figure", "brand_new") == title("table", "brand_new") == "Brand new"
