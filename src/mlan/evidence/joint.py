"""Several numbers at once: a level for each that holds for all of them together.

Model: the numbers are jointly t distributed. Their correlation is that of their seeds and
clusters, Va + Vi (see `intervals`), which is never indefinite; each has its own standard error and
degrees of freedom. The distribution of the smallest p value among them, if nothing were true, is
drawn with a fixed seed; its quantile is the level at which each may be looked at, and where an
observed p value lies in it is that p value adjusted. Correlated numbers, such as neighbouring
shares on the same items, cost less than Bonferroni. Not here: which numbers belong together.

References: Hothorn, Bretz and Westfall, Simultaneous Inference in General Parametric Models
(2008), for max-t; Westfall and Young (1993) for the smallest p value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, stdtr, stdtrit

from mlan.evidence.intervals import Interval, interval
from mlan.evidence.samples import Array, Sample, combine

DRAWS = 20_000
_SEED = 20_241_115


@dataclass(frozen=True)
class Joint:
    """Numbers with the level that makes all their intervals hold at once.

    `intervals` (C) are each by itself; `smallest` are sorted draws of the smallest p value of
    those that vary. `two_sided` says what kind of p value.
    """

    intervals: tuple[Interval, ...]
    smallest: Array
    confidence: float
    two_sided: bool = True

    @property
    def level(self) -> float:
        """The p value at or below which one of the numbers is significant for all of them."""
        if self.smallest.size == 0:
            return 1 - self.confidence
        return float(np.quantile(self.smallest, 1 - self.confidence))

    def adjusted(self, p: float) -> float:
        """Return a p value adjusted for looking at all the numbers; NaN stays NaN."""
        if math.isnan(p) or self.smallest.size == 0:
            return p
        at_most = int(np.searchsorted(self.smallest, p, side="right"))
        return max(p, at_most / self.smallest.size)

    def band(self, place: int) -> tuple[float, float]:
        """Return low and high of the simultaneous interval of one number."""
        return self.intervals[place].bounds(
            1 - self.level if self.two_sided else 1 - 2 * self.level
        )


def joint(samples: Sequence[Sample], confidence: float = 0.95, two_sided: bool = True) -> Joint:
    """Return samples' intervals, and the draws that make them simultaneous.

    Samples may differ in their seeds; what they share is correlated. Raises DataError as
    `interval` does.
    """
    found = tuple(interval(sample, confidence) for sample in samples)
    moving = [i for i, one in enumerate(found) if one.df > 0]
    if len(moving) < 2:
        return Joint(found, np.zeros(0), confidence, two_sided)
    correlation_CC = _correlation([samples[i] for i in moving])
    df_C = np.array([found[i].df for i in moving])
    return Joint(found, _smallest(correlation_CC, df_C, two_sided), confidence, two_sided)


def _correlation(samples: Sequence[Sample]) -> Array:
    """Correlation (C, C) from Va + Vi over the seeds that all samples share."""
    # Combining with weight 0 aligns clusters: all then follow the same ones.
    zero = [(0.0, sample) for sample in samples]
    aligned = [combine([(1.0, sample), *zero]) for sample in samples]
    seeds, clusters = aligned[0].residuals.shape
    means_CG = np.array([sample.residuals.mean(axis=0) for sample in aligned])
    covariance_CC = clusters / max(1, clusters - 1) * means_CG @ means_CG.T
    if seeds > 1:
        values_CS = np.array([sample.values for sample in aligned])
        covariance_CC = covariance_CC + np.cov(values_CS) / seeds
    error_C = np.sqrt(np.diag(covariance_CC))
    safe_C = np.where(error_C > 0, error_C, 1.0)
    correlation_CC = covariance_CC / np.outer(safe_C, safe_C)
    np.fill_diagonal(correlation_CC, 1.0)
    return np.asarray(correlation_CC)


def _smallest(correlation_CC: Array, df_C: Array, two_sided: bool) -> Array:
    """Sorted draws of the smallest p value (DRAWS) when every number is 0."""
    rng = np.random.default_rng(_SEED)
    values, vectors = np.linalg.eigh(correlation_CC)
    root_CC = vectors * np.sqrt(np.clip(values, 0, None))
    normal_DC = rng.standard_normal((DRAWS, len(df_C))) @ root_CC.T
    # One uniform draw for all: their standard errors come from the same seeds and clusters.
    upper_D1 = rng.random((DRAWS, 1))
    scale_DC = np.sqrt(chdtri(df_C[None, :], upper_D1) / df_C)
    t_DC = normal_DC / scale_DC
    p_DC = 2 * stdtr(df_C, -np.abs(t_DC)) if two_sided else stdtr(df_C, -t_DC)
    return np.sort(p_DC.min(axis=1))


def quantile(df: float, level: float) -> float:
    """Return the t quantile that leaves `level` above it."""
    return float(stdtrit(df, 1 - level))
