"""Earlier estimates of a study against what its jobs then took.

Whoever estimates a study here writes down what each job that is still to come should take, in
`state/estimates.json`; a finished job keeps the last estimate that was made before it. Measured
are the seconds of its run.json.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mlan.cost.estimate import START_S
from mlan.cost.jobs import MODEL_STAGES, Task
from mlan.grid import Grid
from mlan.records import read_run, write_json

OTHERS = "others"


@dataclass(frozen=True)
class Error:
    """Estimated over measured seconds of a stage's jobs: median, and the ratio farthest from 1."""

    stage: str
    jobs: int
    median: float
    worst: float


def remember(grid: Grid, seconds: Mapping[Path, float], done: Collection[Path]) -> None:
    """Write down the estimates of the jobs that are not done."""
    known = _known(grid)
    here = {"host": platform.node(), "cores": os.cpu_count()}
    for folder, value in seconds.items():
        if folder not in done:
            # The engine's own time is no part of a job's run.json.
            own = round(max(0.0, value - START_S), 3)
            known[str(folder.relative_to(grid.root))] = {**here, "seconds": own}
    write_json(_path(grid), known)


def errors(grid: Grid, jobs: Mapping[Path, Task]) -> list[Error]:
    """Return the errors of this machine's estimates by stage, those without a model together.

    Answers that came out of a journal took no time and are left out.
    """
    known = _known(grid)
    ratios: dict[str, list[float]] = {}
    for folder, task in jobs.items():
        told, run = known.get(str(folder.relative_to(grid.root))), read_run(folder)
        if told and told["seconds"] and _is_comparable(told, run):
            stage = task.stage if task.stage in MODEL_STAGES else OTHERS
            ratios.setdefault(stage, []).append(told["seconds"] / run["seconds"])
    return [
        Error(stage, len(found), median(found), max(found, key=lambda r: abs(math.log(r))))
        for stage in (*MODEL_STAGES, OTHERS)
        if (found := ratios.get(stage, []))
    ]


def _is_comparable(told: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    here = all(told[key] == run.get(key) for key in ("host", "cores"))
    return here and bool(run.get("seconds")) and not run.get("restored")


def _path(grid: Grid) -> Path:
    return grid.folder("state") / "estimates.json"


def _known(grid: Grid) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_path(grid).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
