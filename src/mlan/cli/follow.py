"""Follow a running study: how much of its work is done, what runs now, how long it still takes.

Work is weighed in estimated seconds, so that a training run counts more than a table. Speeds of
runs that finish meanwhile replace the estimate. Everything is read from files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlan.cli.progress import Seen, look
from mlan.cli.study import recorded_facts
from mlan.cli.words import duration
from mlan.cost import measured_rates, tasks
from mlan.cost.estimate import slots, task_seconds
from mlan.grid import Grid

# Where a machine's speed cannot be measured, jobs are weighed as on a machine of two cores.
REFERENCE_GFLOPS = 90.0


@dataclass(frozen=True)
class Standing:
    """How far a study is: jobs, the fraction of its estimated work, jobs at work, time left."""

    done: int
    jobs: int
    fraction: float
    running: tuple[Seen, ...]
    seconds_left: float

    def line(self) -> str:
        """Return the standing in one line."""
        parts = [f"{self.done} of {self.jobs} jobs", f"{100 * self.fraction:.0f} %"]
        parts += [_describe(job) for job in self.running]
        if self.done < self.jobs:
            parts.append(f"about {duration(self.seconds_left)} left")
        return " | ".join(parts)


class Follower:
    """Looks at a study again and again. `gflops` is the machine's measured speed."""

    def __init__(self, grid: Grid, gflops: float | None) -> None:
        self._grid = grid
        self._jobs = tasks(grid)
        self._gflops = gflops or REFERENCE_GFLOPS
        self._fraction = 0.0

    def look(self) -> Standing:
        """Return how far the study is now."""
        seen = look(self._grid, self._jobs)
        rates = measured_rates(self._grid.root)
        tokens = planned_tokens(self._grid)
        each = task_seconds(self._grid, self._gflops, self._jobs, rates=rates, tokens=tokens)
        left = {folder: _left(job, each[folder]) for folder, job in seen.items()}
        fraction = 1 - sum(left.values()) / sum(each.values())
        self._fraction = max(self._fraction, fraction)  # a new rate may weigh jobs anew
        return Standing(
            done=sum(job.state == "done" for job in seen.values()),
            jobs=len(seen),
            fraction=self._fraction,
            running=tuple(job for job in seen.values() if job.state == "running"),
            seconds_left=self._side_by_side(left),
        )

    def _side_by_side(self, left: Mapping[Path, float]) -> float:
        by_stage: dict[str, list[float]] = {}
        for folder, seconds in left.items():
            if seconds:
                by_stage.setdefault(self._jobs[folder].stage, []).append(seconds)
        return sum(
            sum(parts) / min(len(parts), slots(stage, self._grid.device))
            for stage, parts in by_stage.items()
        )


def planned_tokens(grid: Grid) -> dict[str, float]:
    """Return the tokens of each cell of which a run has its plan."""
    found: dict[str, float] = {}
    for cell, seed in grid.runs():
        tokens = recorded_facts(grid.run_folder(cell, seed, "mixture")).get("tokens")
        if isinstance(tokens, int):
            found.setdefault(cell, float(tokens))
    return found


def _left(job: Seen, seconds: float) -> float:
    if job.state == "done":
        return 0.0
    if job.state == "running" and job.fraction is not None:
        estimated = (1 - job.fraction) * seconds
        return estimated if job.seconds_left is None else min(seconds, job.seconds_left)
    return seconds


def _describe(job: Seen) -> str:
    if job.fraction is None:
        return f"{job.task.name} starting"
    rate = f", {job.tokens_per_s:.0f} tokens/s" if job.tokens_per_s else ""
    return f"{job.task.name} {100 * job.fraction:.0f} %{rate}"
