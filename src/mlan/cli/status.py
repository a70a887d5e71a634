"""`mlan status`: what is done, at work and missing; read from files, also during a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlan.cli.progress import Seen, look
from mlan.cli.study import open_grid
from mlan.cli.words import console, duration, show, table
from mlan.cost.jobs import RUN_FOLDERS, STAGES, tasks
from mlan.grid import Grid


def run(study: str, seeds: str | None, experiments: str | None, as_json: bool) -> None:
    """Print the state of a study."""
    grid = open_grid(study, seeds, experiments)
    seen = look(grid, tasks(grid))
    if as_json:
        print(json.dumps(_plain(grid, seen), indent=1))
        return
    screen = console()
    shared = table("stage", "state", left=2)
    for line in _shared(grid, seen):
        shared.add_row(*line)
    show(screen, f"{grid.study.name}: jobs that runs share", shared)
    stages = [s for s in RUN_FOLDERS if any(job.task.stage == s for job in seen.values())]
    runs = table("cell", "seed", *stages, left=2 + len(stages))
    for cell, seed in grid.runs():
        runs.add_row(cell, str(seed), *(_entry(seen, grid, cell, seed, s) for s in stages))
    show(screen, "Runs", runs)
    done = sum(job.state == "done" for job in seen.values())
    outdated = sum(job.state == "outdated" for job in seen.values())
    screen.print(
        f"{done} of {len(seen)} jobs done"
        + (f", {outdated} outdated (config, code or inputs changed since)" if outdated else "")
    )


def describe(job: Seen) -> str:
    """Return a job's state in words, e.g. `running 45 %, 30 s left`."""
    if job.state == "running":
        if job.fraction is None:
            return "starting"
        left = f", {duration(job.seconds_left)} left" if job.seconds_left is not None else ""
        return f"running {100 * job.fraction:.0f} %{left}"
    if job.diverged_at is not None and job.state == "done":
        return f"diverged at step {job.diverged_at}"
    return "-" if job.state == "missing" else job.state


def _entry(seen: Mapping[Path, Seen], grid: Grid, cell: str, seed: int, stage: str) -> str:
    """A run's stage; empty where there is no such job (the untuned model is not tuned)."""
    job = seen.get(grid.run_folder(cell, seed, RUN_FOLDERS[stage]))
    if job is None:
        return ""
    own = stage == "tune" and not grid.cells[cell].order_controlled
    return describe(job) + (", order not controlled" if own else "")


def _order_controlled(grid: Grid, job: Seen) -> bool:
    cell = job.task.wildcards.get("cell")
    return cell is None or grid.cells[cell].order_controlled


def _shared(grid: Grid, seen: Mapping[Path, Seen]) -> list[tuple[str, str]]:
    lines = []
    for stage in STAGES:
        jobs = [job for job in seen.values() if job.task.stage == stage]
        if stage in RUN_FOLDERS or not jobs:
            continue
        if stage == "align":
            lines += [(f"align {job.task.wildcards['stack']}", describe(job)) for job in jobs]
        elif len(jobs) == 1:
            lines.append((stage, describe(jobs[0])))
        else:
            lines.append((stage, _counted(jobs)))
    return lines


def _counted(jobs: list[Seen]) -> str:
    done = sum(job.state == "done" for job in jobs)
    outdated = sum(job.state == "outdated" for job in jobs)
    return f"{done} of {len(jobs)}" + (f", {outdated} outdated" if outdated else "")


def _plain(grid: Grid, seen: Mapping[Path, Seen]) -> dict[str, Any]:
    jobs = [
        {
            "stage": job.task.stage,
            **job.task.wildcards,
            "state": job.state,
            "order_controlled": _order_controlled(grid, job),
            "diverged_at": job.diverged_at,
            "fraction": job.fraction,
            "seconds_left": job.seconds_left,
        }
        for job in seen.values()
    ]
    done = sum(job.state == "done" for job in seen.values())
    return {"study": grid.study.name, "done": done, "of": len(jobs), "jobs": jobs}
