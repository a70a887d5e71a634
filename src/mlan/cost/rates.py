"""How fast this machine was in finished runs: tokens per second, seconds around them.

Read from the `run.json` beside each record. Runs of another host or core count say nothing
about this machine and are left out, as are answers that came out of a journal.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mlan.records import RUN, read_run

_FOLDERS = {
    "align": "align/*",
    "tune": "cells/*/seed*/weights",
    "predict": "cells/*/seed*/predictions",
}


@dataclass(frozen=True)
class Rate:
    """What finished runs of a stage showed; medians over `runs` of them.

    `overhead_s` is the time of a job outside its measured loop: imports, loading, pictures.
    `tokens_by_seed` is empty for stage 1, which may serve all seeds.
    """

    tokens_per_s: float
    overhead_s: float
    tokens_by_seed: Mapping[int, float]
    runs: int


def measured_rates(root: Path) -> dict[str, Rate]:
    """Return the rate of each stage that has finished runs of this machine below `root`."""
    found = {}
    for stage, pattern in _FOLDERS.items():
        folders = [path.parent for path in sorted(root.glob(f"{pattern}/{RUN}"))]
        rate = _rate((folder.parent.name, read_run(folder)) for folder in folders)
        if rate is not None:
            found[stage] = rate
    return found


def _rate(named: Iterable[tuple[str, dict[str, Any]]]) -> Rate | None:
    """The rate of runs, each with the name of its folder: `seed0`, where it belongs to one."""
    comparable = [(name, run) for name, run in named if _is_comparable(run)]
    kept = [run for _, run in comparable]
    if not kept:
        return None
    tokens: dict[int, list[float]] = {}
    for name, run in comparable:
        if name.startswith("seed"):
            tokens.setdefault(int(name.removeprefix("seed")), []).append(float(run["tokens"]))
    return Rate(
        tokens_per_s=median(float(run["tokens_per_s"]) for run in kept),
        overhead_s=median(max(0.0, run["seconds"] - run["train_seconds"]) for run in kept),
        tokens_by_seed={seed: median(own) for seed, own in tokens.items()},
        runs=len(kept),
    )


def _is_comparable(run: dict[str, Any]) -> bool:
    here = run.get("host") == platform.node() and run.get("cores") == os.cpu_count()
    return here and bool(run.get("tokens_per_s")) and not run.get("restored")
