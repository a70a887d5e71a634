"""What jobs took: one row a job, stage 1 once, marked with the cells that share it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlan.evidence.blocks import Cell, Run
from mlan.evidence.compute import COLUMNS, compute_rows, finished_stacks
from mlan.records import write_json

PLANNED = {
    "base": {"cells": ["text0", "text100", "untuned"], "seeds": [0, 1]},
    "plain": {"cells": ["plain"], "seeds": [0]},
}


def took(folder: Path, stage: str, seconds: float, **more: float) -> Path:
    write_json(folder / "run.json", {"stage": stage, "seconds": seconds, **more})
    return folder


def grid(root: Path) -> pd.DataFrame:
    """Two cells, two seeds; stage 1 of 100 s and of 50 s, each with its operations."""
    inputs = {
        "align:plain": took(root / "align" / "plain", "align", 50.0, language_model_tflop=3.0),
        "align:base": took(
            root / "align" / "base", "align", 100.0, language_model_tflop=6.0, tower_tflop=1.5
        ),
    }
    runs = []
    for share in (0.0, 1.0):
        for seed in (0, 1):
            cell = Cell(f"text{100 * share:g}", "tuned", share, (), (0, 1), (), "untuned")
            run = root / "cells" / cell.name / f"seed{seed}"
            took(run / "weights", "tune", 10.0 + seed, language_model_tflop=2.0, tower_tflop=0.5)
            took(run / "predictions", "predict", 5.0)
            runs.append(Run(cell, seed, run / "scores", None))
    rows = compute_rows(runs, finished_stacks(inputs, PLANNED))
    return pd.DataFrame(list(rows), columns=COLUMNS)


def test_stage_1_has_one_row_with_the_cells_that_share_it(tmp_path: Path) -> None:
    found = grid(tmp_path)
    shared = found[found["shared_by"].notna()]
    assert shared["stack"].tolist() == ["base", "plain"]
    assert shared["shared_by"].tolist() == ["text0;text100;untuned", "plain"]
    assert set(shared["stage"]) == {"align"}
    assert shared["cell"].isna().all()
    # Of one seed alone: that of the runs that share it.
    assert shared["seed"].isna().tolist() == [True, False]


def test_sums_over_rows_are_what_the_grid_took(tmp_path: Path) -> None:
    found = grid(tmp_path)
    assert found["seconds"].sum() == 100 + 50 + 2 * (10 + 11) + 4 * 5
    assert found["tflop"].sum() == 7.5 + 3.0 + 4 * 2.5
    assert len(found) == 2 + 4 * 2


def test_stage_1_that_is_not_finished_has_no_row(tmp_path: Path) -> None:
    inputs = {"align:base": tmp_path}
    (stack,) = finished_stacks(inputs, PLANNED)
    assert stack.name == "base"
    assert list(compute_rows([], [stack])) == []
