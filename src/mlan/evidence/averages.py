"""The mean over a group's benchmarks under other weights than equal ones, as sensitivities.

Model: a group's score is sum_b w_b x_b over its benchmarks b. Equal weights are the paper's and
the measure of every claim. Above chance: x_b is replaced by (x_b - c_b) / (1 - c_b), c_b the
expected score of guessing, so that a benchmark of two options does not count half of one with
free room. By signal: w_b is proportional to how far the scores of the curve's cells lie apart
over how far the seeds of a cell do. These weights are computed from the scores that they weigh
and taken as given; read the result beside the equal one, never in its place. Not here: which
averages are told so (`sensitivity`, `claims.otherwise`).

References: Cohen's kappa (1960) with a uniform guess; Heineman et al., Signal and Noise (arXiv
2508.13144) for the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlan.errors import DataError
from mlan.evidence.blocks import Block, mean_block
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Array, Sample, shifted
from mlan.evidence.signal import pooled_seed_sd

Weighting = Literal["equal", "chance_corrected", "signal"]
EQUAL: Weighting = "equal"
OTHERS: tuple[Weighting, ...] = ("chance_corrected", "signal")


@dataclass(frozen=True)
class Average:
    """What a group's score is made of: factor x (sum of weight x member - offset).

    `weights` (B) sum to 1 and follow `members`: what a point on each benchmark counts against one
    on another. `block` holds the weighted means of all runs.
    """

    members: tuple[str, ...]
    weights: Array
    block: Block
    offset: float = 0.0
    factor: float = 1.0


class Averages:
    """Averages of a study under each weighting; every one is put together once.

    `cells` are those between which a signal is sought, the curve's.
    """

    def __init__(self, results: Results, cells: Sequence[str]) -> None:
        self.results = results
        self.cells = tuple(cells)
        self._made: dict[tuple[str, Key, Weighting], Average] = {}

    def of(self, score: str, key: Key, weighting: Weighting) -> Average:
        """Return a benchmark's or group's average.

        Raises DataError as `Results.block`, where a benchmark has no chance, and where no signal
        can be told from noise.
        """
        place = (score, key, weighting)
        if place not in self._made:
            self._made[place] = self._make(*place)
        return self._made[place]

    def sample(self, cell: str, score: str, key: Key, weighting: Weighting) -> Sample:
        """Return a cell's average on every seed it has. Raises DataError as `of`, `sample_of`."""
        found = self.of(score, key, weighting)
        mean = self.results.sample_of(cell, found.block, found.members)
        return shifted(mean, found.offset, found.factor)

    def _make(self, score: str, key: Key, weighting: Weighting) -> Average:
        results, members = self.results, self.results.members(score)
        if weighting == EQUAL:
            even_B = np.full(len(members), 1 / len(members))
            return Average(members, even_B, results.block(score, key))
        if weighting == "signal":
            weights_B = signal_weights(results, score, key, self.cells)
            return Average(members, weights_B, _weighted(results, score, key, weights_B))
        chance_B = chances(results, score, key)
        # sum_b (x_b - c_b) / (1 - c_b) / B, written as one weighted mean less an offset.
        room_B = 1 / (1 - chance_B) / chance_B.size
        weights_B = room_B / room_B.sum()
        block = _weighted(results, score, key, weights_B)
        return Average(members, weights_B, block, float(weights_B @ chance_B), float(room_B.sum()))


def chances(results: Results, score: str, key: Key) -> Array:
    """Return the expected score of guessing of a group's benchmarks (B).

    Raises DataError where one has none, or nothing above it.
    """
    chance_B = np.array([results.chance(name, key) for name in results.members(score)])
    for name, chance in zip(results.members(score), chance_B, strict=True):
        if math.isnan(chance):
            raise DataError(
                f"{score} above chance is undefined: {name} ({'/'.join(key.name)}) has no chance, "
                "its answers are free or its metric is no accuracy"
            )
        if chance >= 1:
            raise DataError(f"{score} above chance is undefined: {name} leaves nothing to know")
    return chance_B


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


def _weighted(results: Results, score: str, key: Key, weights_B: Array) -> Block:
    members = [results.block(name, key) for name in results.members(score)]
    return mean_block((score, members[0].name[1], *key.name), members, weights_B.tolist())
