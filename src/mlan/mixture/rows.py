"""The layout of a run's examples: steps, rows of tokens, positions within a row.

Works on lengths alone. A step is a fixed number of examples; a row is one line of the batch
that the model sees. `sorted`: one example a row, examples of a window sorted by length before
they are cut into steps. `packed`: the examples of a step share rows under a document mask.
Steps may be kept to one group each (a modality): what does not fill a step of its own group
shares the last steps, so that their number depends on the number of examples alone.
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
    groups: Sequence[str] | None = None,
) -> list[Place]:
    """Place every example exactly once, ordered by step, row and position.

    `groups` names the group of each example if steps are to hold one group only. Raises
    DataError when an example is longer than a packed row may be.
    """
    # Sorting would fill packed rows worse: equal lengths leave steps of one length in a row.
    window = window if layout == "sorted" else 1
    rng = np.random.default_rng([seed, 0x57E9])
    drawn = range(len(lengths))
    if groups is None:
        steps = _steps(lengths, drawn, examples_per_step, window, rng)
    else:
        steps = _single_group_steps(lengths, groups, examples_per_step, window, rng)
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


def _steps(
    lengths: Sequence[int],
    drawn: Sequence[int],
    per_step: int,
    window: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Cut the drawn order into windows, sort each by length, cut into steps, mix the steps."""
    steps: list[list[int]] = []
    span = per_step * window
    for start in range(0, len(drawn), span):
        members = sorted(drawn[start : start + span], key=lambda i: (lengths[i], i))
        cut = [members[i : i + per_step] for i in range(0, len(members), per_step)]
        steps += [cut[i] for i in rng.permutation(len(cut))]
    return steps


def _single_group_steps(
    lengths: Sequence[int],
    groups: Sequence[str],
    per_step: int,
    window: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Whole steps of each group, then of what is left of all groups; mixed over the run.

    LLaVA's batches of one modality (`group_by_modality_length`), without a dependence on the
    number of devices.
    """
    steps: list[list[int]] = []
    left: list[int] = []
    for group in sorted(set(groups)):
        members = [i for i, name in enumerate(groups) if name == group]
        whole = len(members) // per_step * per_step
        steps += _steps(lengths, members[:whole], per_step, window, rng)
        left += members[whole:]
    steps = [steps[i] for i in rng.permutation(len(steps))]
    # Last, as the learning rate ends there: these are the only steps of two groups.
    return steps + _steps(lengths, left, per_step, 1, rng)


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
