"""Figures of a device, with a driver that is made up."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch

from mlan.train.gauge import Gauge


def test_nothing_is_told_of_a_cpu() -> None:
    assert Gauge("cpu", "fp32", []).read(1e12, 1.0) == {}


@pytest.fixture
def h100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100 80GB HBM3")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 40_700_000_000)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # cannot be imported


@pytest.mark.usefixtures("h100")
def test_utilisation_is_of_all_devices_of_the_job() -> None:
    two = Gauge("cuda", "bf16", ["0", "1"]).read(989e12, 1.0)
    assert two == {"mfu": 0.5, "peak_gpu_gb": 40.7}
    # The peak is that of bf16 products; another arithmetic has no utilisation.
    assert "mfu" not in Gauge("cuda", "fp32", ["0"]).read(989e12, 1.0)


@pytest.mark.usefixtures("h100")
def test_energy_is_the_boards_counters_since_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = {"index 1": 5_000_000, "uuid GPU-7": 1_000_000}  # millijoules
    driver = SimpleNamespace(
        NVMLError=OSError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda n: f"index {n}",
        nvmlDeviceGetHandleByUUID=lambda name: f"uuid {name}",
        nvmlDeviceGetTotalEnergyConsumption=lambda board: counters[board],
    )
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    gauge = Gauge("cuda", "bf16", ["1", "GPU-7"])
    counters["index 1"] += 2_000_000
    counters["uuid GPU-7"] += 500_000
    assert gauge.read(0.0, 1.0)["energy_kj"] == 2.5
