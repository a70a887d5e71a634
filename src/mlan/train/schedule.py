"""Learning-rate schedule shared by both stages: linear warm-up, then cosine to zero."""

from __future__ import annotations

import math

import torch


def factor(step: int, steps: int, warmup: int) -> float:
    """Return the fraction of the peak rate at `step` (0-based) of `steps`."""
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return rise * 0.5 * (1.0 + math.cos(math.pi * step / steps))


def set_rates(optimiser: torch.optim.Optimizer, step: int, steps: int, warmup: int) -> None:
    """Set each group's rate from its own `peak`."""
    scale = factor(step, steps, warmup)
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * scale
