"""What the cell that looks best is worth: chosen on some outcomes, valued on others.

Model: the best of several noisy numbers is too good on average, for it was chosen for its luck
as well. So seeds and clusters of items are split; the winner is chosen without one seed and
without one part of the clusters, and its value is read there alone; the mean over all seeds and
parts is what choosing this way is worth. Where the same cell wins everywhere this is its plain
score. With one seed only clusters are split, and what is lucky about that seed stays in.
The parts follow from the clusters' names, so a cluster is in the same part in every study.
Not here: which cells could be the best (`recommend`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlan.evidence.samples import Array

PARTS = 5


def part_of(cluster: str, parts: int = PARTS) -> int:
    """Return the part, 0 to parts - 1, of a cluster: from the digest of its name."""
    return int(hashlib.sha256(cluster.encode()).hexdigest()[:12], 16) % parts


def crossfitted(
    outcomes_CSG: Array, weights_G: Array, clusters: Sequence[str], offset_C: Array | None = None
) -> float:
    """Return the cross-fitted value of the best of C cells on S seeds and G clusters.

    `outcomes_CSG` holds sum_{i in g} w_i x_csi, `weights_G` sum_{i in g} w_i (they sum to 1), so
    that a cell's value is its sum over clusters, averaged over seeds; `offset_C` is added to it,
    such as the price of its tokens. Ties go to the first cell. NaN if all clusters are in one
    part.
    """
    parts_G = np.array([part_of(name) for name in clusters])
    fixed_C = np.zeros(outcomes_CSG.shape[0]) if offset_C is None else offset_C
    value = 0.0
    for part in np.unique(parts_G):
        held_G = parts_G == part
        weight = float(weights_G[held_G].sum())
        if held_G.all():
            return float("nan")
        held_CS = outcomes_CSG[:, :, held_G].sum(axis=2) / weight
        rest_CS = outcomes_CSG[:, :, ~held_G].sum(axis=2) / (1 - weight)
        winners_S = _winners(rest_CS + fixed_C[:, None])
        seeds = range(held_CS.shape[1])
        value += weight * float(np.mean([held_CS[winners_S[s], s] for s in seeds]))
        value += weight * float(fixed_C[winners_S].mean())
    return value


def _winners(values_CS: Array) -> NDArray[np.int64]:
    """For each seed the cell that is best on the others; with one seed, on that one."""
    seeds = values_CS.shape[1]
    others_CS = values_CS.sum(axis=1, keepdims=True) - (values_CS if seeds > 1 else 0)
    # Rounded, so that equal cells tie on every machine.
    return np.asarray(np.round(others_CS, 12).argmax(axis=0), dtype=np.int64)
