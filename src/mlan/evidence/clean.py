"""Scores on the items of which nothing stands in what the cell's model has learnt from.

Model: an item is taken out for a cell if any source that the cell has seen holds its question or
its picture, exactly or nearly; cells with other sources keep other items. Everything else is
computed as for all items. What a pretrained or published model learnt before is not known, so
nothing is taken out for it. Not here: how matches are found (`mlan.data.contamination`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.evidence.blocks import NAMES, Run
from mlan.records import checked, read_checked

Row = dict[str, Any]
Items = frozenset[tuple[str, str]]  # benchmark, item

PAIRS = [
    *("source", "benchmark", "part", "items"),
    *("exact_text", "near_text", "exact_image", "near_image", "fraction"),
]
_KEY = ("cell", "seed", *NAMES, "metric")


def read_pairs(folder: Path | None) -> pd.DataFrame:
    """Return the counts of matches by source, benchmark and part; none without a folder."""
    if folder is None:
        return pd.DataFrame(columns=PAIRS)
    return pd.read_csv(checked(folder / "pairs.csv"), keep_default_na=False)[PAIRS]


def read_matches(folder: Path | None) -> dict[str, Items]:
    """Return the items that each source holds; empty without a folder."""
    if folder is None:
        return {}
    found = read_checked(folder / "items.parquet")
    return {
        str(source): frozenset(zip(rows["benchmark"], rows["item"], strict=True))
        for source, rows in found.groupby("source")
    }


def clean_scores(
    scores: Iterable[Row],
    runs: list[Run],
    matches: Mapping[str, Items],
    score: Callable[[list[Run], Items], Iterable[Row]],
) -> Iterable[Row]:
    """Yield each run's scores without the items that its sources hold, and how many those are.

    `scores` are those of all items, `score` computes those of some runs without some items. A
    benchmark of which nothing is left has no row, nor has an average that it belongs to.
    """
    of_run: dict[tuple[str, int], list[Row]] = {}
    for row in scores:
        of_run.setdefault((row["cell"], row["seed"]), []).append(row)
    sizes = {_key(row): row["n"] for rows in of_run.values() for row in rows}
    removed: dict[Items, list[Run]] = {}
    for run in runs:
        own = frozenset[tuple[str, str]]().union(*(matches.get(s, ()) for s in run.cell.seen))
        removed.setdefault(own, []).append(run)
    for items, own_runs in removed.items():
        if items:
            of_run |= {(run.cell.name, run.seed): [] for run in own_runs}
            for row in score(own_runs, items):
                of_run[row["cell"], row["seed"]].append(row)
    for run in runs:
        for row in of_run.get((run.cell.name, run.seed), []):
            yield {**row, "removed": sizes[_key(row)] - row["n"]}


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)
