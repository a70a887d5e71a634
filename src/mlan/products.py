"""Dense products of 32-bit matrices on a CPU, by the library whose kernels suit the processor.

torch multiplies by MKL, which gives a processor that is not Intel's its AVX2 kernels, whatever
it has; on an EPYC with AVX-512 that is half of what oneDNN does, which torch ships as well and
which asks the processor (`benchmarks/products.py`). So linear layers go through oneDNN on x86
processors of other makers, and everywhere else stay as torch has them. Only sums are taken in
another order: results differ by rounding, as between processors.

torch has no public function for it; `mkldnn._linear_pointwise` is what its own compiler calls.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CPU_INFO = Path("/proc/cpuinfo")


def use_fast_products(model: nn.Module) -> None:
    """Let every linear layer in `model` that is torch's own multiply as `linear` does."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = _Linear  # in place: tied weights and names stay


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
    return is_here and is_held_back(platform.machine(), _maker())


def is_held_back(machine: str, maker: str) -> bool:
    """Whether MKL treats such a processor as a stranger. `maker` is its vendor id, "" unknown."""
    return machine.lower() in ("x86_64", "amd64") and maker not in ("GenuineIntel", "")


def _maker() -> str:
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return ""
    return next((line.split(":")[1].strip() for line in lines if line.startswith("vendor_id")), "")


class _Linear(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


class _OneDnnLinear(torch.autograd.Function):
    """`F.linear` and its gradients, each one product."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows = rows.contiguous()  # not one row that stands for many
        ctx.save_for_backward(rows, weight)
        return _times_transposed(rows, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        above = gradients[0].contiguous()
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        flat = above.flatten(0, -2)
        return (
            _times_transposed(above, weight.t()) if of_rows else None,
            _of_weight(flat, rows.flatten(0, -2)) if of_weight else None,
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
