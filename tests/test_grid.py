"""Cells, their names, and what decides each job's result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlan.errors import ConfigError
from mlan.grid import Grid
from tests.config.example import plain_study, put, validated

Plain = dict[str, Any]


def grid_of(plain: Plain, name: str = "example", folder: str = "config") -> Grid:
    return Grid(validated(plain, name, folder), "cpu")


def experiments(**named: Plain) -> Plain:
    return put(plain_study(), "experiments", named)


def shares(*values: Any, **more: Any) -> Plain:
    return {"vary": {"mixture.text_share": list(values), **more.pop("vary", {})}, **more}


# --- cells -----------------------------------------------------------------------------------


def test_cells_are_named_after_their_share_and_what_differs_from_the_base() -> None:
    grid = grid_of(
        experiments(
            sweep=shares(0, 0.5, 0.955, 1),
            slow=shares(0.5, set={"tune.learning_rate": 1e-4, "mixture.text.t_define": 3}),
        )
    )
    assert list(grid.cells) == [
        "text0",
        "text50",
        "text95p5",
        "text100",
        "text50_t-define-3p0_tune-learning-rate-0p0001",
        "untuned",
    ]


def test_key_of_two_sections_is_named_with_its_section() -> None:
    grid = grid_of(
        experiments(
            first=shares(0.5, set={"align.learning_rate": 0.002}),
            second=shares(0.5, set={"tune.learning_rate": 0.002}),
        )
    )
    tuned = {name: c.recipe for name, c in grid.cells.items() if c.kind == "tuned"}
    assert list(tuned) == [
        "text50_align-learning-rate-0p002",
        "text50_tune-learning-rate-0p002",
    ]
    assert tuned["text50_align-learning-rate-0p002"].align.learning_rate == 0.002
    assert tuned["text50_tune-learning-rate-0p002"].tune.learning_rate == 0.002


def test_equal_recipes_of_two_experiments_are_one_cell_with_both_names() -> None:
    grid = grid_of(
        experiments(
            sweep=shares(0, 0.5),
            rank={"vary": {"tune.lora.rank": [2, 4]}},
            again={"set": {"mixture.text_share": 0.5}},
        )
    )
    found = {name: cell.experiments for name, cell in grid.cells.items()}
    assert found == {
        "text0": ("sweep",),
        "text50": ("sweep", "rank", "again"),
        "text50_rank-4": ("rank",),
        "untuned": ("sweep", "rank", "again"),
    }
    assert [run for run in grid.runs() if run[0] == "text50"] == [("text50", 0), ("text50", 1)]


def test_two_axes_give_all_combinations() -> None:
    grid = grid_of(experiments(both=shares(0, 1, vary={"tune.lora.rank": [2, 8]})))
    points = {
        name: (cell.text_share, cell.recipe.tune.lora.rank)
        for name, cell in grid.cells.items()
        if cell.kind == "tuned"
    }
    assert points == {
        "text0": (0.0, 2),
        "text0_rank-8": (0.0, 8),
        "text100": (1.0, 2),
        "text100_rank-8": (1.0, 8),
    }


def test_whole_sections_can_be_varied() -> None:
    weights = [{"t_capital": 1}, {"t_define": 1}]
    grid = grid_of(experiments(diversity={"vary": {"mixture.text": weights}}))
    assert {n: c.recipe.mixture.text for n, c in grid.cells.items() if c.kind == "tuned"} == {
        "text50_t-define-none": {"t_capital": 1.0},
        "text50_t-capital-none": {"t_define": 1.0},
    }


def test_experiment_off_by_default_has_no_cells() -> None:
    off = experiments(sweep=shares(0.5), extra=shares(0.25, default=False))
    assert list(grid_of(off).cells) == ["text50", "untuned"]


def test_study_that_was_never_checked_is_refused_in_place_of_losing_cells() -> None:
    with pytest.raises(ConfigError) as caught:
        _ = grid_of(experiments(sweep=shares(0.5, 2))).cells
    assert caught.value.lines == (
        "config/example.yaml: experiments.sweep: recipe.mixture.text_share = 2: "
        "input should be less than or equal to 1",
    )


def test_untuned_cell_has_no_share_and_one_seed() -> None:
    cell = grid_of(plain_study()).cells["untuned"]
    assert (cell.kind, cell.text_share, cell.seeds) == ("untuned", None, (0,))


def test_other_stage_1_has_its_own_stack_and_untuned_cell() -> None:
    plain = experiments(sweep=shares(0.5), plain={"set": {"align.method": "plain"}})
    grid = grid_of(plain)
    assert list(grid.cells) == [
        "text50",
        "text50_method-plain",
        "untuned",
        "untuned_method-plain",
    ]
    assert {name: recipe.align.method for name, (recipe, _) in grid.stacks.items()} == {
        "base": "warm_start",
        "base_method-plain": "plain",
    }
    read = {cell: grid.inputs("predict", cell=cell, seed=0)["align"].name for cell in grid.cells}
    assert read == {
        "text50": "base",
        "text50_method-plain": "base_method-plain",
        "untuned": "base",
        "untuned_method-plain": "base_method-plain",
    }


def test_runs_that_stand_on_a_stage_1_are_told_to_the_summary() -> None:
    plain = experiments(sweep=shares(0, 1), plain={"set": {"align.method": "plain"}})
    put(plain, "seeds", [1, 2])
    told = json.loads(grid_of(plain).identity("collect"))["stacks"]
    assert {name: sorted(entry["cells"]) for name, entry in told.items()} == {
        "base": ["text0", "text100", "untuned"],
        "base_method-plain": ["text50_method-plain", "untuned_method-plain"],
    }
    varied = grid_of(put(plain, "seed_varies", ["align"]))
    found = {name: entry["seeds"] for name, entry in varied.sharing.items()}
    assert (found["base_seed1"], found["base_seed2"]) == ([1], [2])


def test_runs_finish_one_seed_before_the_next() -> None:
    grid = grid_of(put(experiments(sweep=shares(0, 1)), "seeds", [1, 2]))
    assert list(grid.runs()) == [
        ("untuned", 0),
        ("text0", 1),
        ("text100", 1),
        ("text0", 2),
        ("text100", 2),
    ]


# --- seeds -----------------------------------------------------------------------------------


def test_parts_that_do_not_vary_keep_seed_0() -> None:
    grid = grid_of(put(plain_study(), "seed_varies", ["order", "init"]))
    assert grid.seeds_of(3) == {"draw": 0, "order": 3, "init": 3, "align": 0}


def test_stage_1_that_varies_gives_a_stack_per_seed() -> None:
    plain = put(plain_study(), "seed_varies", ["align"])
    grid = grid_of(put(plain, "seeds", [0, 4]))
    assert {name: seed for name, (_, seed) in grid.stacks.items()} == {
        "base_seed0": 0,
        "base_seed4": 4,
    }
    assert grid.cells["untuned"].seeds == (0, 4)
    assert json.loads(grid.identity("align", stack="base_seed4"))["seed"] == 4
    folders = {s: grid.inputs("tune", cell="text50", seed=s)["align"].name for s in (0, 4)}
    assert folders == {0: "base_seed0", 4: "base_seed4"}
    same = {grid.identity("tune", cell="text50", seed=s) for s in (0, 4)}
    assert len(same) == 1, "nothing but stage 1 varies, and that is an input"


def test_seeds_differ_in_what_varies_only() -> None:
    grid = grid_of(put(plain_study(), "seed_varies", ["init"]))
    run = {"cell": "text50"}
    assert grid.identity("mix", **run, seed=0) == grid.identity("mix", **run, seed=1)
    assert grid.identity("tune", **run, seed=0) != grid.identity("tune", **run, seed=1)
