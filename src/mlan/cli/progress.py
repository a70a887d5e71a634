"""What has been computed of a study, from its files alone.

A job is `done` when its folder's record tells the very identity, code and inputs that the
study asks for now and every producer is done; with another record it is `outdated` and will
run again. A job with a state folder is `running` while its progress file is fresh. Files
beside a record are not read again here: each reader compares them (`mlan.records.checked`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from mlan.code import code_digest
from mlan.cost.jobs import Task
from mlan.grid import Grid
from mlan.records import RECORD, canonical, file_digest
from mlan.weights import dropped

State = Literal["done", "running", "outdated", "missing"]
# A job at work writes its progress every few seconds.
FRESH_S = 60.0
SCRIPTS = Path("workflow/scripts")


@dataclass(frozen=True)
class Seen:
    """One job as its files show it; the last four are known of running jobs only."""

    task: Task
    state: State
    diverged_at: int | None = None
    fraction: float | None = None
    tokens_per_s: float | None = None
    seconds_left: float | None = None


def look(grid: Grid, jobs: Mapping[Path, Task], now: float | None = None) -> dict[Path, Seen]:
    """Return the state of each job by its folder; `jobs` has producers before consumers."""
    moment = time.time() if now is None else now
    seen: dict[Path, Seen] = {}
    for folder, task in jobs.items():
        record = _record(folder)
        if record is not None:
            done = all(seen[p].state == "done" for p in task.inputs.values() if p in seen)
            done = done and _is_current(grid, task, record)
            diverged = record.get("facts", {}).get("diverged_at")
            seen[folder] = Seen(task, "done" if done else "outdated", diverged)
        else:
            seen[folder] = _running(grid, task, moment) or Seen(task, "missing")
    return seen


def lacking(seen: Mapping[Path, Seen]) -> list[Task]:
    """Return jobs that will ask for weights which were dropped and which no job makes again."""
    found = []
    for job in seen.values():
        weights = job.task.inputs.get("weights")
        is_due = job.task.stage == "predict" and job.state in ("missing", "outdated")
        if weights and is_due and seen[weights].state == "done" and dropped(weights):
            found.append(job.task)
    return found


def withdraw(jobs: Mapping[Path, Task]) -> list[Task]:
    """Remove the records of jobs that stand on a missing one; return those jobs.

    The engine makes a missing file again only if something is asked for that lacks it: after a
    job that had to run anew has failed, it would take the old report for the answer. Call it
    while nobody runs the study. Checkpoints and journals stay, so little is computed twice.
    """
    gone: set[Path] = set()
    withdrawn = []
    for folder, task in jobs.items():
        stands = not gone.intersection(task.inputs.values())
        if (folder / RECORD).exists() and stands:
            continue
        if (folder / RECORD).exists():
            (folder / RECORD).unlink()
            withdrawn.append(task)
        gone.add(folder)
    return withdrawn


def state_folder(grid: Grid, task: Task) -> Path | None:
    """Return where a job keeps its checkpoint or journal, None for stages that have none."""
    where = task.wildcards
    if task.stage == "align":
        return grid.folder("state", "align", where["stack"])
    if task.stage in ("tune", "predict"):
        return grid.folder("state", task.stage, where["cell"], f"seed{where['seed']}")
    return None


def _is_current(grid: Grid, task: Task, record: Mapping[str, Any]) -> bool:
    return (
        canonical(record.get("identity")) == grid.identity(task.stage, **task.wildcards)
        and record.get("code") == _code(task.stage)
        and record.get("inputs") == {n: _input_digest(p) for n, p in task.inputs.items()}
    )


@cache
def _code(stage: str) -> str:
    return code_digest(SCRIPTS / f"{stage}.py")


def _input_digest(path: Path) -> str | None:
    file = path / RECORD if path.is_dir() else path
    try:
        status = file.stat()
    except OSError:
        return None
    return _digest(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, time_ns: int) -> str:
    """Digest of a file, computed once for each size and time: your own data may be large."""
    return file_digest(path)


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record


def _running(grid: Grid, task: Task, now: float) -> Seen | None:
    state = state_folder(grid, task)
    if state is None:
        return None
    # The lock is opened anew when a job begins, long before its first progress.
    lock, progress = _time(state / "lock"), _time(state / "progress.json")
    if now - max(lock, progress) > FRESH_S:
        return None
    try:
        told = json.loads((state / "progress.json").read_text()) if progress >= lock else {}
    except (OSError, ValueError):
        told = {}
    if not told:
        return Seen(task, "running")
    return Seen(
        task,
        "running",
        fraction=told["done"] / max(1, told["of"]),
        tokens_per_s=told.get("tokens_per_s"),
        seconds_left=told.get("seconds_left"),
    )


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
