"""The numbers of one run on one set of items: accuracy, its standard error, invalid rate, chance.

Model: items are sampled in clusters (all items about one concept stand or fall together), so
the cluster is the unit of the standard error. Everything here is about one model as it is;
what a new seed would change is the business of `mlan.evidence.intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlan.errors import DataError


@dataclass(frozen=True)
class Accuracy:
    """Fraction of items answered correctly; `standard_error` is NaN with fewer than 2 clusters."""

    value: float
    standard_error: float
    n: int
    clusters: int


def accuracy(correct: ArrayLike, cluster: ArrayLike) -> Accuracy:
    """Return the mean of `correct` (n values, 0 or 1) and its clustered standard error.

    Estimand: the expected outcome on an item of the population that the clusters were sampled
    from. Formula: mean = sum_i x_i / n; the error is that of `clustered_standard_error` with
    weight 1 an item. Exclusions: none; an invalid answer is an item with outcome 0.
    Raises DataError when there is no item or the two lengths differ.
    """
    outcome = np.asarray(correct, dtype=np.float64)
    names, code = np.unique(np.asarray(cluster), return_inverse=True)
    if outcome.ndim != 1 or outcome.shape != code.shape or outcome.size == 0:
        raise DataError(
            f"accuracy: `correct` has shape {outcome.shape} and `cluster` {code.shape}; "
            "they must be equal, with one item at least"
        )
    sums_G = np.asarray(np.bincount(code, weights=outcome), dtype=np.float64)
    sizes_G = np.asarray(np.bincount(code), dtype=np.float64)
    return Accuracy(
        value=float(outcome.mean()),
        standard_error=clustered_standard_error(sums_G, sizes_G),
        n=outcome.size,
        clusters=names.size,
    )


def clustered_standard_error(sums_G: NDArray[np.float64], weights_G: NDArray[np.float64]) -> float:
    """Return the standard error of a weighted mean whose items come in G clusters.

    `sums_G` holds sum_{i in g} w_i x_i, `weights_G` holds sum_{i in g} w_i. With
    mean = sum_g sums_g / sum_g weights_g,

        SE = sqrt( G/(G-1) * sum_g (sums_g - mean * weights_g)^2 ) / sum_g weights_g

    The factor G/(G-1) corrects for the mean being estimated from the same clusters; with one
    item a cluster this is the usual s/sqrt(n). NaN when G < 2. Source: Miller, Adding Error
    Bars to Evals (2024), equation for clustered errors, which leaves the factor out.
    """
    clusters = sums_G.size
    if clusters < 2:
        return math.nan
    total = float(weights_G.sum())
    residual_G = sums_G - sums_G.sum() / total * weights_G
    return math.sqrt(clusters / (clusters - 1) * float(residual_G @ residual_G)) / total


def invalid_rate(invalid: ArrayLike) -> float:
    """Return the fraction of answers from which the parser read no option.

    Exclusions: none; items answered invalidly also count as wrong in `accuracy`.
    Raises DataError when there is no answer.
    """
    flags = np.asarray(invalid, dtype=np.float64)
    if flags.size == 0:
        raise DataError("invalid rate: there is no answer")
    return float(flags.mean())


def chance(options: Sequence[Sequence[str]]) -> float:
    """Return the expected accuracy of picking an option at random: mean of 1 / len(options).

    Under generation a model that ignores the format scores below it. Raises DataError when
    there is no item or an item has no option.
    """
    if not options or any(len(choices) == 0 for choices in options):
        raise DataError("chance: every item needs an option, and there must be an item")
    return math.fsum(1 / len(choices) for choices in options) / len(options)
