"""The outcomes of all runs as arrays: one block per benchmark or group, condition and scorer.

Model: every run answers the same items, so a block is one array of what each cluster adds to the
number of each run. Runs that do not exist, or whose number is undefined, are absent rows: a
partial grid has fewer of them, and nothing is filled in. Not here: what is computed from a block
(`collect`, `results`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlan.errors import DataError
from mlan.evidence.groups import Group, groups
from mlan.evidence.linear import OFFICIAL, headline, linearised
from mlan.evidence.outcomes import Name, Outcomes, Place, Reader, once, same_questions
from mlan.evidence.samples import Array
from mlan.records import checked
from mlan.score.metrics.metric import Metric

NAMES = ("benchmark", "modality", "part", "condition", "scorer", "parser")
ACCURACY, MIXED = "accuracy", "mixed"
# In the order in which a table lists them.
_PARSERS = ("strict", "lenient", "official", "argmax", "sum", "per_byte", "per_token")


@dataclass(frozen=True)
class Cell:
    """One design point as the study plans it; `text_share` is None unless it is tuned.

    `seen` names the sources that its model has learnt from, `untuned` the cell of its stage 1.
    """

    name: str
    kind: str
    text_share: float | None
    experiments: tuple[str, ...]
    seeds: tuple[int, ...]
    seen: tuple[str, ...] = ()
    untuned: str | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Cell:
        """Return the cell that an entry of a job's identity names."""
        share = entry["text_share"]
        return cls(
            name=entry["cell"],
            kind=entry["kind"],
            text_share=None if share is None else float(share),
            experiments=tuple(entry["experiments"]),
            seeds=tuple(entry["seeds"]),
            seen=tuple(entry.get("seen", ())),
            untuned=entry.get("untuned"),
        )


@dataclass(frozen=True)
class Run:
    """A finished run: its cell, seed and folders."""

    cell: Cell
    seed: int
    scores: Path
    mixture: Path | None

    @property
    def label(self) -> str:
        """How messages name the run."""
        return f"{self.cell.name}, seed {self.seed}"


@dataclass(frozen=True)
class Block:
    """Outcomes of all runs on one benchmark or group under one part, condition and scorer.

    Axes: R runs in the order of the grid, G `clusters` (distinct, sorted). `weights` (G) sums to 1
    and is the same for all runs; `sums` (R, G) add up to the number that `metric` names, and are
    for accuracy the right answers of a cluster / n (else see `linear`); `invalid` (R) is the
    invalid rate. Rows of runs that are not `present` (R) hold zeros and must not be read. `n`
    counts items, `chance` is the expected score of guessing, NaN where answers are free or the
    metric is no accuracy. `df` (G) are the degrees of freedom behind each cluster (`two_way`),
    None for G - 1 as one benchmark has them.
    """

    name: tuple[str, ...]
    present: NDArray[np.bool_]
    clusters: tuple[str, ...]
    sums: Array
    weights: Array
    invalid: Array
    n: int
    chance: float
    metric: str = "accuracy"
    df: Array | None = None

    @cached_property
    def labels(self) -> dict[str, str]:
        """The identifying columns of every table."""
        return dict(zip(NAMES, self.name, strict=True))

    @cached_property
    def names(self) -> NDArray[np.str_]:
        """The clusters as one array, the same one at every call: samples are aligned by it."""
        return np.asarray(self.clusters, dtype="str")


def read_blocks(
    runs: list[Run],
    benchmarks: Mapping[str, Mapping[str, Any]],
    without: Set[tuple[str, str]] = frozenset(),
) -> list[Block]:
    """Read the scores of all runs: every benchmark's blocks, then every group's, in a fixed order.

    `benchmarks` maps a name to its modality, taught_by, headline and, unless it is embedded, its
    rule; items (benchmark, item) of `without` are left out. Raises DataError for an unknown
    benchmark, for a credit that is no number from 0 to 1 and where runs differ in their items or
    clusters; IntegrityError.
    """
    reader = Reader(without, told=any(_metric(name, benchmarks) for name in benchmarks))
    drafts: dict[Name, _Draft] = {}
    for row, run in enumerate(runs):
        outcomes = reader.read(run.scores, run.label)
        for name, place in outcomes.layout.items():
            if name[0] not in benchmarks:
                raise DataError(f"scores name {name[0]!r}, which is no benchmark of the study")
            if name not in drafts:
                metric = headline(benchmarks[name[0]].get("rule"), name[-1])
                drafts[name] = _Draft(name, place, run.label, metric, len(runs))
            drafts[name].add(row, run.label, outcomes)
    modalities = {name: str(entry["modality"]) for name, entry in benchmarks.items()}
    single = [draft.block(modalities[draft.name[0]]) for draft in drafts.values()]
    single = sorted((block for block in single if block.present.any()), key=_order)
    averages = [_average(g, single) for g in groups(benchmarks)]
    return [*single, *(block for found in averages for block in found)]


def read_outcomes(scores: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Return a run's outcomes, or some of their columns. Raises IntegrityError."""
    return pd.read_parquet(checked(scores / "items.parquet"), columns=columns)


def _metric(name: str, benchmarks: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a benchmark has a number of its own that is no accuracy."""
    return headline(benchmarks[name].get("rule"), OFFICIAL).name != ACCURACY


def _order(block: Block) -> tuple[Any, ...]:
    benchmark, _, part, condition, _, parser = block.name
    return benchmark, part, condition, _PARSERS.index(parser)


class _Draft:
    """A block of one benchmark while runs are read; all must be asked what the first one was."""

    def __init__(self, name: Name, place: Place, whose: str, metric: Metric, runs: int) -> None:
        once(name, place, whose)
        self.name = name
        self._place, self._first, self._metric = place, whose, metric
        self._weights_G = np.bincount(place.code) / place.items.size
        self._sums_RG = np.zeros((runs, place.clusters.size))
        self._invalid_R = np.zeros(runs)
        self._present_R = np.zeros(runs, dtype=np.bool_)
        self._chance = math.nan

    def add(self, row: int, whose: str, outcomes: Outcomes) -> None:
        """Read a run; one in which the metric is undefined stays absent."""
        place = outcomes.layout[self.name]
        once(self.name, place, whose)
        same_questions(self.name, place, self._place, (whose, self._first))
        sums_G = self._sums(place, outcomes)
        if not np.isfinite(sums_G).all():
            return
        self._sums_RG[row] = sums_G
        self._invalid_R[row] = outcomes.column(self.name, "invalid").mean()
        self._present_R[row] = True
        if self._metric.name == ACCURACY:
            # NaN, unknown, for a free answer, and so for what holds some.
            self._chance = float(outcomes.column(self.name, "chance").mean())

    def block(self, modality: str) -> Block:
        """Return what was read."""
        return Block(
            name=(self.name[0], modality, *self.name[1:]),
            present=self._present_R,
            clusters=tuple(self._place.clusters.tolist()),
            sums=self._sums_RG,
            weights=self._weights_G,
            invalid=self._invalid_R,
            n=self._place.items.size,
            chance=self._chance,
            metric=self._metric.name,
        )

    def _sums(self, place: Place, outcomes: Outcomes) -> Array:
        """What each cluster adds to the run's number (G)."""
        if self._metric.name == ACCURACY:
            return _by_cluster(place, outcomes.column(self.name, "correct")) / place.items.size
        components_NK = self._metric.components(outcomes.frame(self.name))
        sums_GK = np.column_stack([_by_cluster(place, own_N) for own_N in components_NK.T])
        return linearised(self._metric.value, sums_GK, self._weights_G)


def _by_cluster(place: Place, own_N: Array) -> Array:
    return np.bincount(place.code, own_N).astype(np.float64)


def _average(group: Group, blocks: Iterable[Block]) -> list[Block]:
    """Blocks of a group: equal weight per benchmark; a run counts if it has all of them."""
    by_key: dict[tuple[str, ...], list[Block]] = {}
    for block in blocks:
        if block.name[0] in group.members:
            by_key.setdefault(block.name[2:], []).append(block)
    return [
        mean_block((group.name, group.modality, *key), members)
        for key, members in by_key.items()
        if len(members) == len(group.members)
    ]


def mean_block(
    name: tuple[str, ...], members: Sequence[Block], weights: Sequence[float] | None = None
) -> Block:
    """Return the mean of benchmarks' blocks, equal weights unless `weights` say otherwise.

    Weights sum to 1. A concept asked in several benchmarks is one cluster of the mean, with the
    degrees of freedom of the one with fewest clusters. What a
    cluster adds is its deviation from each benchmark's own number, and its share of their mean:
    benchmarks are given, and that one is easier than another is no error of the mean. Its chance is
    the mean of theirs, its metric theirs if they agree, else `mixed`.
    """
    shares = [1 / len(members)] * len(members) if weights is None else list(weights)
    clusters = np.unique(np.concatenate([block.names for block in members]))
    sums_RG = np.zeros((members[0].sums.shape[0], clusters.size))
    weights_G, df_G = np.zeros(clusters.size), np.full(clusters.size, np.inf)
    values_BR = np.array([block.sums.sum(axis=1) for block in members])
    for share, block, values in zip(shares, members, values_BR, strict=True):
        # Clusters are distinct within a block, so plain indexing adds correctly.
        at = np.searchsorted(clusters, block.names)
        sums_RG[:, at] += share * (block.sums - np.outer(values, block.weights))
        weights_G[at] += share * block.weights
        df_G[at] = np.minimum(df_G[at], block.names.size - 1)
    sums_RG += np.outer(np.asarray(shares) @ values_BR, weights_G)
    metrics = {block.metric for block in members}
    return Block(
        name=name,
        present=np.logical_and.reduce([block.present for block in members]),
        clusters=tuple(clusters.tolist()),
        sums=sums_RG,
        weights=weights_G,
        invalid=np.average([block.invalid for block in members], axis=0, weights=shares),
        n=sum(block.n for block in members),
        chance=float(np.average([block.chance for block in members], weights=shares)),
        metric=metrics.pop() if len(metrics) == 1 else MIXED,
        df=df_G,
    )
