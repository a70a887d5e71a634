"""What a whole study costs, stage by stage: time, operations, memory, disk, downloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlan.config.hub import hub_names
from mlan.cost.disk import Disk, study_disk
from mlan.cost.estimate import Estimate, StageTime, summed, task_seconds
from mlan.cost.flops import Work
from mlan.cost.gpus import Device
from mlan.cost.history import Error, errors
from mlan.cost.jobs import MODEL_STAGES, STAGES, Task
from mlan.cost.memory import Memory
from mlan.cost.rates import Rate
from mlan.cost.sharing import Saving, savings
from mlan.cost.workload import Workload
from mlan.grid import Grid
from mlan.hub.lock import lock_path, read_lock


@dataclass(frozen=True)
class StageCost:
    """One stage: its time, operations, the largest job's memory, bytes left on disk."""

    time: StageTime
    work: Work
    memory: Memory | None
    disk: float

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.time.stage


@dataclass(frozen=True)
class Speed:
    """What finished runs of a stage reached on this machine, medians of `runs`.

    Operations are those of the base recipe for as many tokens.
    """

    stage: str
    tokens_per_s: float
    flop_per_s: float
    runs: int


@dataclass(frozen=True)
class Download:
    """What a study takes from a hub: bytes of locked names, and the names that are not."""

    bytes: int
    names: int
    unlocked: tuple[str, ...]


@dataclass(frozen=True)
class StudyCost:
    """The whole; `left` is the estimate of what is not done yet, `assumed` what stands for facts.

    Times are those of `device`, or of this machine; None where its speed is unknown.
    """

    device: Device | None
    stages: tuple[StageCost, ...]
    whole: Estimate | None
    left: Estimate | None
    seconds: Mapping[Path, float]
    disk: Disk
    download: Download
    speeds: tuple[Speed, ...]
    savings: tuple[Saving, ...]
    errors: tuple[Error, ...]
    assumed: tuple[str, ...]

    @property
    def work(self) -> Work:
        """Operations of all stages."""
        return sum((stage.work for stage in self.stages), Work())

    def of(self, stage: str) -> StageCost | None:
        """Return one stage, None if the study has no such job."""
        return next((s for s in self.stages if s.stage == stage), None)


def study_cost(
    grid: Grid,
    jobs: Mapping[Path, Task],
    *,
    gflops: float | None,
    rates: Mapping[str, Rate],
    tokens: Mapping[str, float],
    rows: Mapping[str, int],
    done: frozenset[Path] = frozenset(),
    device: Device | None = None,
) -> StudyCost:
    """Return what a study costs on this machine, or with `device` on such GPUs.

    `gflops` is this machine's speed if it is known; `rates` those of its finished runs; `tokens`
    a cell's tokens where a plan counted them; `rows` the sizes of sources that were read; `done`
    folders that need no job any more.
    """
    workload = Workload(grid, tokens)
    disk = study_disk(grid, workload.shapes, rows)
    whole = left = None
    seconds: Mapping[Path, float] = {}
    if gflops or device:
        seconds = task_seconds(grid, gflops or 1.0, jobs, rates=rates, tokens=tokens, device=device)
        kind = "cuda" if device else grid.device
        measured = () if device else tuple(s for s in MODEL_STAGES if s in rates)
        whole = summed(jobs, seconds, kind, measured=measured)
        left = summed(jobs, seconds, kind, left_out=done, measured=measured)
    return StudyCost(
        device=device,
        stages=_stages(workload, jobs, whole, disk),
        whole=whole,
        left=left,
        seconds=seconds,
        disk=disk,
        download=_download(grid),
        speeds=tuple(_speeds(workload, jobs, rates)),
        savings=tuple(savings(workload, jobs, seconds)) if seconds else (),
        errors=tuple(errors(grid, jobs)),
        assumed=(*sorted(workload.shapes.assumed), *disk.assumed),
    )


def _stages(
    workload: Workload, jobs: Mapping[Path, Task], whole: Estimate | None, disk: Disk
) -> tuple[StageCost, ...]:
    times = {time.stage: time for time in whole.stages} if whole else {}
    on_disk = {
        "prepare_images": disk.pictures,
        "prepare_backbone": disk.backbones,
        "align": disk.stage1,
        "tune": disk.weights[workload.grid.config.keep],
        "predict": disk.answers,
    }
    stages = []
    for stage in STAGES:
        mine = [task for task in jobs.values() if task.stage == stage]
        if mine:
            time = times.get(stage, StageTime(stage, len(mine), 0.0, 0.0))
            work, memory = workload.work(mine), workload.memory(mine)
            stages.append(StageCost(time, work, memory, on_disk.get(stage, 0.0)))
    return tuple(stages)


def _speeds(
    workload: Workload, jobs: Mapping[Path, Task], rates: Mapping[str, Rate]
) -> Iterator[Speed]:
    first: dict[str, Task] = {}
    for task in jobs.values():
        first.setdefault(task.stage, task)
    for stage, rate in rates.items():
        loop = workload.base_loop(first[stage]) if stage in first else None
        if loop and loop.tokens:
            flop_per_s = rate.tokens_per_s * loop.work.total / loop.tokens
            yield Speed(stage, rate.tokens_per_s, flop_per_s, rate.runs)


def _download(grid: Grid) -> Download:
    """What the lock file beside the study says of the names that it uses."""
    names = sorted({str(name) for name in hub_names(grid.config).values()})
    known = read_lock(lock_path(grid.study))
    locked = [known[name] for name in names if name in known]
    unlocked = tuple(name for name in names if name not in known)
    return Download(sum(entry.bytes for entry in locked), len(locked), unlocked)
