"""Gained, lost and kept items against outcomes that are compared by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlan.evidence.forgetting import Changes, changes
from tests.evidence.test_collect import CELLS, Grid, outcomes


def test_changes_are_counted_by_what_was_and_is_right() -> None:
    was = [True, True, True, False, False, False, False]
    now = [True, False, False, True, False, False, False]
    counted = changes(was, now)
    assert counted == Changes(n=7, gained=1, lost=2, kept_right=1, kept_wrong=3)
    assert counted.net == -1


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    made = Grid(tmp_path)
    made.add("untuned", 0)
    for seed in (0, 1):
        made.add("share-50", seed)
    return made


def forgetting(grid: Grid) -> pd.DataFrame:
    return pd.read_csv(grid.collect() / "forgetting.csv")


def test_run_is_compared_with_its_stage_1_model_item_by_item(grid: Grid) -> None:
    rows = forgetting(grid).query("part == 'test' and parser == 'strict'")
    assert set(rows["reference"]) == {"untuned"}
    assert set(rows["cell"]) == {"share-50"}
    for seed in (0, 1):
        was, now = (
            grid.rows(cell, own, "t_capital", "strict").set_index("item")["correct"] > 0
            for cell, own in (("untuned", 0), ("share-50", seed))
        )
        row = rows.query(f"seed == {seed} and benchmark == 't_capital'").iloc[0]
        assert row["lost"] == sum(was[item] and not now[item] for item in was.index)
        assert row["gained"] == sum(now[item] and not was[item] for item in was.index)
        assert row["lost"] + row["kept_right"] == was.sum()
        assert row["gained"] + row["kept_right"] == now.sum()
        assert row["net"] == now.sum() - was.sum()
        assert row["n"] == 6


def test_group_sums_its_benchmarks(grid: Grid) -> None:
    rows = forgetting(grid).query("part == 'test' and parser == 'argmax' and seed == 1")
    rows = rows.set_index("benchmark")[["n", "gained", "lost", "kept_right", "kept_wrong", "net"]]
    both = rows.loc["v_colour"] + rows.loc["v_flag"]
    assert rows.loc["vision average"].tolist() == both.tolist()
    assert rows.loc["text average"].tolist() == rows.loc["t_capital"].tolist()


def test_flips_are_the_items_that_the_counts_count(grid: Grid) -> None:
    counts = forgetting(grid).query("part == 'test' and parser != 'lenient'")
    flips = pd.read_parquet(grid.root / "summary" / "flips.parquet")
    assert set(flips["parser"]) == {"strict", "argmax"}
    assert set(flips["part"]) == {"test"}
    keys = ["cell", "seed", "benchmark", "parser"]
    single = counts[counts["benchmark"].isin(flips["benchmark"].unique())].set_index(keys)
    for (was, now), column in ((("right", "wrong"), "lost"), (("wrong", "right"), "gained")):
        own = flips[(flips["was"] == was) & (flips["is"] == now)].groupby(keys).size()
        assert own.to_dict() == single[column][single[column] > 0].to_dict()


def test_item_order_of_a_run_decides_nothing(grid: Grid) -> None:
    before = forgetting(grid)
    grid.add("share-50", 1, grid.frames["share-50", 1].iloc[::-1].reset_index(drop=True))
    pd.testing.assert_frame_equal(forgetting(grid), before)


def test_stage_1_of_each_seed_is_the_reference_of_that_seed(tmp_path: Path) -> None:
    grid = Grid(tmp_path)
    grid.add("untuned", 0, outcomes(7))
    grid.add("untuned", 1, outcomes(8))
    grid.add("share-50", 1, outcomes(8))
    grid.add("share-50", 2, outcomes(7))
    cells = [{**c, "seeds": [0, 1, 2]} if c["cell"] == "untuned" else c for c in CELLS]
    found = pd.read_csv(grid.collect(cells=cells) / "forgetting.csv")
    assert set(found["seed"]) == {1}
    assert set(found["gained"]) == set(found["lost"]) == {0}


def test_without_a_stage_1_model_there_is_nothing_to_forget(tmp_path: Path) -> None:
    grid = Grid(tmp_path)
    grid.add("share-50", 0)
    assert forgetting(grid).empty
    assert pd.read_parquet(tmp_path / "summary" / "flips.parquet").empty
