"""Numbers of questions whose answer is yes or no: F1 of yes, yes-rates, balanced accuracy, AUROC.

`yes` is what is looked for. An answer from which nothing was read is neither yes nor no: a yes
that was not found where yes is right, no false alarm where it is not, and wrong in either case.
Source of F1, precision, recall and yes-rate: POPE's evaluate.py (github.com/AoiDragon/POPE), whose
rule reads every answer as one of the two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlan.errors import DataError
from mlan.score.metrics.metric import (
    Array,
    Estimate,
    Metric,
    by_category,
    cluster_sums,
    columns,
    ratio,
    spread,
)


def _found(frame: pd.DataFrame) -> Array:
    """(n, 3): a yes that is right, a yes that is not, a yes that was not said."""
    gold, said = frame["gold"] == "yes", frame["read"] == "yes"
    return columns(gold & said, ~gold & said, gold & ~said)


def _f1(sums: Array) -> Array:
    hits = 2 * sums[..., 0]
    return ratio(hits, hits + sums[..., 1] + sums[..., 2])


F1_YES = Metric(
    "f1_yes",
    "F1 of yes: 2 TP / (2 TP + FP + FN), all items pooled",
    _found,
    _f1,
)
"""Estimand: the harmonic mean of precision and recall of saying yes. Formula: 2 TP / (2 TP + FP +
FN). Exclusions: none; an invalid answer is in FN where yes is right and else in none of the three.
Undefined where nobody says yes and nothing is yes. Source: POPE."""

PRECISION_YES = Metric(
    "precision_yes",
    "of the answers yes, those that are right: TP / (TP + FP)",
    _found,
    lambda sums: ratio(sums[..., 0], sums[..., 0] + sums[..., 1]),
)
"""Estimand: how often yes is right where it is said. Exclusions: answers that are not yes.
Undefined where nobody says yes. Source: POPE."""

RECALL_YES = Metric(
    "recall_yes",
    "of the items whose answer is yes, those that are answered so: TP / (TP + FN)",
    _found,
    lambda sums: ratio(sums[..., 0], sums[..., 0] + sums[..., 2]),
)
"""Estimand: how often yes is said where it is right. Exclusions: items whose answer is no; an
invalid answer counts as not found. Undefined where nothing is yes. Source: POPE."""

F1_YES_MEAN = Metric(
    "f1_yes_mean",
    "mean over categories (POPE's splits) of the F1 of yes",
    lambda frame: by_category(_found(frame), frame["category"]),
    lambda sums: np.asarray(_f1(sums.reshape(*sums.shape[:-1], -1, 3)).mean(axis=-1)),
    whole=True,
)
"""Estimand: F1 of yes, each category weighed alike. Formula: mean_c 2 TP_c / (2 TP_c + FP_c +
FN_c). Exclusions as for `f1_yes`; undefined where one category's is. Source: the POPE number of
LLaVA-1.5 and after, the mean of random, popular and adversarial."""

YES_RATE = Metric(
    "yes_rate",
    "share of yes among the answers yes or no",
    lambda frame: columns(frame["read"] == "yes", frame["read"] == "no"),
    lambda sums: ratio(sums[..., 0], sums[..., 0] + sums[..., 1]),
)
"""Estimand: how often the model says yes. Formula: answers yes / answers yes or no. Exclusions:
invalid answers. Source: the yes ratio of POPE; not the share of items whose answer is yes, which
some harnesses report under that name."""

GOLD_YES_RATE = Metric(
    "gold_yes_rate",
    "share of items whose answer is yes",
    lambda frame: columns(frame["gold"] == "yes", np.ones(len(frame))),
    lambda sums: ratio(sums[..., 0], sums[..., 1]),
)
"""Estimand: how often yes is right; what `yes_rate` is to be compared with. Exclusions: none."""


def _classes(frame: pd.DataFrame) -> Array:
    """(n, 4): right where yes is, is yes, right where no is, is no."""
    yes, right = frame["gold"] == "yes", frame["read"] == frame["gold"]
    return columns(yes & right, yes, ~yes & right, ~yes)


BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    "mean of the accuracy on items whose answer is yes and on those whose answer is no",
    _classes,
    lambda sums: (ratio(sums[..., 0], sums[..., 1]) + ratio(sums[..., 2], sums[..., 3])) / 2,
)
"""Estimand: accuracy if yes and no were equally often right; a constant answer gives 1/2. Formula:
(recall of yes + recall of no) / 2. Exclusions: none, an invalid answer is wrong. Undefined where
only one of the two is ever right. Source: Brodersen et al., The Balanced Accuracy (2010)."""


def auroc(score: ArrayLike, positive: ArrayLike, cluster: ArrayLike) -> Estimate:
    """Return the area under the receiver operating curve of `score` (n) against `positive` (n).

    Estimand: the probability that an item whose answer is yes has a higher score, log P(yes) -
    log P(no), than one whose answer is no; a tie counts half. Formula: Mann and Whitney's U / (P
    N), over all pairs, those within a cluster too. Exclusions: none. It is no function of sums
    over items, so the jackknife leaves out each cluster's pairs instead: exact, and NaN where one
    cluster holds all of one answer. Source: Hanley and McNeil (1982). Raises DataError where no
    item is given.
    """
    scores, yes = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    if scores.size == 0:
        raise DataError("auroc: there is no item")
    won_N = np.where(yes, _won(scores, scores[~yes]), _won(-scores, -scores[yes]))
    names, code = np.unique(np.asarray(cluster, dtype="str"), return_inverse=True)
    inner_G = np.zeros(names.size)
    order = np.argsort(code, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        own = yes[rows]
        inner_G[code[rows[0]]] = _won(scores[rows][own], scores[rows][~own]).sum()
    sums_GK = cluster_sums(columns(yes, ~yes, won_N), code)
    # Every pair stands in the wins of its yes and in those of its no.
    total = sums_GK[:, 2].sum() / 2
    value = ratio(total, np.asarray(yes.sum() * (~yes).sum(), dtype=np.float64))
    rest_GK = sums_GK.sum(axis=0) - sums_GK
    without_G = ratio(total - sums_GK[:, 2] + inner_G, rest_GK[:, 0] * rest_GK[:, 1])
    return Estimate(float(value), spread(without_G), scores.size, names.size)


def _won(scores: Array, against: Array) -> Array:
    """How many of `against` each score exceeds, ties half."""
    ordered = np.sort(against)
    below = np.searchsorted(ordered, scores, side="left")
    return np.asarray((below + np.searchsorted(ordered, scores, side="right")) / 2)
