"""The layout of a run's examples: steps, rows of tokens, positions within a row.

Works on lengths alone. A step is a fixed number of examples; a row is one line of the batch
that the model sees. `sorted`: one example a row, examples of a window sorted by length before
they are cut into steps. `packed`: the examples of a step share rows under a document mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlan.errors import DataError


@dataclass(frozen=True)
class Place:
    """Where example `index` (its place in the drawn order) goes."""

    index: int
    step: int
    row: int
    position: int


def lay_out(
    lengths: Sequence[int],
    *,
    layout: str,
    examples_per_step: int,
    window: int,
    capacity: int,
    seed: int,
) -> list[Place]:
    """Place every example exactly once, ordered by step, row and position.

    Raises DataError when an example is longer than a packed row may be.
    """
    # Sorting would fill packed rows worse: equal lengths leave steps of one length in a row.
    steps = _steps(lengths, examples_per_step, window if layout == "sorted" else 1, seed)
    places = []
    for step, members in enumerate(steps):
        rows = (
            [[m] for m in members]
            if layout == "sorted"
            else pack(members, [lengths[m] for m in members], capacity)
        )
        places += [
            Place(index, step, row, position)
            for row, content in enumerate(rows)
            for position, index in enumerate(content)
        ]
    return places


def _steps(lengths: Sequence[int], per_step: int, window: int, seed: int) -> list[list[int]]:
    """Cut the drawn order into windows, sort each by length, cut into steps, mix the steps."""
    rng = np.random.default_rng([seed, 0x57E9])
    steps: list[list[int]] = []
    span = per_step * window
    for start in range(0, len(lengths), span):
        drawn = range(start, min(start + span, len(lengths)))
        members = sorted(drawn, key=lambda i: (lengths[i], i))
        cut = [members[i : i + per_step] for i in range(0, len(members), per_step)]
        steps += [cut[i] for i in rng.permutation(len(cut))]
    return steps


def pack(members: Sequence[int], lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Spread examples over the fewest rows of at most `capacity` tokens, evenly filled.

    Longest first into the emptiest row: rows of a step end up nearly equal, so that padding
    to the longest of them costs little. Adds a row whenever the spread does not fit.
    """
    if max(lengths) > capacity:
        raise DataError(
            f"an example has {max(lengths)} tokens, recipe.tune.rows.capacity = {capacity}; "
            "raise it or set recipe.tune.rows.layout: sorted"
        )
    order = sorted(range(len(members)), key=lambda i: (-lengths[i], i))
    rows = -(-sum(lengths) // capacity)
    while True:
        filled = [0] * rows
        content: list[list[int]] = [[] for _ in range(rows)]
        for i in order:
            row = min(range(rows), key=lambda r: (filled[r], r))
            filled[row] += lengths[i]
            content[row].append(members[i])
        if max(filled) <= capacity:
            return [row for row in content if row]
        rows += 1
