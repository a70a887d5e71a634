"""What sharing saves, and how earlier estimates compare with what jobs took."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from mlan.cost import tasks
from mlan.cost.history import Error, errors, remember
from mlan.cost.jobs import RUN_FOLDERS
from mlan.cost.sharing import savings
from mlan.cost.workload import Workload
from mlan.grid import Grid
from mlan.records import write_json
from tests.config.example import plain_study, put, validated

# Seconds of one job in these tests.
SECONDS = {"align": 100.0, "tune": 10.0, "predict": 1.0}


def grid_of(root: Path, **changes: object) -> Grid:
    plain = plain_study()
    for key, value in changes.items():
        put(plain, key.replace("__", "."), value)
    return Grid(validated(plain), "cpu", root)


def saved(grid: Grid) -> dict[str, tuple[int, float]]:
    jobs = tasks(grid)
    seconds = {folder: SECONDS.get(task.stage, 0.0) for folder, task in jobs.items()}
    found = savings(Workload(grid), jobs, seconds)
    return {saving.what: (saving.jobs, saving.seconds) for saving in found}


def test_stage_1_and_untuned_answers_are_shared_over_cells_and_seeds(tmp_path: Path) -> None:
    # Three cells, two seeds, one stack.
    assert saved(grid_of(tmp_path)) == {
        "stage 1 once for all cells on it": (2, 200.0),
        "the untuned model once for all seeds": (1, 1.0),
    }


def test_stage_1_that_varies_with_the_seed_is_shared_within_each(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, seed_varies=["draw", "order", "init", "align"])

    assert saved(grid) == {"stage 1 once for all cells on it": (4, 400.0)}


def test_cell_of_two_experiments_is_tuned_and_asked_once_a_seed(tmp_path: Path) -> None:
    both = {"vary": {"mixture.text_share": [0.5]}, "set": {}}
    one = {"vary": {"mixture.text_share": [0.0, 0.5, 1.0]}}
    grid = grid_of(tmp_path, experiments={"sweep": one, "again": both})

    # Tuned and asked, under two seeds.
    assert saved(grid)["cells that experiments share"] == (4, 2 * (10.0 + 1.0))


def test_operations_that_sharing_saves_are_those_of_the_jobs(tmp_path: Path) -> None:
    grid = grid_of(tmp_path)
    jobs, workload = tasks(grid), Workload(grid)

    stage1, _ = savings(workload, jobs, dict.fromkeys(jobs, 0.0))

    (align,) = (task for task in jobs.values() if task.stage == "align")
    assert stage1.work.total == pytest.approx(2 * workload.work([align]).total)


def finish(grid: Grid, cell: str, seconds: float, **changes: object) -> Path:
    folder = grid.run_folder(cell, 0, RUN_FOLDERS["tune"])
    here = {"host": platform.node(), "cores": os.cpu_count(), "seconds": seconds}
    write_json(folder / "run.json", here | changes)
    return folder


def test_errors_are_ratios_of_what_was_estimated_before_a_job(tmp_path: Path) -> None:
    grid = grid_of(tmp_path)
    jobs = tasks(grid)
    # 1.5 s of each are the engine's.
    remember(grid, dict.fromkeys(jobs, 31.5), done=())
    folders = [finish(grid, c, s) for c, s in (("text0", 30), ("text50", 20), ("text100", 120))]
    # Once done, a job keeps the estimate that was made before it.
    remember(grid, dict.fromkeys(jobs, 1000.0), done=folders)

    assert errors(grid, jobs) == [Error("tune", 3, 1.0, 0.25)]


def test_runs_of_another_host_or_from_a_journal_say_nothing_of_estimates(tmp_path: Path) -> None:
    grid = grid_of(tmp_path)
    jobs = tasks(grid)
    remember(grid, dict.fromkeys(jobs, 31.5), done=())
    finish(grid, "text0", 30, host="elsewhere")
    finish(grid, "text50", 30, restored=7)

    assert errors(grid, jobs) == []
