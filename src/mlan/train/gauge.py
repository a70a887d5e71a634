"""What a job takes of its GPUs: the share of their peak, memory, energy. Nothing on a CPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch

from mlan.gpus import gpu_of_driver


class Gauge:
    """Reads the devices of one job, named as in CUDA_VISIBLE_DEVICES; what cannot be known is
    left out.

    `mfu` is model FLOPs utilisation (Chowdhery et al. 2022, arXiv 2204.02311): the operations
    that the model takes over those that the devices could do in bf16 in the same time.
    Energy is NVML's counter of the whole board.
    """

    def __init__(self, device: str, precision: str, devices: Sequence[str]) -> None:
        self._cuda = device == "cuda"
        gpu = gpu_of_driver(torch.cuda.get_device_name()) if self._cuda else None
        known = gpu is not None and precision == "bf16"
        self._peak = gpu.peak(precision) * max(1, len(devices)) if gpu and known else None
        self._boards = _boards(devices) if self._cuda else []
        self._joules = self._read_joules()

    def read(self, flops: float, seconds: float) -> dict[str, Any]:
        """Return mfu, peak memory (GB of 1e9 bytes, this process) and energy since the start."""
        found: dict[str, Any] = {}
        if self._peak and flops:
            found["mfu"] = round(flops / max(seconds, 1e-9) / self._peak, 4)
        if self._cuda:
            found["peak_gpu_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
        if self._boards:
            found["energy_kj"] = round((self._read_joules() - self._joules) / 1e3, 3)
        return found

    def _read_joules(self) -> float:
        if not self._boards:
            return 0.0
        import pynvml

        used = (pynvml.nvmlDeviceGetTotalEnergyConsumption(board) for board in self._boards)
        return float(sum(used)) / 1e3  # the counter is in millijoules


def _boards(devices: Sequence[str]) -> list[Any]:
    """NVML's handles of the devices; none without NVML or its counter."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        boards = [_board(pynvml, name) for name in devices]
        for board in boards:
            pynvml.nvmlDeviceGetTotalEnergyConsumption(board)
    except pynvml.NVMLError:
        return []
    return boards


def _board(pynvml: Any, name: str) -> Any:
    if name.isdigit():
        return pynvml.nvmlDeviceGetHandleByIndex(int(name))
    return pynvml.nvmlDeviceGetHandleByUUID(name)


def visible_devices() -> list[str]:
    """Return the devices that this job was given, as CUDA_VISIBLE_DEVICES names them."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return [name.strip() for name in names if name.strip()]
