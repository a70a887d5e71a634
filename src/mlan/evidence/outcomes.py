"""The outcomes of runs as they are read: what was asked once, what was answered run by run.

Model: a run's table has one row per item, condition and scorer. The runs of a study are asked the
same, so the names of the rows (benchmark, part, condition, scorer, parser, item, cluster) are laid
out once and serve every run whose table names its rows in the same order; a run then costs the
reading of its numbers. Not here: whether runs that are laid out apart agree (`blocks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlan.errors import DataError
from mlan.records import checked

KEYS = ("benchmark", "part", "condition", "scorer", "parser")
# What a row is called, and what metrics other than accuracy ask of it.
_NAMES = (*KEYS, "item", "cluster")
_TOLD = ("category", "pair", "gold", "read")
_NUMBERS = ("correct", "invalid", "chance")

Name = tuple[str, ...]  # benchmark, part, condition, scorer, parser
Items = Set[tuple[str, str]]  # benchmark, item
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Place:
    """Where the N outcomes of one benchmark, part, condition, scorer and parser stand in a table.

    `rows` (N) follow `items` (N, sorted); `code` (N) is an item's place among `clusters` (G,
    distinct, sorted).
    """

    rows: NDArray[np.int64]
    items: NDArray[np.str_]
    code: NDArray[np.int64]
    clusters: NDArray[np.str_]


Layout = Mapping[Name, Place]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One run's table, names as categoricals, and where what stands in it."""

    table: pd.DataFrame
    layout: Layout

    def column(self, name: Name, column: str) -> Array:
        """Return numbers (N) in the order of the place's items."""
        values = self.table[column].to_numpy()[self.layout[name].rows]
        return np.asarray(values, dtype=np.float64)

    def frame(self, name: Name) -> pd.DataFrame:
        """Return the rows of a place, names as text, in the order of its items."""
        found = self.table.iloc[self.layout[name].rows].reset_index(drop=True)
        texts = [column for column in (*_TOLD, "item", "cluster") if column in found]
        return found.astype(dict.fromkeys(texts, "object"))


@dataclass
class Reader:
    """Reads runs' tables without the items of `without`.

    `told` adds the columns that metrics other than accuracy need, and log P(yes) - log P(no).
    """

    without: Items = frozenset()
    told: bool = False
    _known: list[tuple[pd.DataFrame, Layout]] = field(default_factory=list)

    def read(self, scores: Path, whose: str) -> Outcomes:
        """Return the outcomes of a run's folder `scores`; `whose` names the run in messages.

        Raises IntegrityError, and DataError for a credit that is no number from 0 to 1.
        """
        texts = [*_NAMES, *(_TOLD if self.told else ())]
        numbers = [*_NUMBERS, *(("yes_score",) if self.told else ())]
        table = pd.read_parquet(
            checked(scores / "items.parquet"), columns=[*texts, *numbers], read_dictionary=texts
        )
        _refuse_no_credit(table, whose)
        names = table[list(_NAMES)]
        for known, layout in self._known:
            if _equal(known, names):
                return Outcomes(table, layout)
        layout = _laid_out(names, self.without)
        self._known.append((names, layout))
        return Outcomes(table, layout)


def _refuse_no_credit(table: pd.DataFrame, whose: str) -> None:
    correct = table["correct"].to_numpy(dtype=np.float64)
    for place in np.flatnonzero(~((correct >= 0) & (correct <= 1)))[:1]:
        row = table.iloc[place]
        raise DataError(
            f"scores of {whose}: item {row['item']!r} of {row['benchmark']} "
            f"({'/'.join(map(str, row[list(KEYS[1:])]))}) has the credit {row['correct']}, "
            "which is no number from 0 to 1; score that run again"
        )


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables of categoricals name the same rows in the same order."""
    return len(one) == len(other) and all(
        one[name].cat.categories.equals(other[name].cat.categories)
        and np.array_equal(one[name].cat.codes, other[name].cat.codes)
        for name in one
    )


def _laid_out(names: pd.DataFrame, without: Items) -> dict[Name, Place]:
    """Sort the rows by key and item, and cut them where the key changes."""
    key = np.zeros(len(names), dtype=np.int64)
    for column in KEYS:
        key = key * max(1, len(names[column].cat.categories)) + names[column].cat.codes.to_numpy()
    items, item = _ranked(names["item"])
    clusters, cluster = _ranked(names["cluster"])
    order = np.lexsort((item, key))
    if without:
        named = pd.MultiIndex.from_frame(names[["benchmark", "item"]].astype("object"))
        order = order[~named.isin(list(without))[order]]
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    found = {}
    for rows in np.split(order, cuts) if order.size else []:
        name = tuple(str(names[column].iat[rows[0]]) for column in KEYS)
        used, code = np.unique(cluster[rows], return_inverse=True)
        found[name] = Place(rows, items[item[rows]], code, clusters[used])
    return found


def _ranked(column: pd.Series[Any]) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """The distinct texts of a categorical, sorted, and the place of each row among them."""
    texts = np.asarray(column.cat.categories, dtype="str")
    order = np.argsort(texts, kind="stable")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    return texts[order], rank[column.cat.codes.to_numpy()]


def same_questions(name: Name, own: Place, first: Place, runs: Sequence[str]) -> None:
    """Refuse a run that was not asked what the first one was; `runs` names it and the first.

    Raises DataError naming the item, and the run that lacks it or holds it twice.
    """
    if own is first:
        return
    for place, other, whose in ((own, first, runs[0]), (first, own, runs[1])):
        for item in np.setdiff1d(other.items, place.items)[:1]:
            _refuse_count(name, str(item), 0, whose)
    different = own.clusters[own.code] != first.clusters[first.code]
    for item in own.items[different][:1]:
        raise DataError(f"item {str(item)!r} of {name[0]} has different clusters in different runs")


def once(name: Name, place: Place, whose: str) -> None:
    """Refuse a run that holds an item of a place several times. Raises DataError."""
    for row in np.flatnonzero(place.items[1:] == place.items[:-1])[:1]:
        item = str(place.items[row])
        _refuse_count(name, item, int((place.items == item).sum()), whose)


def _refuse_count(name: Name, item: str, count: int, whose: str) -> None:
    raise DataError(
        f"scores of {whose}: item {item!r} of {name[0]} ({'/'.join(name[1:])}) stands {count} "
        "times, once in other runs; score that run again"
    )
