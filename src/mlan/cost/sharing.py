"""What a grid need not compute because jobs are shared: stage 1, cells, the untuned model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlan.cost.flops import Work
from mlan.cost.jobs import Task
from mlan.cost.workload import Workload


@dataclass(frozen=True)
class Saving:
    """Jobs that sharing leaves out, in words and numbers; `seconds` as if run alone."""

    what: str
    jobs: int
    seconds: float
    work: Work


def savings(
    workload: Workload, jobs: Mapping[Path, Task], seconds: Mapping[Path, float]
) -> list[Saving]:
    """Return what sharing saves, against a script that computes every cell by itself.

    Stage 1 would run once a cell (once a run where the seed changes it), a cell once for each
    experiment that names it, the untuned model once a seed. `seconds` are those of each job.
    """
    found = [
        _saving("stage 1 once for all cells on it", _stage1(workload), workload, jobs, seconds),
        _saving("cells that experiments share", _cells(workload), workload, jobs, seconds),
        _saving(
            "the untuned model once for all seeds", _untuned(workload), workload, jobs, seconds
        ),
    ]
    return [saving for saving in found if saving.jobs]


def _stage1(workload: Workload) -> Iterable[tuple[Path, int]]:
    grid = workload.grid
    users: dict[str, set[str]] = {}
    for cell, seed in grid.runs():
        if grid.cells[cell].kind == "tuned":
            users.setdefault(grid.stack(cell, seed), set()).add(cell)
    for stack, cells in users.items():
        yield grid.folder("align", stack), len(cells) - 1


def _cells(workload: Workload) -> Iterable[tuple[Path, int]]:
    grid = workload.grid
    for cell, seed in grid.runs():
        if grid.cells[cell].kind == "tuned":
            for folder in ("weights", "predictions"):
                times = len(grid.cells[cell].experiments) - 1
                yield grid.run_folder(cell, seed, folder), times


def _untuned(workload: Workload) -> Iterable[tuple[Path, int]]:
    grid = workload.grid
    for cell in grid.cells.values():
        if cell.kind == "untuned":
            times = len(grid.config.seeds) - len(cell.seeds)
            yield grid.run_folder(cell.name, cell.seeds[0], "predictions"), times


def _saving(
    what: str,
    saved: Iterable[tuple[Path, int]],
    workload: Workload,
    jobs: Mapping[Path, Task],
    seconds: Mapping[Path, float],
) -> Saving:
    number, time, work = 0, 0.0, Work()
    for folder, times in saved:
        number += times
        time += times * seconds[folder]
        work += workload.work([jobs[folder]]) * times
    return Saving(what, number, time, work)
