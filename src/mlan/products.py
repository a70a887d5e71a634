"""Dense products of 32-bit matrices on a CPU, by the library whose kernels suit the processor.

torch multiplies by MKL, which gives a processor that is not Intel's AVX2 kernels even where it
has AVX-512; oneDNN, which torch ships as well, chooses by what the processor can do, and is then
twice as fast (`benchmarks/products.py`). So there linear layers go through oneDNN, and everywhere
else stay as torch has them. Only sums are taken in another order: results differ by rounding, as
between processors. Who made a processor is known under Linux alone.

torch has no public function for it; `mkldnn._linear_pointwise` is what its own compiler calls.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_CPU_INFO = Path("/proc/cpuinfo")


def use_fast_products(model: nn.Module) -> None:
    """Let every linear layer in `model` that is torch's own multiply as `linear` does."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = FastLinear  # in place: tied weights and names stay


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `rows` (..., K) times the transpose of `weight` (M, K), plus `bias` (M,): (..., M)."""
    if _suits_onednn(rows) and _suits_onednn(weight):
        product: Tensor = _OneDnnLinear.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
        return product
    return F.linear(rows, weight, bias)


def _suits_onednn(factor: Tensor) -> bool:
    return (
        factor.device.type == "cpu"
        and factor.dtype == torch.float32
        and factor.numel() > 0  # oneDNN knows no empty matrix
        and not torch.is_autocast_enabled("cpu")
        and _onednn_is_faster()
    )


@cache
def _onednn_is_faster() -> bool:
    is_here = torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_linear_pointwise"
    )
    return is_here and is_held_back(_maker(), torch.backends.cpu.get_cpu_capability())


def is_held_back(maker: str, capability: str) -> bool:
    """Whether MKL takes AVX2 kernels on a processor that has AVX-512.

    `maker` is its vendor id, "" where unknown, `capability` what torch calls its instructions.
    """
    return capability == "AVX512" and maker not in ("GenuineIntel", "")


def _maker() -> str:
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return ""
    return next((line.split(":")[1].strip() for line in lines if line.startswith("vendor_id")), "")


class FastLinear(nn.Linear):
    """A linear layer that multiplies as `linear` does."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output (..., M) for an input (..., K)."""
        return linear(input, self.weight, self.bias)


class _OneDnnLinear(torch.autograd.Function):
    """`F.linear` and its gradients, each one product; as there, kept is what they ask for."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        of_rows, of_weight, _ = ctx.needs_input_grad
        ctx.save_for_backward(rows if of_weight else None, weight if of_rows else None)
        return _times_transposed(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        above = gradients[0]
        flat = above.reshape(-1, above.shape[-1])
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        return (
            _times_transposed(above, weight.t()) if of_rows else None,
            _of_weight(flat, rows.reshape(-1, rows.shape[-1])) if of_weight else None,
            flat.sum(0) if of_bias else None,
        )


def _of_weight(above: Tensor, rows: Tensor) -> Tensor:
    """The gradient (M, K) from (N, M) and (N, K). The left factor is copied: the narrower one."""
    if above.shape[1] <= rows.shape[1]:
        return _times_transposed(above.t(), rows.t())
    return _times_transposed(rows.t(), above.t()).t()


def _times_transposed(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return product
