"""GPUs by name, and the time that work takes on one at an assumed share of its peak.

Peaks are those of the makers' data sheets: dense tensor products in bf16 (no sparsity), plain
fp32, memory in GB (10^9 bytes) and its bandwidth.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlan.cost.flops import Work
from mlan.cost.shapes import Setting
from mlan.errors import MlanError, nearest

# Share of the peak in training and prefill, counted without recomputation. Published for 7B:
# 46 % (llm-foundry, 8 H100), 58 % (KempnerForge, one H200), 33 to 39 % (torchtitan, 8 H100).
MFU = 0.45
# Share of the bandwidth that decoding reaches: each step reads all weights once.
_BANDWIDTH = 0.6
# Loading of a job: imports, then weights from disk.
_IMPORT_S, _DISK_GB_PER_S = 20.0, 2.0


@dataclass(frozen=True)
class Gpu:
    """One device: peaks in TFLOP/s, memory in GB, bandwidth in TB/s."""

    name: str
    bf16: float
    fp32: float
    memory_gb: float
    bandwidth: float

    def peak(self, precision: str) -> float:
        """Operations a second at most."""
        return 1e12 * (self.bf16 if precision == "bf16" else self.fp32)


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("h100", 989, 67, 80, 3.35),
        Gpu("h200", 989, 67, 141, 4.8),
        Gpu("b200", 2250, 80, 180, 8.0),
        Gpu("a100-80g", 312, 19.5, 80, 2.04),
        Gpu("a100-40g", 312, 19.5, 40, 1.56),
        Gpu("l40s", 362, 91.6, 48, 0.86),
        Gpu("a6000", 155, 38.7, 48, 0.77),
        Gpu("rtx4090", 165, 82.6, 24, 1.01),
        Gpu("rtx3090", 71, 35.6, 24, 0.94),
    )
}


@dataclass(frozen=True)
class Device:
    """A GPU and the share of its peak that jobs are assumed to reach."""

    gpu: Gpu
    mfu: float = MFU

    def seconds(self, work: Work, setting: Setting, steps: int) -> float:
        """Return the seconds of a job's work on one such GPU, loading left out.

        Training and prefill run at the assumed share of the peak. Decoding is bound by reading
        the weights once in each of its `steps`, for a batch of answers at a time.
        """
        rate = self.gpu.peak(setting.recipe.backbone.precision) * self.mfu
        if not work.decoding:
            return work.total / rate
        read = steps * weight_bytes(setting) / (self.gpu.bandwidth * 1e12 * _BANDWIDTH)
        return (work.total - work.decoding) / rate + max(read, work.decoding / rate)

    def loading(self, setting: Setting) -> float:
        """Return the seconds in which a job starts and reads its model."""
        return _IMPORT_S + weight_bytes(setting) / (_DISK_GB_PER_S * 1e9)


def find_gpu(name: str, mfu: float | None = None) -> Device:
    """Return a device by name. Raises MlanError for an unknown name or a share out of range."""
    if name not in GPUS:
        raise MlanError(f"--gpu {name}: not known; {nearest(name, GPUS)}")
    if mfu is not None and not 0 < mfu <= 1:
        raise MlanError(f"--mfu {mfu:g}: a share of the peak lies above 0 and is at most 1")
    return Device(GPUS[name], MFU if mfu is None else mfu)


def weight_bytes(setting: Setting) -> float:
    """Return the bytes of a model's weights as the recipe keeps them."""
    each = number_bytes(setting)
    return each * (setting.model.total + setting.projector + setting.tower.parameters)


def number_bytes(setting: Setting) -> int:
    """Return the bytes of one weight as the recipe keeps it."""
    return 4 if setting.recipe.tune.weights == "fp32" else 2
