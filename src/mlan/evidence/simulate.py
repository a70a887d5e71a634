"""Studies with a known truth, and what intervals make of very many of them at once.

Model: item i of cluster g is answered rightly by cell c on seed s with probability

    mean_c + a_cs + u_g + w_cg        a ~ N(0, seed_sd_c^2), u = +-COMMON, w = +-OWN

so that the true value of a linear contrast is that of the means, whatever the items and seeds.
Seed effects of neighbouring cells are correlated by `shared`, as where their draws are nested;
every answer is then a draw of its own (0 or 1). `estimates` is `interval` without the loop: its
numbers are equal to those of `interval`, which a test holds.

Axes: R replicates, C cells, S seeds, G clusters, K contrasts. Not here: which studies are drawn
and what is counted (`benchmarks/calibration.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from mlan.evidence.pooling import LEVEL, pooled_of_many
from mlan.evidence.power import Parts
from mlan.evidence.samples import Array
from mlan.evidence.two_way import interaction, item_variance, variance_and_df

COMMON, OWN = 0.08, 0.12
# Seed effects beyond so many standard deviations are drawn in, so that probabilities stay in
# (0, 1); the truth is not moved, for the law stays symmetric.
_WIDEST = 2.5


@dataclass(frozen=True)
class Design:
    """A study: true means and seed standard deviations of cells, seeds, items of each cluster."""

    means: tuple[float, ...]
    seed_sd: tuple[float, ...]
    seeds: int
    sizes: tuple[int, ...]
    shared: float = 0.0

    @property
    def weights(self) -> Array:
        """Share of each cluster in all items (G)."""
        sizes = np.asarray(self.sizes, dtype=np.float64)
        return np.asarray(sizes / sizes.sum())

    def seed_covariance(self) -> Array:
        """Covariance (C, C) of the seed effects."""
        place = np.arange(len(self.means))
        correlation = self.shared ** np.abs(place[:, None] - place[None, :])
        return np.asarray(correlation * np.outer(self.seed_sd, self.seed_sd))

    def parts(self, contrast: Sequence[float]) -> Parts:
        """The true variance of a contrast whose weights sum to 0."""
        weights_C, means_C = np.asarray(contrast), np.asarray(self.means)
        square = float(weights_C @ weights_C)
        answers_C = means_C * (1 - means_C) - COMMON**2 - OWN**2 - np.square(self.seed_sd)
        return Parts(
            seeds=float(weights_C @ self.seed_covariance() @ weights_C),
            items=OWN**2 * square * float(self.weights @ self.weights),
            both=float(weights_C**2 @ answers_C) / sum(self.sizes),
            clusters=len(self.sizes),
        )


@dataclass(frozen=True)
class Estimates:
    """Values, standard errors and degrees of freedom (R, K) of contrasts in R studies."""

    value: Array
    error: Array
    df: Array

    def covers(self, truth_K: Array, confidence: float = 0.95) -> NDArray[np.bool_]:
        """Whether each interval holds the true value (R, K)."""
        reach = self.error * stdtrit(self.df, (1 + confidence) / 2)
        return np.asarray(np.abs(self.value - truth_K) <= reach)

    def p_above(self, bound: Array | float) -> Array:
        """One-sided p values (R, K) of the hypotheses that numbers are `bound` or less."""
        return np.asarray(stdtr(self.df, (bound - self.value) / self.error))

    def p_within(self, margin: float) -> Array:
        """P values (R, K) of the hypotheses that numbers are `margin` or more from 0 (TOST)."""
        below = stdtr(self.df, (self.value - margin) / self.error)
        return np.asarray(np.maximum(self.p_above(-margin), below))


def draw(design: Design, replicates: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw studies: sums of right answers over all items, (R, C, S, G), which add up to scores."""
    shape = (replicates, len(design.means), design.seeds)
    sizes_G = np.asarray(design.sizes)
    standard_RCS = np.einsum(
        "cd,rds->rcs", _root(design.seed_covariance()), rng.standard_normal(shape)
    )
    widest_C1 = _WIDEST * np.asarray(design.seed_sd)[:, None]
    mean_RCS1 = np.asarray(design.means)[:, None] + np.clip(standard_RCS, -widest_C1, widest_C1)
    items_RCG = COMMON * _signs(rng, (replicates, 1, sizes_G.size)) + OWN * _signs(
        rng, (replicates, shape[1], sizes_G.size)
    )
    chance_RCSG = (mean_RCS1[..., None] + items_RCG[:, :, None, :]).astype(np.float32)
    sums_RCSG = np.zeros(chance_RCSG.shape, dtype=np.float32)
    for already in range(sizes_G.max()):
        more_G = np.flatnonzero(sizes_G > already)
        found = rng.random((*shape, more_G.size), dtype=np.float32) < chance_RCSG[..., more_G]
        sums_RCSG[..., more_G] += found
    sums_RCSG /= np.float32(sizes_G.sum())
    return sums_RCSG


def estimates(
    sums_RCSG: NDArray[np.float32],
    weights_G: Array,
    contrasts_KC: Array,
    rule: Callable[..., tuple[Array, Array]] = variance_and_df,
    pool: bool = False,
) -> Estimates:
    """Return what `interval` makes of contrasts in every study; two seeds and clusters or more.

    `rule` makes the variance and its degrees of freedom from the parts, as `variance_and_df`.
    With `pool` the seed variance is the one pooled over all cells where its checks pass.
    """
    flat_RCN = sums_RCSG.reshape(*sums_RCSG.shape[:2], -1)
    # In single precision: sums have seven digits, which errors of a few per cent do not need.
    flat_RKN = contrasts_KC.astype(np.float32) @ flat_RCN
    sums_RKSG = flat_RKN.reshape(*flat_RKN.shape[:2], *sums_RCSG.shape[2:])
    values_RKS = sums_RKSG.sum(axis=-1, dtype=np.float64)
    seeds, clusters = sums_RKSG.shape[-2:]
    df_G = np.full(clusters, clusters - 1, dtype=np.float32)
    residuals_RKSG = sums_RKSG
    residuals_RKSG -= values_RKS.astype(np.float32)[..., None] * weights_G.astype(np.float32)
    v_seeds_RK = values_RKS.var(axis=-1, ddof=1) / seeds
    df_seeds: Array = np.asarray(seeds - 1.0)
    if pool:
        variance_R, df, passes_R = checked(sums_RCSG)
        pooled_RK = np.outer(variance_R, np.square(contrasts_KC).sum(axis=1)) / seeds
        v_seeds_RK = np.where(passes_R[:, None], pooled_RK, v_seeds_RK)
        df_seeds = np.where(passes_R[:, None], df, df_seeds)
    variance_RK, df_RK = rule(
        v_seeds_RK,
        item_variance(residuals_RKSG, df_G),
        interaction(residuals_RKSG, df_G),
        df_seeds,
        clusters - 1,
    )
    return Estimates(values_RKS.mean(axis=-1), np.sqrt(variance_RK), df_RK)


def checked(sums_RCSG: NDArray[np.float32]) -> tuple[Array, float, NDArray[np.bool_]]:
    """Return the pooled seed variance (R), its degrees of freedom, and who passes (R)."""
    values_RCS = sums_RCSG.sum(axis=-1, dtype=np.float64)
    variance_R, df, p_unequal_R, p_neighbours_R = pooled_of_many(values_RCS)
    return variance_R, df, np.minimum(p_unequal_R, p_neighbours_R) > LEVEL


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return 2 * rng.integers(0, 2, shape, dtype=np.int8).astype(np.float32) - 1


def _root(covariance_CC: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance_CC)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)))
