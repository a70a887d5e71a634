"""The cost of a study as `mlan plan` shows it: a table of stages, then what explains it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console

from mlan.cli.machine import basis
from mlan.cli.words import count, duration, flop, gpu_hours, show, size, table, two
from mlan.config.study import Keep
from mlan.cost.disk import KEEPS
from mlan.cost.gpus import Device
from mlan.cost.jobs import MODEL_STAGES
from mlan.cost.study import StudyCost
from mlan.grid import Grid

_LARGE = 5e9
_LOST: dict[Keep, str] = {
    "scores": "another benchmark, condition or prompt; `mlan export`",
    "adapters": "the same, of runs that tune all weights",
    "best": "the same, of all cells but the best",
    "all": "nothing",
}


def show_cost(
    screen: Console, grid: Grid, cost: StudyCost, done: int, gflops: float | None
) -> None:
    """Print a study's cost; `done` of its jobs are finished."""
    _show_stages(screen, grid, cost)
    if _is_gpu(grid, cost):
        _show_memory(screen, cost)
    if _is_worth_choosing(grid, cost):
        _show_keeps(screen, grid, cost)
    for line in _lines(grid, cost):
        screen.print(line)
    jobs = sum(stage.time.jobs for stage in cost.stages)
    if cost.whole is None or cost.left is None:
        screen.print(f"{jobs} jobs, {done} done; no estimate of the time (torch does not load)")
        return
    screen.print(
        f"{jobs} jobs, about {duration(cost.whole.seconds)} ({_basis(grid, cost, gflops)})"
        + (f"; {done} done, about {duration(cost.left.seconds)} left" if done else "")
    )


def _is_gpu(grid: Grid, cost: StudyCost) -> bool:
    return cost.device is not None or grid.device == "cuda"


def _basis(grid: Grid, cost: StudyCost, gflops: float | None) -> str:
    if cost.device is None or cost.whole is None:
        return basis(grid, cost.whole, gflops) if cost.whole else ""
    return f"{_gpus(grid, cost.device)} at an assumed MFU of {100 * cost.device.mfu:.0f} %"


def _gpus(grid: Grid, device: Device) -> str:
    """The GPUs of one job, e.g. `2 x h100`."""
    return f"{grid.config.gpus} x {device.gpu.name}"


def _show_stages(screen: Console, grid: Grid, cost: StudyCost) -> None:
    shown = table("stage", "jobs", "one job", "all", "FLOP", "tower", "memory", "disk")
    for stage in cost.stages:
        time, memory = stage.time, stage.memory
        shown.add_row(
            stage.stage,
            str(time.jobs),
            duration(time.seconds / time.jobs) if cost.whole else "?",
            duration(time.wall_s) if cost.whole else "?",
            flop(stage.work.total),
            flop(stage.work.tower),
            size(memory.peak) if memory else "-",
            size(stage.disk),
        )
    shown.add_section()
    shown.add_row(
        "all",
        str(sum(stage.time.jobs for stage in cost.stages)),
        "",
        duration(cost.whole.seconds) if cost.whole else "?",
        flop(cost.work.total),
        flop(cost.work.tower),
        "",
        size(sum(stage.disk for stage in cost.stages)),
    )
    where = f"on {_gpus(grid, cost.device)}" if cost.device else "on this machine"
    title = f"Jobs and time {where}; operations, of which the vision tower's; largest job; disk"
    show(screen, title, shown)


def _show_memory(screen: Console, cost: StudyCost) -> None:
    """What the memory of a job holds, with activations kept or computed once more."""
    parts = ("weights", "gradients", "optimiser", "activations", "logits", "cache")
    shown = table("GB of", *parts, "all", "checkpointed")
    for stage in cost.stages:
        if stage.memory:
            held = [getattr(stage.memory, part) for part in parts]
            sums = (stage.memory.peak, stage.memory.peak_checkpointed)
            shown.add_row(
                stage.stage, *(two(part / 1e9) if part else "-" for part in (*held, *sums))
            )
    title = "Memory of the largest job; `checkpointed` computes activations twice"
    show(screen, title, shown)


def _is_worth_choosing(grid: Grid, cost: StudyCost) -> bool:
    return grid.config.keep != "all" or cost.disk.weights["all"] > _LARGE


def _show_keeps(screen: Console, grid: Grid, cost: StudyCost) -> None:
    """What each way to keep weights leaves on disk and makes impossible."""
    shown = table("keep", "weights", "whole study", "impossible without training again")
    shown.columns[-1].justify = "left"
    for keep in KEEPS:
        mark = "*" if keep == grid.config.keep else ""
        held = (size(cost.disk.weights[keep]), size(cost.disk.total(keep)))
        shown.add_row(f"{keep}{mark}", *held, _LOST[keep])
    each = size(cost.disk.largest_run)
    title = f"Weights of {cost.disk.runs} runs, up to {each} each; * is the study's `keep`"
    show(screen, title, shown)


def _lines(grid: Grid, cost: StudyCost) -> Iterator[str]:
    """What is worth a line: totals, fit, sharing, downloads, errors, assumptions."""
    work = cost.work
    parts = {"attention": work.attention, "vision tower": work.tower}
    told = ", ".join(f"{name} {100 * part / work.total:.1f} %" for name, part in parts.items())
    yield f"work: {flop(work.total)} operations ({told})"
    if _is_gpu(grid, cost) and cost.whole:
        yield f"GPU time: {_gpu_time(grid, cost)}"
    if cost.device:
        yield from _unfit(grid, cost, cost.device)
    for saving in cost.savings:
        times = f"{saving.jobs} job" + "s" * (saving.jobs > 1)
        spared = gpu_hours(saving.seconds * grid.config.gpus)
        time = spared if _is_gpu(grid, cost) else duration(saving.seconds)
        yield f"sharing saves {time}, {flop(saving.work.total)} operations: {saving.what} ({times})"
    if cost.download.names or cost.download.unlocked:
        yield f"download: {_download(grid, cost)}"
    if cost.speeds:
        yield "finished runs here: " + "; ".join(
            f"{s.stage} {count(s.tokens_per_s)} tokens/s, {two(s.flop_per_s / 1e12)} TFLOP/s"
            for s in cost.speeds
        )
    if cost.errors:
        yield "earlier estimates / measured: " + "; ".join(
            f"{e.stage} {two(e.median)}"
            + (f" (worst {two(e.worst)}, {e.jobs} jobs)" if e.jobs > 1 else " (1 job)")
            for e in cost.errors
        )
    for line in cost.assumed:
        yield f"assumed: {line}"


def _gpu_time(grid: Grid, cost: StudyCost) -> str:
    """GPU-hours in all and of each stage; of tuning also for one seed."""
    found = {}
    for name in MODEL_STAGES:
        stage = cost.of(name)
        if stage:
            found[name] = stage.time.seconds * grid.config.gpus
    parts = []
    for name, seconds in found.items():
        each = f" ({two(seconds / 3600 / len(grid.config.seeds))} a seed)" if name == "tune" else ""
        parts.append(f"{name} {two(seconds / 3600)}{each}")
    return f"{gpu_hours(sum(found.values()))}: {', '.join(parts)}"


def _unfit(grid: Grid, cost: StudyCost, device: Device) -> Iterator[str]:
    """Stages whose largest job does not fit the named GPUs."""
    room = device.gpu.memory_gb * grid.config.gpus
    for stage in cost.stages:
        if stage.memory and stage.memory.peak > room * 1e9:
            again = two(stage.memory.peak_checkpointed / 1e9)
            yield (
                f"[yellow]warning[/yellow] {stage.stage} needs {two(stage.memory.peak / 1e9)} GB "
                f"({again} GB checkpointed), {_gpus(grid, device)} has {room:g} GB"
            )


def _download(grid: Grid, cost: StudyCost) -> str:
    locked, lacking = cost.download.names, len(cost.download.unlocked)
    told = [f"{size(cost.download.bytes)} in {locked} repositories (lock file)"] * (locked > 0)
    if lacking:
        told.append(f"{lacking} not locked, `mlan lock {grid.study.name}` tells their sizes")
    return "; ".join(told)


def plain_cost(grid: Grid, cost: StudyCost) -> dict[str, Any]:
    """Return a study's cost as JSON holds it: bytes, seconds, operations."""
    stages = [
        {
            **vars(stage.time),
            "flop": stage.work.total,
            "flop_by_part": asdict(stage.work),
            "memory": asdict(stage.memory) | {"peak": stage.memory.peak} if stage.memory else None,
            "disk": stage.disk,
        }
        for stage in cost.stages
    ]
    gpu = cost.device and {"name": cost.device.gpu.name, "mfu": cost.device.mfu}
    return {
        "stages": stages,
        "seconds": round(cost.whole.seconds) if cost.whole else None,
        "seconds_left": round(cost.left.seconds) if cost.left else None,
        "gpu": gpu,
        "gpus": grid.config.gpus,
        "flop": cost.work.total,
        "disk": {**asdict(cost.disk), "weights": dict(cost.disk.weights)},
        "download": asdict(cost.download),
        "savings": [asdict(saving) for saving in cost.savings],
        "speeds": [asdict(speed) for speed in cost.speeds],
        "errors_of_estimates": [asdict(error) for error in cost.errors],
        "assumed": list(cost.assumed),
    }
