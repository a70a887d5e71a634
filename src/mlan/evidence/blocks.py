"""The outcomes of all runs as arrays: one block per benchmark or group, condition and scorer.

Model: every run answers the same items, so a block is one array of weighted sums of correct
answers per run and cluster. Runs that do not exist are absent rows: a partial grid has fewer
of them, and nothing is filled in. Not here: what is computed from a block (`collect`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlan.errors import DataError
from mlan.evidence.groups import Group, groups
from mlan.records import checked

Array = NDArray[np.float64]

NAMES = ("benchmark", "modality", "part", "condition", "scorer", "parser")
_KEYS = ["benchmark", "part", "condition", "scorer", "parser"]
# In the order in which a table lists them.
_PARSERS = ("strict", "lenient", "official", "argmax", "sum", "per_byte", "per_token")
# What blocks are made of; the stage's table holds more.
_COLUMNS = [*_KEYS, "item", "cluster", "correct", "invalid", "chance"]


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


@dataclass(frozen=True)
class Run:
    """A finished run: its cell, seed and folders."""

    cell: Cell
    seed: int
    scores: Path
    mixture: Path | None


@dataclass(frozen=True)
class Block:
    """Outcomes of all runs on one benchmark or group under one part, condition and scorer.

    Axes: R runs in the order of the grid, G clusters. `weights` (G) sums to 1 and is the same
    for all runs; `sums` (R, G) / `weights` are cluster accuracies; `invalid` (R) is the invalid
    rate; `metric` names the number that the sums add up to. Rows of runs that are not `present`
    (R) hold zeros and must not be read. `n` counts items, `chance` is the expected score of
    guessing, NaN where answers are free.
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

    @cached_property
    def labels(self) -> dict[str, str]:
        """The identifying columns of every table."""
        return dict(zip(NAMES, self.name, strict=True))


def read_blocks(
    runs: list[Run],
    benchmarks: Mapping[str, Mapping[str, Any]],
    without: Set[tuple[str, str]] = frozenset(),
) -> list[Block]:
    """Read the scores of all runs: every benchmark's blocks, then every group's, in a fixed order.

    `benchmarks` maps a name to its modality, taught_by and headline; items (benchmark, item) of
    `without` are left out. Raises DataError for an unknown benchmark and where runs differ in
    their items or clusters; IntegrityError.
    """
    frame = pd.concat(
        [read_outcomes(run.scores, _COLUMNS, without).assign(run=i) for i, run in enumerate(runs)],
        ignore_index=True,
    )
    single = []
    for keys, rows in frame.groupby(_KEYS, sort=False, observed=True):
        benchmark, *rest = map(str, keys)
        if benchmark not in benchmarks:
            raise DataError(f"scores name {benchmark!r}, which is no benchmark of the study")
        name = (benchmark, benchmarks[benchmark]["modality"], *rest)
        single.append(_block(name, rows, runs))
    single.sort(key=_order)
    averages = [_average(g, single) for g in groups(benchmarks)]
    return [*single, *(block for found in averages for block in found)]


def read_outcomes(
    scores: Path,
    columns: list[str] | None = None,
    without: Set[tuple[str, str]] = frozenset(),
) -> pd.DataFrame:
    """Return a run's outcomes, or some of their columns, but not those of items of `without`.

    Raises IntegrityError.
    """
    frame = pd.read_parquet(checked(scores / "items.parquet"), columns=columns)
    if not without:
        return frame
    named = pd.MultiIndex.from_frame(frame[["benchmark", "item"]])
    return frame[~named.isin(list(without))]


def _order(block: Block) -> tuple[Any, ...]:
    benchmark, _, part, condition, _, parser = block.name
    return benchmark, part, condition, _PARSERS.index(parser)


def _block(name: tuple[str, ...], rows: pd.DataFrame, runs: list[Run]) -> Block:
    """Arrange one benchmark's outcomes; every run present must hold every item exactly once."""
    item, items = pd.factorize(rows["item"], sort=True)
    run = rows["run"].to_numpy(dtype=np.int64)
    shape = (len(runs), len(items))
    place = run * shape[1] + item
    count_RI = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)
    present_R = np.asarray(count_RI.sum(axis=1) > 0)
    for r, i in np.argwhere((count_RI != 1) & present_R[:, None])[:1]:
        raise DataError(
            f"scores of {runs[r].cell.name}, seed {runs[r].seed}: item {items[i]!r} of {name[0]} "
            f"({'/'.join(name[2:])}) stands {count_RI[r, i]} times, once in other runs; "
            "score that run again"
        )
    correct_RI = np.bincount(place, rows["correct"], minlength=count_RI.size).reshape(shape)
    invalid_RI = np.bincount(place, rows["invalid"], minlength=count_RI.size).reshape(shape)
    cluster_I, clusters = _clusters(name[0], rows, item, len(items))
    sums_GR = np.zeros((len(clusters), shape[0]))
    np.add.at(sums_GR, cluster_I, correct_RI.T)
    return Block(
        name=name,
        present=present_R,
        clusters=clusters,
        sums=sums_GR.T / shape[1],
        weights=np.bincount(cluster_I) / shape[1],
        invalid=invalid_RI.mean(axis=1),
        n=shape[1],
        # Unknown for a free answer, and so for what holds some.
        chance=float(rows["chance"].mean(skipna=False)),
    )


def _clusters(
    benchmark: str, rows: pd.DataFrame, item: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The cluster of each item, which all runs must agree on."""
    code, names = pd.factorize(rows["cluster"], sort=True)
    of_item = np.zeros(n, dtype=np.int64)
    of_item[item] = code
    if (of_item[item] != code).any():
        wrong = rows["item"].to_numpy()[of_item[item] != code][0]
        raise DataError(f"item {wrong!r} of {benchmark} has different clusters in different runs")
    return of_item, tuple(map(str, names))


def _average(group: Group, blocks: Iterable[Block]) -> list[Block]:
    """Blocks of a group: equal weight per benchmark; a run counts if it has all of them."""
    by_key: dict[tuple[str, ...], list[Block]] = {}
    for block in blocks:
        if block.name[0] in group.members:
            by_key.setdefault(block.name[2:], []).append(block)
    return [
        _mean_block((group.name, group.modality, *key), members)
        for key, members in by_key.items()
        if len(members) == len(group.members)
    ]


def _mean_block(name: tuple[str, ...], members: list[Block]) -> Block:
    clusters = sorted({cluster for block in members for cluster in block.clusters})
    place = {cluster: i for i, cluster in enumerate(clusters)}
    sums_RG = np.zeros((members[0].sums.shape[0], len(clusters)))
    weights_G = np.zeros(len(clusters))
    for block in members:
        # A concept asked in several benchmarks is one cluster: its places are distinct within
        # a block, so plain indexing adds correctly.
        at = [place[cluster] for cluster in block.clusters]
        sums_RG[:, at] += block.sums / len(members)
        weights_G[at] += block.weights / len(members)
    return Block(
        name=name,
        present=np.logical_and.reduce([block.present for block in members]),
        clusters=tuple(clusters),
        sums=sums_RG,
        weights=weights_G,
        invalid=np.mean([block.invalid for block in members], axis=0),
        n=sum(block.n for block in members),
        chance=float(np.mean([block.chance for block in members])),
    )
