"""Seeds of a run's random choices, each derived from the run's own parts by name."""

from __future__ import annotations

import hashlib

import torch


def derive(*parts: object) -> int:
    """Return a 63-bit seed from a list of names and numbers; equal lists, equal seeds."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """Return a CPU generator seeded by `derive`; made anew per step, it needs no saving."""
    return torch.Generator().manual_seed(derive(*parts))
