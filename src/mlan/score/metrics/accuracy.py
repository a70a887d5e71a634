"""Accuracy and its kin: the mean credit, over categories, above chance; invalid rate, chance.

Model: items are sampled in clusters (all items about one concept stand or fall together), so
the cluster is the unit of the standard error. Everything here is about one model as it is;
what a new seed would change is the business of `mlan.evidence.intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlan.errors import DataError
from mlan.score.metrics.metric import Array, Estimate, Metric, by_category, columns, ratio


def accuracy(correct: ArrayLike, cluster: ArrayLike) -> Estimate:
    """Return the mean of `correct` (n values in [0, 1]) and its clustered standard error.

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
    return Estimate(
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


def _credit(frame: pd.DataFrame) -> Array:
    """(n, 2): the credit of an item, 1."""
    return columns(frame["correct"], np.ones(len(frame)))


def _mean(sums: Array) -> Array:
    return ratio(sums[..., 0], sums[..., 1])


ACCURACY = Metric(
    "accuracy",
    "mean credit of an item; under VQA's rules the VQA accuracy",
    _credit,
    _mean,
    error=lambda sums_GK: clustered_standard_error(sums_GK[:, 0], sums_GK[:, 1]),
)
"""The number of `accuracy`, closed form of its error included. A rule with partial credit makes it
that rule's own: VQA accuracy (Antol et al., arXiv 1505.00468) with min(1, matches / 3)."""

EXACT_MATCH = Metric(
    "exact_match",
    "share of items with full credit",
    lambda frame: columns(frame["correct"] == 1, np.ones(len(frame))),
    _mean,
)
"""Estimand: how often an answer is right altogether. Formula: items with credit 1 / items.
Exclusions: none. Source: Rajpurkar et al., SQuAD (arXiv 1606.05250), section 6.1; equal to
`accuracy` where credit is 0 or 1."""

TOKEN_F1 = replace(ACCURACY, name="token_f1", says="mean F1 of tokens; credit of `squad_f1`")
"""Estimand: the expected overlap of an answer with the nearest gold. Formula: mean over items of
the best F1 of words over the golds. Exclusions: none. Source: SQuAD, section 6.1."""

MACRO_ACCURACY = Metric(
    "macro_accuracy",
    "mean over categories (subjects) of the accuracy",
    lambda frame: by_category(_credit(frame), frame["category"]),
    lambda sums: np.asarray(_mean(sums.reshape(*sums.shape[:-1], -1, 2)).mean(axis=-1)),
    whole=True,
)
"""Estimand: accuracy, each category weighed alike. Formula: mean_c (sum_{i in c} x_i / n_c).
Exclusions: none; categories are taken as given, not as a sample. Source: Hendrycks et al., MMLU
(arXiv 2009.03300), whose table averages subjects; its code and most harnesses are micro."""

CHANCE_CORRECTED = Metric(
    "chance_corrected",
    "accuracy above chance: (accuracy - chance) / (1 - chance)",
    lambda frame: columns(frame["correct"], frame["chance"], np.ones(len(frame))),
    lambda sums: ratio(sums[..., 0] - sums[..., 1], sums[..., 2] - sums[..., 1]),
)
"""Estimand: the share of what guessing leaves that is answered; 0 is guessing, 1 all, below 0 worse
than guessing. Formula: (a - c) / (1 - c), a the accuracy and c the mean of 1 / options. Exclusions:
none; undefined where an item is a free answer, which has no chance. Source: Cohen's kappa (1960)
with a uniform guess."""
