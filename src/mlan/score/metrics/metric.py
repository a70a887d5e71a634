"""What a metric is: a function of sums over items, and so what its error is.

Model: an item adds to k sums (right answers, answers, ...) and the number is a function of them.
The sums of each cluster then say everything: the number, what it would be without the cluster, and
what it is on any resample of clusters. Items judged together add in the row of the first one.

Items come as a frame of these columns, of the stage's table `items.parquet`: item, cluster,
category, pair, gold (the right option; '' of a free answer), read (what the parser made of the
answer; '' if invalid), correct (the credit, in [0, 1]), invalid, chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlan.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number of n items in so many clusters.

    `value` is NaN where it is undefined, `standard_error` also where the number is undefined
    without some cluster, or there are fewer than two.
    """

    value: float
    standard_error: float
    n: int
    clusters: int


@dataclass(frozen=True)
class Metric:
    """A number as a function of sums.

    `components` gives (n, k), what each row adds; `value` maps sums (..., k) to numbers (...),
    NaN where undefined. `says` is one line for people. `error` computes the standard error from
    sums by cluster (G, k); left out, it is the `jackknife`. `whole` marks a number over several
    categories, of no meaning within one; `percent` a fraction.
    """

    name: str
    says: str
    components: Callable[[pd.DataFrame], Array]
    value: Callable[[Array], Array]
    error: Callable[[Array], float] | None = None
    whole: bool = False
    percent: bool = True


def estimate(metric: Metric, frame: pd.DataFrame) -> Estimate:
    """Return a metric of items with its clustered standard error.

    Raises DataError when there is no item.
    """
    if frame.empty:
        raise DataError(f"{metric.name}: there is no item")
    sums_GK = cluster_sums(metric.components(frame), frame["cluster"])
    error = jackknife(metric.value, sums_GK) if metric.error is None else metric.error(sums_GK)
    return Estimate(float(metric.value(sums_GK.sum(axis=0))), error, len(frame), len(sums_GK))


def cluster_sums(components_NK: Array, cluster: ArrayLike) -> Array:
    """Return the sums of each cluster, (G, k), in the order of the clusters' names."""
    names, code = np.unique(np.asarray(cluster, dtype="str"), return_inverse=True)
    sums_GK = np.zeros((names.size, components_NK.shape[1]))
    np.add.at(sums_GK, code, components_NK)
    return sums_GK


def jackknife(value: Callable[[Array], Array], sums_GK: Array) -> float:
    """Return the standard error of value(sum over clusters), leaving one cluster out at a time:

        SE = sqrt( (G-1)/G * sum_g (value_without_g - mean of them)^2 )

    NaN when G < 2 or the number is undefined without some cluster. Source: Efron and Stein, The
    Jackknife Estimate of Variance (1981), the cluster in place of the observation.
    """
    return spread(value(sums_GK.sum(axis=0) - sums_GK))


def spread(without_G: Array) -> float:
    """Return the jackknife's standard error of a number, given it without each cluster."""
    clusters = without_G.size
    if clusters < 2 or not np.isfinite(without_G).all():
        return math.nan
    residual_G = without_G - without_G.mean()
    return math.sqrt((clusters - 1) / clusters * float(residual_G @ residual_G))


def ratio(part: Array, whole: Array) -> Array:
    """Return part / whole, NaN where whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole == 0, np.nan, part / whole)


def columns(*values: ArrayLike) -> Array:
    """Return numbers or truths by item as (n, k)."""
    return np.column_stack([np.asarray(v, dtype=np.float64) for v in values])


def by_category(
    components_NK: Array, category: pd.Series, names: tuple[str, ...] | None = None
) -> Array:
    """Return (n, C k): what each row adds to the sums of its category, the others in their place 0.

    Categories are `names`, or those there are, sorted; a row of no such category adds nothing.
    """
    found = np.asarray(category, dtype="str")
    wanted = np.unique(found) if names is None else np.asarray(names, dtype="str")
    of_NC = found[:, None] == wanted
    return np.asarray((of_NC[:, :, None] * components_NK[:, None, :]).reshape(len(found), -1))
