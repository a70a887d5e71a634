"""Tables of the design: whose the data are, how much of them, and the recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mlan.report.materials import data_table, recipe_table
from mlan.report.summary import Summary

Build = Callable[..., Summary]


@pytest.fixture
def rows(summary_of: Build) -> dict[str, tuple[str, ...]]:
    summary = summary_of(shares=(0.0, 0.25, 0.5), seeds=(0,), others=())
    licences = {"hub:datasets/org/name": "cc-by-4.0"}
    told = replace(summary, design={**summary.design, "licences": licences})
    return {row[0]: row for row in data_table(told).rows}


def test_data_table_amounts_are_those_of_the_runs_that_use_a_source(
    rows: dict[str, tuple[str, ...]],
) -> None:
    # 480 examples, shares 25 and 50 %: 60 and 120 of each text source, half an epoch.
    assert rows["text-a"][1:7] == ("text", "240", "60–120", "0.50", "34.0", "0.0")
    assert rows["vision-a"][1:7] == ("vision", "480", "120–240", "0.50", "24.0", "9.0")


def test_data_table_says_whose_every_source_is(rows: dict[str, tuple[str, ...]]) -> None:
    assert rows["text-a"][-1] == "MIT; WordNet 3.0 licence"
    assert rows["vision-a"][-1] == "MIT; WordNet 3.0 licence; CC-BY-4.0"  # its pictures
    assert rows["text-b"][-2:] == ("chat", "own.jsonl: not known to mlan")
    assert rows["vision-b"][-1] == "hub:datasets/org/name: cc-by-4.0"


def test_data_table_repository_that_is_not_locked_has_no_licence(summary_of: Build) -> None:
    (row,) = [r for r in data_table(summary_of(shares=(0.5,), seeds=(0,))).rows
              if r[0] == "vision-b"]  # fmt: skip
    assert row[-1] == "hub:datasets/org/name: not known (not locked)"


def test_recipe_table_shows_what_varies_and_where(summary_of: Build) -> None:
    rows = {row[0]: row[1:] for row in recipe_table(summary_of()).rows}
    assert rows["mixture.text_share"] == ("0.5", "25 %")
    assert rows["tune.learning_rate"] == ("0.001", "0.0003: lr-3e-4")
    assert rows["tune.command"] == ("none", "")


def test_recipe_table_names_cells_in_the_order_of_their_shares(summary_of: Build) -> None:
    differs = {f"share-{s}": {"mixture.text_share": s / 100, "tune.seed": 1000 + s // 50}
               for s in (100, 0, 75, 25)}  # fmt: skip
    design = {"recipe": {"mixture.text_share": 0.5, "tune.seed": 1}, "differs": differs}
    table = recipe_table(replace(summary_of(), design=design))
    rows = {row[0]: row[2] for row in table.rows}
    assert rows["mixture.text_share"] == "0 %, 25 %, 75 %, 100 %"
    assert rows["tune.seed"] == "1000: 0 %, 25 %; 1001: 75 %; 1002: 100 %"


def test_recipe_table_of_an_untold_design_says_so(summary_of: Build) -> None:
    table = recipe_table(replace(summary_of(shares=(0.0,), seeds=(0,)), design={}))
    assert table.rows == ()
    assert table.note.startswith("Empty")
