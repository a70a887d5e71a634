"""Scores on clean items against scores of outcomes from which the items were taken by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlan.records import write_csv, write_parquet, write_record
from mlan.score.metrics import accuracy
from tests.evidence.test_collect import BENCHMARKS, CELLS, ITEMS, Grid

# What the cells have seen: the ends of the sweep no common source.
SEEN = {"untuned": [], "share-0": ["pictures"], "share-100": ["words"]}
CLEANED = [{**cell, "seen": SEEN.get(str(cell["cell"]), ["pictures", "words"])} for cell in CELLS]
MATCHES = [
    ("t_capital", "test", "t_capital-test-0", "words", "text", "exact", "w/0", "whole question"),
    ("t_capital", "test", "t_capital-test-3", "words", "text", "near", "w/1", "50%"),
    *(
        ("v_flag", "test", f"v_flag-test-{i}", "pictures", kind, "exact", "p", "same pixels")
        for i in range(4)
        for kind in ("image", "text")
    ),
    *(
        ("v_colour", "test", f"v_colour-test-{i}", "pictures", "image", "exact", "p", "same pixels")
        for i in range(ITEMS["v_colour"])
    ),
]  # fmt: skip


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    made = Grid(tmp_path)
    made.add("untuned", 0)
    for cell in ("share-0", "share-50", "share-100"):
        for seed in (0, 1):
            made.add(cell, seed)
    return made


def overlap(folder: Path) -> Path:
    names = ["benchmark", "part", "item", "source", "kind", "match", "found", "evidence"]
    write_parquet(folder / "items.parquet", pd.DataFrame(MATCHES, columns=names))
    pairs = {"source": ["words"], "benchmark": ["t_capital"], "part": ["test"], "items": [6]}
    counts = {"exact_text": 1, "near_text": 1, "exact_image": 0, "near_image": 0, "fraction": 1 / 3}
    write_csv(folder / "pairs.csv", pd.DataFrame({**pairs, **counts}))
    files = [folder / "items.parquet", folder / "pairs.csv"]
    write_record(folder, stage="overlap", identity={}, code="0", inputs={}, outputs=files)
    return folder


def summary(grid: Grid, name: str = "scores_clean") -> pd.DataFrame:
    inputs = {**grid.inputs, "overlap": overlap(grid.root / "overlap")}
    return pd.read_csv(grid.collect(inputs=inputs, cells=CLEANED) / f"{name}.csv")


def test_items_of_a_cells_own_sources_are_left_out_and_counted(grid: Grid) -> None:
    rows = summary(grid).query("parser == 'strict' and part == 'test' and seed == 0")
    found = rows.set_index(["cell", "benchmark"])
    for cell, gone in (("share-100", ("0", "3")), ("share-0", ()), ("untuned", ())):
        own = grid.rows(cell, 0, "t_capital", "strict")
        own = own[~own["item"].isin([f"t_capital-test-{i}" for i in gone])]
        expected = accuracy(own["correct"], own["cluster"])
        row = found.loc[(cell, "t_capital")]
        assert row["value"] == pytest.approx(expected.value, rel=1e-5)
        assert row["standard_error"] == pytest.approx(expected.standard_error, rel=1e-5)
        assert (row["n"], row["removed"]) == (6 - len(gone), len(gone))


def test_average_is_of_the_cleaned_benchmarks(grid: Grid) -> None:
    rows = summary(grid).query("parser == 'strict' and part == 'test' and seed == 1")
    found = rows.set_index(["cell", "benchmark"])
    row, only = found.loc[("share-100", "text average")], found.loc[("share-100", "t_capital")]
    assert row[["value", "n", "removed"]].tolist() == only[["value", "n", "removed"]].tolist()


def test_item_that_two_kinds_of_match_name_is_left_out_once(grid: Grid) -> None:
    rows = summary(grid).query("cell == 'share-50' and benchmark == 'v_flag' and part == 'test'")
    assert set(rows["n"]) == {4}
    assert set(rows["removed"]) == {4}


def test_benchmark_of_which_nothing_is_left_has_no_row(grid: Grid) -> None:
    names = set(summary(grid).query("cell == 'share-0' and part == 'test'")["benchmark"])
    assert "v_flag" in names
    assert not names & {"v_colour", "vision average", "taught by: pictures"}


def test_scores_of_all_items_do_not_change(grid: Grid) -> None:
    before = (grid.collect("plain", cells=CLEANED) / "scores.csv").read_bytes()
    summary(grid)
    assert (grid.root / "summary" / "scores.csv").read_bytes() == before


def test_without_a_comparison_nothing_is_taken_out(grid: Grid) -> None:
    out = grid.collect(cells=CLEANED)
    clean = pd.read_csv(out / "scores_clean.csv")
    assert set(clean.pop("removed")) == {0}
    pd.testing.assert_frame_equal(clean, pd.read_csv(out / "scores.csv"))
    assert pd.read_csv(out / "contamination.csv").empty


def test_counts_of_the_comparison_are_passed_on(grid: Grid) -> None:
    row = summary(grid, "contamination").iloc[0]
    assert row.tolist() == ["words", "t_capital", "test", 6, 1, 1, 0, 0, 0.333333]
    assert set(BENCHMARKS) > {row["benchmark"]}
