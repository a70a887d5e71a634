"""The mean over a group's benchmarks under other weights than equal ones, as sensitivities.

Model: a group's score is sum_b w_b x_b over its benchmarks b. Equal weights are the paper's and
the measure of every claim. Above chance: x_b is replaced by (x_b - c_b) / (1 - c_b), c_b the
expected score of guessing, so that a benchmark of two options does not count half of one with
free room. By signal: w_b is proportional to how far the scores of the curve's cells lie apart
over how far the seeds of a cell do. These weights are computed from the scores that they weigh
and taken as given; read the result beside the equal one, never in its place.

References: Cohen's kappa (1960) with a uniform guess; Heineman et al., Signal and Noise (arXiv
2508.13144) for the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from mlan.errors import DataError
from mlan.evidence.blocks import mean_block
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Array, Sample, shifted
from mlan.evidence.signal import pooled_seed_sd

Weights = Literal["equal", "chance_corrected", "signal"]


def average(
    results: Results,
    cell: str,
    score: str,
    key: Key,
    weights: Weights = "equal",
    cells: Sequence[str] = (),
) -> Sample:
    """Return a cell's score on a benchmark or group under one of the three weightings.

    `cells` are those between which a signal is sought, the curve's. Raises DataError as
    `Results.sample`, where a benchmark has no chance, and where no signal can be told from noise.
    """
    if weights == "equal":
        return results.sample(cell, score, key)
    if weights == "signal":
        return _weighted(results, cell, score, key, signal_weights(results, score, key, cells))
    chance_B = np.array([results.chance(name, key) for name in results.members(score)])
    for name, chance in zip(results.members(score), chance_B, strict=True):
        if math.isnan(chance):
            raise DataError(
                f"{score} above chance is undefined: {name} ({'/'.join(key.name)}) has no chance, "
                "its answers are free or its metric is no accuracy"
            )
    # sum_b (x_b - c_b) / (1 - c_b) / B, written as one weighted mean less an offset.
    room_B = 1 / (1 - chance_B) / chance_B.size
    mean = _weighted(results, cell, score, key, room_B / room_B.sum())
    return shifted(mean, float(room_B @ chance_B / room_B.sum()), float(room_B.sum()))


def signal_weights(results: Results, score: str, key: Key, cells: Sequence[str]) -> Array:
    """Return the weights (B, sum 1) of a group's benchmarks by signal over noise.

    Signal is the range of the cells' means, noise the standard deviation of seeds within cells,
    pooled. Raises DataError where a benchmark has no noise to compare with (one seed, or equal
    scores), and where no benchmark has a signal.
    """
    found = []
    for name in results.members(score):
        measured = [cell for cell in cells if results.has(cell, name, key)]
        samples = [results.sample(cell, name, key) for cell in measured]
        means = [sample.value for sample in samples]
        noise = pooled_seed_sd(samples)
        if not noise > 0:
            raise DataError(
                f"{score} weighed by signal is undefined: the seeds of {name} "
                f"({'/'.join(key.name)}) do not differ or are one"
            )
        found.append((max(means) - min(means)) / noise)
    if not any(found):
        raise DataError(f"{score} weighed by signal is undefined: no benchmark differs over cells")
    return np.array(found) / sum(found)


def _weighted(results: Results, cell: str, score: str, key: Key, weights_B: Array) -> Sample:
    members = [results.block(name, key) for name in results.members(score)]
    block = mean_block((score, members[0].name[1], *key.name), members, weights_B.tolist())
    return results.sample_of(cell, block, results.members(score))
