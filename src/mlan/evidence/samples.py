"""A number as it came out on every seed, and what each cluster of items adds to its error.

Model: a score of a cell, an average over benchmarks, a difference between cells, a slope over
shares: all are linear in the scores of runs, so all are one kind of object and are combined by
adding. On seed s a number has the value v_s and the residuals r_sg of its clusters, which sum to
0 over g: for a mean with weights w, r_sg = sum_{i in g} w_i (x_si - v_s). Clusters carry their
names, so that one picture or one country in five benchmarks is one cluster in what combines them,
and the degrees of freedom of their benchmark, G - 1 of its G clusters: in an average with a large
benchmark a small one tells no more of its own error than by itself.
Not here: variances and intervals (`intervals`), several numbers at once (`joint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlan.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """A number on S seeds with the residuals of its G clusters.

    `values` (S) and `residuals` (S, G) follow `seeds` (S, sorted) and `clusters` (G, sorted names);
    `df` (G) are the degrees of freedom of what each cluster was asked in, 0 where it is the only
    one there. `items` names what was asked with its number of items. `fixed` marks a number that
    no seed changes, such as that of the untuned model: one row, which stands beside any seed.
    """

    seeds: tuple[int, ...]
    values: Array
    clusters: NDArray[np.str_]
    residuals: Array
    df: Array
    items: frozenset[tuple[str, int]]
    fixed: bool = False

    @property
    def n(self) -> int:
        """Items behind the number, of one seed."""
        return sum(n for _, n in self.items)

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    def of(self, seeds: Sequence[int]) -> Sample:
        """Return the same number on some of its seeds; a fixed one is repeated.

        Raises DataError for a seed that is not there.
        """
        if self.fixed:
            rows = [0] * len(seeds)
        else:
            lacking = [seed for seed in seeds if seed not in self.seeds]
            if lacking:
                raise DataError(f"seed {lacking[0]} has no score here")
            rows = [self.seeds.index(seed) for seed in seeds]
        values, residuals = self.values[rows], self.residuals[rows]
        return Sample(tuple(seeds), values, self.clusters, residuals, self.df, self.items)


def from_sums(
    seeds: Sequence[int],
    sums_SG: Array,
    weights_G: Array,
    clusters: Sequence[str] | NDArray[np.str_],
    items: tuple[str, int],
    fixed: bool = False,
    df_G: Array | None = None,
) -> Sample:
    """Return a weighted mean as a sample.

    `sums_SG` holds sum_{i in g} w_i x_si per seed and cluster, `weights_G` holds sum_{i in g} w_i;
    `clusters` (G) are distinct and sorted; `items` is the name of what was asked and its number;
    `df_G` are the degrees of freedom behind each cluster, G - 1 unless said otherwise.
    Raises DataError for clusters in another order, and for a fixed number with several rows.
    """
    if fixed and len(seeds) != 1:
        raise DataError(f"a number that no seed changes has one row, not {len(seeds)}")
    total = weights_G.sum()
    values_S = sums_SG.sum(axis=1) / total
    residuals_SG = (sums_SG - np.outer(values_S, weights_G)) / total
    names = np.asarray(clusters, dtype="str")
    # Samples are aligned by merging: another order would add up the wrong clusters.
    if not (names[1:] > names[:-1]).all():
        raise DataError("clusters of a sample must be distinct and sorted")
    df_G = np.full(names.size, names.size - 1.0) if df_G is None else df_G
    return Sample(tuple(seeds), values_S, names, residuals_SG, df_G, frozenset([items]), fixed)


def combine(terms: Sequence[tuple[float, Sample]]) -> Sample:
    """Return the linear combination sum of weight x sample, paired by seed and by cluster.

    Its seeds are those that all samples have; it is fixed if all of them are. A fixed sample
    stands beside every seed, so that its items' error counts once and its seeds' not at all.
    Raises DataError when there is no term or no common seed.
    """
    if not terms:
        raise DataError("a contrast needs a term")
    moving = [sample for _, sample in terms if not sample.fixed]
    if moving:
        common = set(moving[0].seeds).intersection(*(sample.seeds for sample in moving[1:]))
        seeds = tuple(sorted(common))
        if not seeds:
            raise DataError("the cells that are compared have no seed in common")
        parts = [(weight, sample.of(seeds)) for weight, sample in terms]
    else:
        seeds, parts = terms[0][1].seeds, list(terms)
    clusters = union([sample.clusters for _, sample in parts])
    items = frozenset[tuple[str, int]]().union(*(sample.items for _, sample in parts))
    values_S = np.zeros(len(seeds))
    residuals_SG = np.zeros((len(seeds), clusters.size))
    df_G = np.full(clusters.size, np.inf)
    for weight, sample in parts:
        values_S += weight * sample.values
        at = places(clusters, sample.clusters)
        residuals_SG[:, at] += weight * sample.residuals
        df_G[at] = np.minimum(df_G[at], sample.df)
    return Sample(seeds, values_S, clusters, residuals_SG, df_G, items, not moving)


def shifted(sample: Sample, offset: float, factor: float = 1.0) -> Sample:
    """Return factor x (number - offset): accuracy above chance, a score less its price."""
    return Sample(
        sample.seeds,
        factor * (sample.values - offset),
        sample.clusters,
        factor * sample.residuals,
        sample.df,
        sample.items,
        sample.fixed,
    )


def union(found: Sequence[NDArray[np.str_]]) -> NDArray[np.str_]:
    """Return all names of sorted arrays, sorted; the first array itself where all are equal."""
    first = found[0]
    if all(names is first or np.array_equal(names, first) for names in found[1:]):
        return first
    return np.unique(np.concatenate(found))


def places(clusters: NDArray[np.str_], own: NDArray[np.str_]) -> slice | NDArray[np.int64]:
    """Where some of the sorted names `clusters` stand among them."""
    return slice(None) if own.size == clusters.size else np.searchsorted(clusters, own)
