"""Seconds of every job of a study, on this machine or on a named GPU, and their sum per stage.

A job that runs a model costs its operations over the machine's speed, on a CPU also a time for
what faster products do not hasten, plus start-up. Where
runs of a stage have finished here, their tokens per second replace the model (scaled by
operations for a cell that differs from the base recipe). Data and table jobs cost constants.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mlan.config.recipe import Recipe
from mlan.cost.disk import drawn_pictures, picture_count
from mlan.cost.flops import predict_tokens
from mlan.cost.gpus import Device
from mlan.cost.jobs import MODEL_STAGES, STAGES, Task, tasks
from mlan.cost.rates import Rate
from mlan.cost.workload import Loop, Workload
from mlan.grid import Grid

# Seconds of a job besides its own work on the reference machine (two cores), engine included.
START_S = 1.5  # a job of tables
MODEL_START_S = 2.0  # loading of a job that runs a model; the imports are shared (`forkserver`)
_FIXED_S = {
    "fetch": 10.0,  # unknown: it depends on the network
    "fetch_model": 60.0,
    "prepare_concepts": 2.0,
    "prepare_source": 0.3,
    "prepare_benchmark": 0.5,
    "prepare_backbone": 8.0,
    "mix": 0.7,
    "score": 0.5,
    "collect": 5.0,
    "claims": 2.5,
    "draw": 15.0,
    "page": 3.0,
    "prune": 0.2,
}
_PICTURE_S = 0.0015  # of one drawn picture
_PHOTO_S = 0.012  # of one of your own: a JPEG of 640 x 480 pixels, decoded and resized to 336
_PRINT_S = 0.002  # of one picture that is compared, at a side of 336
# On a CPU (two threads) seconds = operations x (_PRODUCTS / measured speed + _BESIDE_S / 1e12):
# large products, and what grows with the operations but gains nothing from faster products
# (attention, norms, small matrices). Through two points, the embedded default with products of 205
# and of 460 GFLOP/s: fitted, so a factor below 1 only says that its stage counts generously.
_PRODUCTS = {"align": 1.1, "tune": 0.97, "predict": 0.67}
_BESIDE_S = {"align": 2.1, "tune": 1.4, "predict": 1.4}
# On a GPU that stands here: what a stage reaches of the speed of large products.
_EFFICIENCY = {"align": 0.72, "tune": 0.74, "predict": 0.93}
# How many times dearer small products are: those of adapters beside their matrices, and those
# of decoding, one token at a time (measured likewise).
_DEAR_ADAPTERS, _DEAR_DECODING = 1.17, 5.0
# A step on a GPU costs at least this: small kernels are launched one by one.
_GPU_STEP_S = {"align": 0.12, "tune": 0.2, "predict": 0.05}
# Threads that the workflow gives to a job of a model.
MODEL_THREADS = 2


@dataclass(frozen=True)
class StageTime:
    """One stage: how many jobs, seconds of them one after the other, seconds side by side."""

    stage: str
    jobs: int
    seconds: float
    wall_s: float


@dataclass(frozen=True)
class Estimate:
    """A study's stages in order. `measured` names the stages whose speed finished runs gave."""

    stages: tuple[StageTime, ...]
    measured: tuple[str, ...]

    @property
    def jobs(self) -> int:
        """All jobs."""
        return sum(stage.jobs for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the whole study."""
        return sum(stage.wall_s for stage in self.stages)


def estimate(
    grid: Grid,
    gflops: float,
    *,
    rates: Mapping[str, Rate] | None = None,
    tokens: Mapping[str, float] | None = None,
    cores: int | None = None,
    left_out: frozenset[Path] = frozenset(),
) -> Estimate:
    """Return what the study costs at `gflops` (GFLOP/s of large fp32 products, two threads).

    `rates` are those of `measured_rates`; `tokens` a cell's tokens where a plan gave them;
    `left_out` folders that need no job any more. Raises ValueError unless gflops > 0.
    """
    jobs = tasks(grid)
    seconds = task_seconds(grid, gflops, jobs, rates=rates, tokens=tokens)
    measured = tuple(stage for stage in MODEL_STAGES if stage in (rates or {}))
    return summed(jobs, seconds, grid.device, cores, left_out, measured)


def summed(
    jobs: Mapping[Path, Task],
    seconds: Mapping[Path, float],
    device: str,
    cores: int | None = None,
    left_out: frozenset[Path] = frozenset(),
    measured: tuple[str, ...] = (),
) -> Estimate:
    """Return the sums of jobs' seconds per stage, on a kind of device; see `estimate`."""
    stages = []
    for stage in STAGES:
        mine = [seconds[f] for f, t in jobs.items() if t.stage == stage and f not in left_out]
        if mine:
            side_by_side = min(len(mine), slots(stage, device, cores))
            stages.append(StageTime(stage, len(mine), sum(mine), sum(mine) / side_by_side))
    return Estimate(tuple(stages), measured)


def slots(stage: str, device: str, cores: int | None = None) -> int:
    """Return how many jobs of a stage run side by side; on a GPU one model job at a time."""
    threads = cores or os.cpu_count() or 1
    if stage in MODEL_STAGES:
        return 1 if device == "cuda" else max(1, threads // MODEL_THREADS)
    return threads


def task_seconds(
    grid: Grid,
    gflops: float,
    jobs: Mapping[Path, Task],
    *,
    rates: Mapping[str, Rate] | None = None,
    tokens: Mapping[str, float] | None = None,
    device: Device | None = None,
) -> dict[Path, float]:
    """Return the seconds of each job, run alone, by its folder.

    With `device` jobs of a model run on that GPU instead of this machine.
    """
    if gflops <= 0:
        raise ValueError(f"gflops = {gflops}: a machine has a positive speed")
    workload = Workload(grid, tokens)
    clock = _Gpu(workload, device) if device else _Machine(workload, gflops, rates or {})
    return {folder: clock.seconds(task) for folder, task in jobs.items()}


class _Clock(ABC):
    """The time of one job; see the module's first lines."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._grid = workload.grid

    def seconds(self, task: Task) -> float:
        """Return the seconds of one job."""
        if task.stage in MODEL_STAGES:
            return self._of_model(task)
        if task.stage == "prepare_images":
            return START_S + self._pictures(task.wildcards["set"])
        if task.stage == "overlap":
            sets = [name.removeprefix("images:") for name in task.inputs if "images:" in name]
            return START_S + _PRINT_S * sum(map(self._number, sets))
        return START_S + _FIXED_S[task.stage]

    def _pictures(self, name: str) -> float:
        """Seconds of an image set."""
        drawn = name in self._grid.config.data.images
        return (_PICTURE_S if drawn else _PHOTO_S) * self._number(name)

    def _number(self, name: str) -> int:
        """Pictures of an image set."""
        number = picture_count(self._grid, name)
        if number is None:
            return drawn_pictures(self._grid, name, self._workload.shapes)
        return number

    @abstractmethod
    def _of_model(self, task: Task) -> float:
        """Return the seconds of a job that runs a model."""


class _Machine(_Clock):
    """This machine, from its speed or from finished runs."""

    def __init__(self, workload: Workload, gflops: float, rates: Mapping[str, Rate]) -> None:
        super().__init__(workload)
        self._speed, self._rates = gflops * 1e9, rates

    def _of_model(self, task: Task) -> float:
        loop, rate = self._workload.loop(task), self._rates.get(task.stage)
        work = _as_large_products(task.stage, self._workload.setting(task).recipe, loop)
        if rate is not None and loop.tokens:
            base = self._workload.base_loop(task)
            base_work = _as_large_products(task.stage, self._grid.config.recipe, base)
            relative = (work / loop.tokens) / (base_work / base.tokens)
            longer = self._longer(rate) if task.stage == "predict" else 1.0
            return rate.overhead_s + START_S + loop.tokens * longer * relative / rate.tokens_per_s
        if self._grid.device == "cuda":
            alone = work / self._speed / _EFFICIENCY[task.stage]
            alone = max(alone, loop.steps * _GPU_STEP_S[task.stage])
        else:
            alone = work * (_PRODUCTS[task.stage] / self._speed + _BESIDE_S[task.stage] / 1e12)
        return MODEL_START_S + self._workload.extra(task).total / self._speed + alone

    def _longer(self, rate: Rate) -> float:
        """How many times the assumed tokens the questions had in finished runs, seed by seed."""
        base = self._workload.shapes.of_recipe(self._grid.config.recipe)
        assumed = {seed: predict_tokens(base, seed) for seed in rate.tokens_by_seed}
        found = [rate.tokens_by_seed[s] / tokens for s, tokens in assumed.items() if tokens]
        return median(found) if found else 1.0


class _Gpu(_Clock):
    """A named GPU at an assumed share of its peak; `gpus` of them share a job."""

    def __init__(self, workload: Workload, device: Device) -> None:
        super().__init__(workload)
        self._device = device

    def _of_model(self, task: Task) -> float:
        setting, loop = self._workload.setting(task), self._workload.loop(task)
        work = loop.work + self._workload.extra(task)
        alone = self._device.seconds(task.stage, work, setting, loop.steps) / self._grid.config.gpus
        return self._device.loading(setting) + max(alone, loop.steps * _GPU_STEP_S[task.stage])


def _as_large_products(stage: str, recipe: Recipe, loop: Loop) -> float:
    """Operations weighed by what they take of the time of as many in large products."""
    dear = _DEAR_ADAPTERS if stage == "tune" and recipe.tune.language_model == "lora" else 1.0
    decoding = (_DEAR_DECODING - 1) * loop.work.decoding
    return loop.work.total + (dear - 1) * loop.work.language + decoding
