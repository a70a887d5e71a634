"""The variance of a mean over seeds and clusters: its parts, their sum, its degrees of freedom.

Model: Va is the variance of S seed means / S, Vi that of G clusters' contributions averaged over
seeds, Ve the interaction, which both hold. Then

    V  = Va + Vi - Ve, never below max(Va, Vi)
    h  = min(1, Va / V)^(2/3)
    df = 1 / (h / (S - 1) + (1 - h) / (G - 1))

df is S - 1 where seeds are all of the variance and G - 1 where items are. Satterthwaite's rule
squares both shares and lets the estimate decide them: with three seeds a Va that came out small by
chance then counts for less than it should, and where seeds are most of the variance a nominal
95 % interval covers 92 %, a nominal 1 % test rejects in 2.3 %. The exponent was chosen by
simulation (docs/calibration.md); between its ends the rule is near Cochran and Cox's critical
value.

Clusters come in samples of clusters, one a benchmark: of G clusters each has G - 1 degrees of
freedom and the factor G / (G - 1) = 1 + 1 / df, whatever it is averaged with or subtracted from.
So every cluster carries the df of its benchmark, the least of them if several ask it, and Vi has
by the rule above

    df = 1 / sum_k (c_k^(2/3) - c_(k-1)^(2/3)) / df_k

c_k the share in Vi of all clusters with df_k or less: G - 1 for one benchmark, and near the least
df where few clusters of one are much of Vi. Arrays may have axes before those that are named. Not
here: intervals (`intervals`).

References: Cameron, Gelbach and Miller, Robust Inference With Multiway Clustering (2011), for V;
Satterthwaite (1946); Cochran and Cox, Experimental Designs (1957), 4.14.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlan.evidence.samples import Array

Floats = NDArray[np.floating[Any]]

_EXPONENT = 2 / 3


def variance_and_df(
    v_seeds: ArrayLike,
    v_items: ArrayLike,
    v_both: ArrayLike,
    df_seeds: ArrayLike,
    df_clusters: ArrayLike,
) -> tuple[Array, Array]:
    """Return V and df from Va, Vi, Ve (>= 0, shapes that broadcast); df is NaN where V is 0.

    `df_seeds` and `df_clusters` are those of the estimates of Va and Vi.
    """
    va, vi = np.asarray(v_seeds, dtype=np.float64), np.asarray(v_items, dtype=np.float64)
    total = np.maximum(va + vi - np.asarray(v_both), np.maximum(va, vi))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum(1.0, va / total) ** _EXPONENT
    return total, np.asarray(
        1 / (share / np.asarray(df_seeds) + (1 - share) / np.asarray(df_clusters))
    )


def item_variance(residuals_SG: Floats, df_G: Floats) -> Array:
    """Vi: variance of the clusters' contributions averaged over seeds.

    `df_G` (> 0) are the degrees of freedom of the benchmarks that the clusters come from.
    """
    return np.asarray(np.square(residuals_SG.mean(axis=-2)) @ (1 + 1 / df_G))


def item_df(residuals_SG: Floats, df_G: Floats) -> float:
    """Degrees of freedom of Vi (module docstring); the least where Vi is 0."""
    least = float(df_G.min())
    if least == df_G.max():
        return least
    square_G = np.square(residuals_SG.mean(axis=-2)) * (1 + 1 / df_G)
    df_K, code_G = np.unique(df_G, return_inverse=True)
    held_K = np.cumsum(np.bincount(code_G, square_G))
    if not held_K[-1] > 0:
        return least
    steps_K = np.diff((held_K / held_K[-1]) ** _EXPONENT, prepend=0.0)
    return float(1 / (steps_K @ (1 / df_K)))


def interaction(residuals_SG: Floats, df_G: Floats) -> Array:
    """Ve: the part of the mean's variance that seeds and clusters do not explain.

    Residuals are centred with the cluster's weight (`samples`), so that a pure seed effect leaves
    none even when clusters differ in size; with equal clusters this is the interaction mean
    square of a two-way table divided by S G. Two seeds or more; `df_G` as `item_variance` has it.
    """
    seeds = residuals_SG.shape[-2]
    centred_SG = residuals_SG - residuals_SG.mean(axis=-2, keepdims=True)
    square_G = np.square(centred_SG).sum(axis=-2)
    return np.asarray(square_G @ (1 + 1 / df_G) / (seeds * (seeds - 1)))
