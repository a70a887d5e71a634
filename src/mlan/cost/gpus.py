"""The time that work takes on a GPU at an assumed share of its peak, and the bytes of weights."""

from __future__ import annotations

from dataclasses import dataclass

from mlan.config.models import is_embedded
from mlan.cost.flops import Work
from mlan.cost.shapes import Setting
from mlan.errors import MlanError, nearest
from mlan.gpus import GPUS, Gpu

# Share of the peak in training and prefill, counted without recomputation. Published for 7B:
# 46 % (llm-foundry, 8 H100), 58 % (KempnerForge, one H200), 33 to 39 % (torchtitan, 8 H100).
MFU = 0.45
# Share of the bandwidth that decoding reaches: each step reads all weights once.
_BANDWIDTH = 0.6
# Loading of a job: imports, then weights from disk.
_IMPORT_S, _DISK_GB_PER_S = 20.0, 2.0


@dataclass(frozen=True)
class Device:
    """A GPU and the share of its peak that jobs are assumed to reach."""

    gpu: Gpu
    mfu: float = MFU

    def seconds(self, stage: str, work: Work, setting: Setting, steps: int) -> float:
        """Return the seconds of a job's work on one such GPU, loading left out.

        Training and prefill run at the assumed share of the peak. Decoding is bound by reading
        the weights once in each of its `steps`, for a batch of answers at a time.
        """
        rate = self.gpu.peak(setting.recipe.backbone.precision) * self.mfu
        if not work.decoding:
            return work.total / rate
        read = steps * held_weights(setting, stage) / (self.gpu.bandwidth * 1e12 * _BANDWIDTH)
        return (work.total - work.decoding) / rate + max(read, work.decoding / rate)

    def loading(self, setting: Setting) -> float:
        """Return the seconds in which a job starts and reads its model."""
        return _IMPORT_S + weight_bytes(setting, file_bytes(setting)) / (_DISK_GB_PER_S * 1e9)


def find_gpu(name: str, mfu: float | None = None) -> Device:
    """Return a device by name. Raises MlanError for an unknown name or a share out of range."""
    if name not in GPUS:
        raise MlanError(f"--gpu {name}: not known; {nearest(name, GPUS)}")
    if mfu is not None and not 0 < mfu <= 1:
        raise MlanError(f"--mfu {mfu:g}: a share of the peak lies above 0 and is at most 1")
    return Device(GPUS[name], MFU if mfu is None else mfu)


def weight_bytes(setting: Setting, each: int) -> float:
    """Return the bytes of a model's weights at `each` bytes of one."""
    return float(each * (setting.model.total + setting.projector + setting.tower.parameters))


def held_weights(setting: Setting, stage: str) -> float:
    """Return the bytes of a model's weights while a stage computes.

    Stage 2 holds them in the form that the recipe names; stage 1 and evaluation in 32 bits, but
    matrices of the language model in the 16 bits that bf16 arithmetic multiplies.
    """
    if stage == "tune":
        return weight_bytes(setting, trained_bytes(setting))
    halved = setting.model.matrices if setting.recipe.backbone.precision == "bf16" else 0
    return weight_bytes(setting, 4) - 2 * halved


def trained_bytes(setting: Setting) -> int:
    """Return the bytes of one trained weight as stage 2 holds and writes it."""
    return 4 if setting.recipe.tune.weights == "fp32" else 2


def file_bytes(setting: Setting) -> int:
    """Return the bytes of one weight of a backbone's files: published ones have 16 bits."""
    return 4 if is_embedded(setting.recipe.backbone.language_model) else 2


def activation_bytes(setting: Setting) -> int:
    """Return the bytes of one number that a layer computes."""
    return 2 if setting.recipe.backbone.precision == "bf16" else 4
