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
def codebook(*, signed: bool) -> Tensor:
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
    return torch.tensor(sorted([0.0, *values]), dtype=torch.float32)


def blocks(size: int) -> int:
    """Return how many blocks hold `size` numbers."""
    return -(-size // BLOCK)


def quantise(values: Tensor, noise: Tensor, *, signed: bool) -> tuple[Tensor, Tensor]:
    """Return 8-bit codes (n,) and the scale of each block, of values (n,) float32.

    `noise` (n,) is uniform in [0, 1). Decoded, a number is one of its two neighbours in the
    code, in expectation itself; without a sign, a number above zero never becomes zero.
    """
    padded = F.pad(values, (0, -values.numel() % BLOCK)).view(-1, BLOCK)
    scale = padded.abs().amax(1)
    unit = padded / scale.clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    unit = unit.flatten()[: values.numel()]
    code = codebook(signed=signed).to(values.device)
    above = torch.bucketize(unit, code).clamp(1, len(code) - 1)
    low, high = code[above - 1], code[above]
    up = noise * (high - low) < unit - low
    found = torch.where(up, above, above - 1)
    if not signed:
        found = torch.where(unit > 0, found.clamp_min(1), found)
    return found.to(torch.uint8), scale


def dequantise(codes: Tensor, scale: Tensor, *, signed: bool) -> Tensor:
    """Return the numbers of codes (n,) and block scales, (n,) float32."""
    code = codebook(signed=signed).to(codes.device)
    unit = code[codes.int()]
    return unit * scale.repeat_interleave(BLOCK)[: codes.numel()]


def round_to_bf16(values: Tensor, noise: Tensor) -> Tensor:
    """Return bf16 of float32 values, each one of its two neighbours, in expectation itself.

    `noise` is int32 in [0, 2^16). A bf16 number is the upper half of a float32's bits: adding
    noise below the cut carries into it as often as the cut part is large (both signs alike,
    since a float's sign is a bit of its own).
    """
    bits = values.view(torch.int32) + noise
    return (bits & -0x10000).view(torch.float32).bfloat16()
