"""Fabricated results of the tiny study: records as jobs would write them, no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlan.cli import app
from mlan.cli.progress import SCRIPTS
from mlan.code import code_digest
from mlan.cost import Task, tasks
from mlan.cost.jobs import RUN_FOLDERS
from mlan.grid import Grid
from mlan.records import write_record


def write_study(project: Path, **changes: object) -> None:
    """Write config/mine.yaml: the tiny study with some dotted keys changed, without claims."""
    plain = yaml.safe_load((project / "config" / "tiny.yaml").read_text()) | {"claims": None}
    for key, value in changes.items():
        place = plain
        *path, last = key.split("__")
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    (project / "config" / "mine.yaml").write_text(yaml.safe_dump(plain))


def finish(grid: Grid, task: Task, facts: dict[str, Any] | None = None) -> None:
    """Write the record that the job would write, of the files that lie in its folder."""
    task.folder.mkdir(parents=True, exist_ok=True)
    write_record(
        task.folder,
        stage=task.stage,
        identity=json.loads(grid.identity(task.stage, **task.wildcards)),
        code=code_digest(SCRIPTS / f"{task.stage}.py"),
        inputs=task.inputs,
        outputs=[p for p in task.folder.iterdir() if p.name not in ("record.json", "run.json")],
        facts=facts,
    )


def finish_all(grid: Grid) -> None:
    """Finish every job, producers first."""
    for task in tasks(grid).values():
        finish(grid, task)


def run_task(grid: Grid, stage: str, cell: str, seed: int) -> Task:
    """The job of one stage of one run."""
    return tasks(grid)[grid.run_folder(cell, seed, RUN_FOLDERS[stage])]


def call(*words: str) -> int:
    """Call the command line as the installed script does; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        app(list(words))
    return int(ended.value.code or 0)
