"""Seconds of every job of a study on this machine, and their sum per stage.

A job that runs a model costs its operations over the machine's speed, plus start-up. Where
runs of a stage have finished here, their tokens per second replace the model (scaled by
operations for a cell that differs from the base recipe). Data and table jobs cost constants.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mlan.config.recipe import Recipe
from mlan.cost import flops
from mlan.cost.jobs import STAGES, Task, tasks
from mlan.cost.rates import Rate
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
    "draw": 15.0,
}
_PICTURE_S = 0.0015  # of one drawn picture
# What a stage reaches of the speed of large products (measured beside each other, two cores).
_EFFICIENCY = {"align": 0.72, "tune": 0.66, "predict": 0.85}
# A step on a GPU costs at least this: small kernels are launched one by one.
_GPU_STEP_S = {"align": 0.12, "tune": 0.2, "predict": 0.05}
# Threads that the workflow gives to a job of a model.
MODEL_THREADS = 2
MODEL_STAGES = ("align", "tune", "predict")


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
    each = task_seconds(grid, gflops, jobs, rates=rates, tokens=tokens)
    stages = []
    for stage in STAGES:
        mine = [each[f] for f, t in jobs.items() if t.stage == stage and f not in left_out]
        if mine:
            side_by_side = min(len(mine), slots(stage, grid.device, cores))
            stages.append(StageTime(stage, len(mine), sum(mine), sum(mine) / side_by_side))
    return Estimate(tuple(stages), tuple(s for s in MODEL_STAGES if s in (rates or {})))


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
) -> dict[Path, float]:
    """Return the seconds of each job, run alone, by its folder."""
    if gflops <= 0:
        raise ValueError(f"gflops = {gflops}: a machine has a positive speed")
    model = _Model(grid, gflops, rates or {}, tokens or {})
    return {folder: model.seconds(task) for folder, task in jobs.items()}


class _Model:
    """The time of one job; see the module's first lines."""

    def __init__(
        self,
        grid: Grid,
        gflops: float,
        rates: Mapping[str, Rate],
        tokens: Mapping[str, float],
    ) -> None:
        self._grid, self._speed = grid, gflops * 1e9
        self._rates, self._tokens = rates, tokens

    def seconds(self, task: Task) -> float:
        """Return the seconds of one job."""
        if task.stage == "prepare_images":
            return START_S + _PICTURE_S * self._pictures(task.wildcards["set"])
        if task.stage not in MODEL_STAGES:
            return START_S + _FIXED_S[task.stage]
        recipe = self._recipe(task.wildcards)
        work, tokens, steps = self._work(task.stage, recipe, task.wildcards)
        extra = 0.0
        if task.stage == "align":
            extra = flops.align_extra_flops(recipe, self._grid.config) / self._speed
        return self._timed(task, work, tokens, steps, extra)

    def _recipe(self, wildcards: Mapping[str, Any]) -> Recipe:
        if "stack" in wildcards:
            return self._grid.stacks[wildcards["stack"]][0]
        return self._grid.cells[wildcards["cell"]].recipe

    def _work(
        self, stage: str, recipe: Recipe, wildcards: Mapping[str, Any]
    ) -> tuple[float, float, int]:
        """Return operations, tokens and steps of a job's loop."""
        config = self._grid.config
        if stage == "align":
            return flops.align_flops(recipe), flops.align_tokens(recipe), recipe.align.steps
        if stage == "tune":
            tokens = self._tokens.get(wildcards["cell"], flops.tune_tokens(recipe))
            steps = -(-recipe.mixture.instances // recipe.tune.examples_per_step)
            return flops.tune_flops(recipe, tokens), tokens, steps
        seed = wildcards["seed"]
        asked = flops.asked_items(config, seed)
        batches = sum(-(-n // config.evaluate.batch) for n in asked.values())
        work, tokens = flops.predict_flops(recipe, config, seed), flops.predict_tokens(config, seed)
        return work, tokens, batches * flops.ANSWER_STEPS

    def _timed(self, task: Task, work: float, tokens: float, steps: int, extra: float) -> float:
        stage = task.stage
        rate = self._rates.get(stage)
        if rate is not None:
            like = {**task.wildcards, "cell": ""}
            base, base_tokens, _ = self._work(stage, self._grid.config.recipe, like)
            relative = (work / tokens) / (base / base_tokens)
            counted = tokens * self._longer(rate) if stage == "predict" else tokens
            return rate.overhead_s + START_S + counted * relative / rate.tokens_per_s
        alone = work / self._speed / _EFFICIENCY[stage]
        if self._grid.device == "cuda":
            alone = max(alone, steps * _GPU_STEP_S[stage])
        return MODEL_START_S + extra + alone

    def _longer(self, rate: Rate) -> float:
        """How many times the assumed tokens the questions had in finished runs, seed by seed."""
        assumed = {s: flops.predict_tokens(self._grid.config, s) for s in rate.tokens_by_seed}
        found = [rate.tokens_by_seed[s] / tokens for s, tokens in assumed.items() if tokens]
        return median(found) if found else 1.0

    def _pictures(self, name: str) -> int:
        data = self._grid.config.data
        images = data.images.get(name)
        if images is None:
            return 1000  # of your own data: unknown before the file is read
        plain = (data.concepts.objects + data.concepts.countries) * images.views
        return plain + data.concepts.objects * images.scenes * 8
