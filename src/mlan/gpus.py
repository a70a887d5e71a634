"""GPUs as their makers' data sheets have them, by our short name and by their driver's.

Peaks are of dense tensor products in bf16 (no sparsity) and of plain fp32, in TFLOP/s; memory in
GB (10^9 bytes), its bandwidth in TB/s. Not here: what share of a peak a job reaches.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One device. `driver`: words that all stand in the name that its driver gives."""

    name: str
    driver: str
    bf16: float
    fp32: float
    memory_gb: float
    bandwidth: float

    def peak(self, precision: str) -> float:
        """Operations a second at most."""
        return 1e12 * (self.bf16 if precision == "bf16" else self.fp32)


# Where words of one stand in another's name, the one with more words comes first.
GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("h100-pcie", "H100 PCIe", 756, 51, 80, 2.04),
        Gpu("h100-nvl", "H100 NVL", 835, 60, 94, 3.94),
        Gpu("h100", "H100", 989, 67, 80, 3.35),
        Gpu("h200", "H200", 989, 67, 141, 4.8),
        Gpu("gh200", "GH200", 989, 67, 96, 4.0),
        Gpu("b200", "B200", 2250, 80, 180, 8.0),
        Gpu("a100-80g", "A100 80GB", 312, 19.5, 80, 2.04),
        Gpu("a100-40g", "A100", 312, 19.5, 40, 1.56),
        Gpu("l40s", "L40S", 362, 91.6, 48, 0.86),
        Gpu("l4", "L4", 121, 30.3, 24, 0.3),
        Gpu("rtx6000-ada", "RTX 6000 Ada", 364, 91.1, 48, 0.96),
        Gpu("a6000", "RTX A6000", 155, 38.7, 48, 0.77),
        Gpu("a40", "A40", 150, 37.4, 48, 0.7),
        Gpu("rtx4090", "RTX 4090", 165, 82.6, 24, 1.01),
        Gpu("rtx3090", "RTX 3090", 71, 35.6, 24, 0.94),
    )
}


def gpu_of_driver(name: str) -> Gpu | None:
    """Return a device by the name that its driver gives, None if it is not known.

    Whole words count: `L4` is not in `NVIDIA L40S`.
    """
    words = name.replace("-", " ").split()
    known = (gpu for gpu in GPUS.values() if all(word in words for word in gpu.driver.split()))
    return next(known, None)
