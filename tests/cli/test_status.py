from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlan.cli.progress import Seen, lacking, look, withdraw
from mlan.cli.status import describe
from mlan.cli.study import open_grid
from mlan.cost import tasks
from mlan.grid import Grid
from mlan.records import write_json
from tests.cli.example import call, finish, finish_all, run_task, write_study


def state_of(grid: Grid, stage: str, cell: str, seed: int) -> Seen:
    jobs = tasks(grid)
    return look(grid, jobs)[run_task(grid, stage, cell, seed).folder]


def test_status_of_nothing_is_all_missing(grid: Grid, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("status", "tiny") == 0

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert "text50   0     -    -     -        -" in lines
    assert "untuned  0                -        -" in lines
    assert lines[-1] == "0 of 44 jobs done"


def test_status_of_everything_is_all_done(grid: Grid, capsys: pytest.CaptureFixture[str]) -> None:
    finish_all(grid)

    assert call("status", "tiny") == 0

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert "text50   1     done  done  done     done" in lines
    assert lines[-1] == "44 of 44 jobs done"


def test_status_shows_a_job_at_work_with_percent_and_time(grid: Grid) -> None:
    folder = grid.folder("state", "tune", "text0", "seed1")
    told = {"what": "tune", "done": 1, "of": 4, "tokens_per_s": 400.0, "seconds_left": 33.3}
    write_json(folder / "progress.json", told)

    job = state_of(grid, "tune", "text0", 1)

    assert (job.state, job.fraction, job.tokens_per_s) == ("running", 0.25, 400.0)
    assert describe(job) == "running 25 %, 33 s left"


def test_status_progress_older_than_a_minute_is_of_a_dead_job(grid: Grid) -> None:
    path = grid.folder("state", "tune", "text0", "seed1") / "progress.json"
    write_json(path, {"done": 1, "of": 4, "seconds_left": 3.0})
    os.utime(path, (time.time() - 61,) * 2)

    assert describe(state_of(grid, "tune", "text0", 1)) == "-"


def test_status_job_that_has_only_its_lock_is_starting(grid: Grid) -> None:
    folder = grid.folder("state", "predict", "untuned", "seed0")
    write_json(folder / "progress.json", {"done": 56, "of": 56, "seconds_left": 0})
    os.utime(folder / "progress.json", (time.time() - 10,) * 2)
    (folder / "lock").touch()

    assert describe(state_of(grid, "predict", "untuned", 0)) == "starting"


def test_status_shows_a_diverged_run(grid: Grid) -> None:
    finish_all(grid)
    finish(grid, run_task(grid, "tune", "text100", 0), {"steps": 4, "diverged_at": 2})

    assert describe(state_of(grid, "tune", "text100", 0)) == "diverged at step 2"


def test_status_of_other_code_is_outdated_with_all_that_stands_on_it(grid: Grid) -> None:
    finish_all(grid)
    path = run_task(grid, "mix", "text50", 0).folder / "record.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"code": "0" * 16}))

    stages = ("mix", "tune", "predict", "score")
    assert {state_of(grid, stage, "text50", 0).state for stage in stages} == {"outdated"}
    assert {state_of(grid, stage, "text50", 1).state for stage in stages} == {"done"}


def test_status_says_whose_order_is_not_controlled(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(project, recipe__tune__command="train {data} {out}")
    assert call("status", "mine", "--seeds", "first", "--json") == 0
    jobs = json.loads(capsys.readouterr().out)["jobs"]
    assert {job["order_controlled"] for job in jobs if job.get("cell") == "text50"} == {False}
    assert {job["order_controlled"] for job in jobs if job.get("cell") == "untuned"} == {True}
    finish_all(open_grid("mine", "first"))
    assert call("status", "mine", "--seeds", "first") == 0
    assert capsys.readouterr().out.count("order not controlled") == 3


def test_status_starts_without_torch(project: Path) -> None:
    script = (
        "import sys; from mlan.cli import status; status.run('tiny', None, None, True);"
        "assert not {'torch', 'transformers', 'snakemake'} & set(sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert json.loads(done.stdout)["of"] == 44


def test_withdraw_removes_records_that_stand_on_a_missing_job(grid: Grid) -> None:
    finish_all(grid)
    (run_task(grid, "tune", "text50", 1).folder / "record.json").unlink()

    names = [task.name for task in withdraw(tasks(grid))]

    report = ["collect", "claims", "draw", "page"]
    assert names == ["predict text50 seed 1", "score text50 seed 1", *report]
    assert withdraw(tasks(grid)) == []
    left = sum((folder / "record.json").exists() for folder in tasks(grid))
    assert left == 44 - 7


def test_run_that_must_answer_again_without_its_weights_is_lacking(grid: Grid) -> None:
    finish_all(grid)
    jobs = tasks(grid)
    answers = run_task(grid, "predict", "text50", 0)
    kept = grid.run_folder("text50", 0, "kept")
    write_json(kept / "dropped.json", {"adapter.safetensors": "scores"})

    assert lacking(look(grid, jobs)) == []  # nobody asks for them
    (answers.folder / "record.json").unlink()
    assert lacking(look(grid, jobs)) == [answers]
    (answers.inputs["weights"] / "record.json").unlink()
    assert lacking(look(grid, jobs)) == []  # trained again anyway
