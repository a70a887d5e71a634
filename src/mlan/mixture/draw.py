"""Which examples a run sees, and in which order: nested across shares, seeded.

Each source is permuted once per seed and epoch; a cell takes a prefix. Two cells that differ
in their share therefore differ in how far each source is cut, not in the draw. The order is a
sort by a hash of (order seed, example), so examples common to two cells keep their order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlan.errors import DataError


@dataclass(frozen=True)
class Drawn:
    """One use of an example: `epoch` counts how often its source was gone through before."""

    source: str
    example: str
    epoch: int


def draw(
    counts: Mapping[str, int],
    examples: Mapping[str, Sequence[str]],
    *,
    draw_seed: int,
    order_seed: int,
    repeat: bool,
) -> list[Drawn]:
    """Return the examples of a run in training order.

    Raises DataError when a source has fewer examples than asked for and `repeat` is off.
    """
    chosen: list[Drawn] = []
    for source, count in counts.items():
        pool = examples[source]
        if count > len(pool) and not (repeat and pool):
            raise DataError(
                f"source {source!r} has {len(pool)} examples, the mixture asks for {count}; "
                "lower recipe.mixture.instances or tokens, add data, or set recipe.mixture.match"
            )
        chosen += prefix(source, pool, count, draw_seed)
    return sorted(chosen, key=lambda d: _key("order", order_seed, d.source, d.example, d.epoch))


def prefix(source: str, pool: Sequence[str], count: int, seed: int) -> list[Drawn]:
    """Return the first uses of a source under a draw seed: whole epochs, each permuted anew."""
    taken: list[Drawn] = []
    epoch = 0
    while len(taken) < count:
        rng = np.random.default_rng(np.frombuffer(_key("draw", seed, source, epoch), np.uint32))
        order = rng.permutation(len(pool))[: count - len(taken)]
        taken += [Drawn(source, pool[i], epoch) for i in order]
        epoch += 1
    return taken


def _key(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
