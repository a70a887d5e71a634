"""Which kind of device a study runs on: asked once, then remembered by the study."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from mlan.errors import ConfigError
from mlan.records import write_json


def host_gpus() -> list[str]:
    """Return the host's NVIDIA devices as `nvidia-smi -L` names them, empty if none."""
    try:
        out = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [
        line.split()[1].rstrip(":") for line in out.stdout.splitlines() if line.startswith("GPU ")
    ]


def resolve_device(wanted: str, root: Path) -> str:
    """Return `cpu` or `cuda`; `auto` keeps what the study was started with.

    The kind of device is part of every run's identity, so that a study never mixes them
    silently. Raises ConfigError for cuda on a host without a GPU.
    """
    gpus = bool(host_gpus())
    remembered = _remembered(root / "state" / "device.json")
    device = (remembered or ("cuda" if gpus else "cpu")) if wanted == "auto" else wanted
    if device == "cuda" and not gpus:
        raise ConfigError(
            "device = 'cuda': this host has no NVIDIA GPU"
            + (f"; the study was begun on one ({root})" if remembered else "")
            + "; set device: cpu to compute it anew on the CPU"
        )
    return device


def remember_device(device: str, root: Path) -> None:
    """Write down the device kind at the start of a study's first run."""
    path = root / "state" / "device.json"
    if _remembered(path) != device:
        write_json(path, {"device": device})


def _remembered(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["device"])
    except (OSError, ValueError, KeyError):
        return None
