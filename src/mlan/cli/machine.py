"""The speed of this machine, measured in a process of its own so that torch stays out of ours."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time

from mlan.cost.estimate import Estimate
from mlan.cost.jobs import MODEL_STAGES
from mlan.cost.rates import Rate
from mlan.grid import Grid
from mlan.records import write_json

# Until then a measurement is used again; a machine's load changes.
_VALID_S = 3600.0
_LONGEST_S = 120.0


class Speedometer:
    """Measures GFLOP/s once: `start` loads torch beside other work, `read` measures."""

    def __init__(self, grid: Grid) -> None:
        self._path = grid.folder("state") / "speed.json"
        self._device = grid.device
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin to load what the measurement needs, unless a fresh one is known."""
        if self._known() is not None:
            return
        print("measuring this machine; seconds, longer while it is busy", file=sys.stderr)
        command = [sys.executable, "-m", "mlan.train.speed", "--wait", "--device", self._device]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def read(self) -> float | None:
        """Return GFLOP/s, None where it cannot be measured (no torch, no such device)."""
        if self._process is None:
            return self._known()
        try:
            out, _ = self._process.communicate("now\n", timeout=_LONGEST_S)
            gflops = float(json.loads(out)["gflops"])
        except (ValueError, KeyError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            return None
        finally:
            self._process = None
        write_json(self._path, {**_here(self._device), "gflops": gflops, "time": time.time()})
        return gflops

    def _known(self) -> float | None:
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            fresh = 0 <= time.time() - told["time"] < _VALID_S
            here = all(told[key] == value for key, value in _here(self._device).items())
            return float(told["gflops"]) if fresh and here else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _here(device: str) -> dict[str, object]:
    return {"host": platform.node(), "cores": os.cpu_count(), "device": device}


def is_measured(rates: dict[str, Rate]) -> bool:
    """Whether finished runs tell the speed of every stage that runs a model."""
    return all(stage in rates for stage in MODEL_STAGES)


def basis(grid: Grid, found: Estimate, gflops: float | None) -> str:
    """Return what an estimate rests on, in words."""
    device = "a GPU" if grid.device == "cuda" else "no GPU"
    machine = f"{os.cpu_count()} cores, {device}"
    if found.measured:
        return f"{machine}; from finished runs of {', '.join(found.measured)}"
    return f"{machine}; {gflops or 0:.0f} GFLOP/s measured"
