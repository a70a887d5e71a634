"""Numbers in fewer bits without a bias: stochastic rounding to bf16, and blocks of 8-bit codes.

Rounding to the nearest loses what is smaller than half a step: at a learning rate of 2e-5 most
updates of a bf16 weight (7 bits behind the leading one), and with a decay of .999 nearly every
change of an 8-bit second moment. A number that is rounded up with a probability equal to its
place between the two neighbours keeps its expectation.

Codes are those of dynamic block-wise quantisation (Dettmers et al. 2022, arXiv 2110.02861,
sec. 2): 256 values in [-1, 1] or [0, 1], more of them in each higher decade, times the largest
magnitude of each block of `BLOCK` numbers. One outlier spoils its block only.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 256
_DECADES = 7


@cache
def codebook(device: torch.device, *, signed: bool) -> Tensor:
    """Return the values of a code, ascending, float32: 255 with a sign, 256 without.

    The decade (10^-(k+1), 10^-k] holds 2^(6-k) values, without a sign twice as many, at the
    middles of equal parts; further there is 0. The largest is 1, and with a sign the smallest -1
    (the reference has no -1, which would draw the largest number of half of all blocks to zero).
    """
    values = []
    for decade in range(_DECADES):
        parts = 2 ** (decade + (0 if signed else 1))
        edges = torch.linspace(0.1, 1.0, parts + 1, dtype=torch.float64)
        middles = (edges[:-1] + edges[1:]) / 2 * 10.0 ** (decade + 1 - _DECADES)
        values += middles.tolist()
    if signed:
        values[-1] = 1.0
        values += [-value for value in values]
    else:
        values.append(1.0)
    return torch.tensor(sorted([0.0, *values]), dtype=torch.float32, device=device)


def in_blocks(values: Tensor) -> Tensor:
    """Return numbers of any shape as whole blocks (B, BLOCK), zeros at the end."""
    flat = values.reshape(-1)
    missing = -flat.numel() % BLOCK
    whole = F.pad(flat, (0, missing)) if missing else flat
    return whole.view(whole.numel() // BLOCK, BLOCK)


def quantise(
    values: Tensor, noise: Tensor, code: Tensor, *, never_zero: bool = False
) -> tuple[Tensor, Tensor]:
    """Return 8-bit codes (B, BLOCK) and the blocks' scales (B,) of values (B, BLOCK) float32.

    `noise` (B, BLOCK) is uniform in [0, 1), `code` a codebook. Decoded, a number is one of its
    two neighbours in the code, in expectation itself. With `never_zero` (a code without a sign)
    a number above zero never becomes zero.
    """
    scale = values.abs().amax(1)
    unit = values / scale.clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    above = torch.bucketize(unit, code, out_int32=True).clamp(1, len(code) - 1)
    low, high = code[above - 1], code[above]
    found = above - 1 + (noise * (high - low) < unit - low).int()
    if never_zero:
        found = torch.where(unit > 0, found.clamp_min(1), found)
    return found.to(torch.uint8), scale


def dequantise(codes: Tensor, scale: Tensor, code: Tensor) -> Tensor:
    """Return the numbers of codes (B, BLOCK) with scales (B,), float32."""
    return code[codes.int()] * scale[:, None]


def round_to_bf16(values: Tensor, noise: Tensor) -> Tensor:
    """Return bf16 of float32 values, each one of its two neighbours, in expectation itself.

    `noise` is int32 in [0, 2^16). A bf16 number is the upper half of a float32's bits: adding
    noise below the cut carries into it as often as the cut part is large (both signs alike,
    since a float's sign is a bit of its own).
    """
    bits = values.view(torch.int32) + noise
    return (bits & -0x10000).view(torch.float32).bfloat16()
