"""Stage `score`: the predictions of one run become one outcome per item, condition and scorer.

Generation under the strict, the lenient and the benchmark's official parser, and the likeliest
option, which a free answer does not have. Joined by item id; anything missing, doubled, unknown or
of the wrong length is an error, so that a mean never stands on fewer items than it says.
Not here: any average but the few facts of the record; numbers are derived on read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlan.config.evaluate import SCORERS
from mlan.data.items import read_items
from mlan.data.tables import rows_of
from mlan.errors import DataError
from mlan.records import read_checked, write_parquet
from mlan.score.metrics import accuracy, invalid_rate
from mlan.score.outcomes import Asked
from mlan.score.rules import RULES
from mlan.stage import Job

COLUMNS = [
    *("benchmark", "modality", "part", "condition", "item", "cluster", "category", "pair"),
    *("scorer", "parser", "gold", "read", "correct", "invalid", "chance", "yes_score"),
]
_OF_ITEM = ("cluster", "category", "pair")


@dataclass(frozen=True)
class Scored:
    """Outcomes of one benchmark, and what the record should say about them.

    `ties` counts predictions whose largest option score is shared by several options;
    `not_ended` counts answers cut off by the token limit.
    """

    frame: pd.DataFrame
    ties: int
    not_ended: int


def score_run(job: Job) -> None:
    """Write `items.parquet` of one run: one row per benchmark, item, condition and scorer.

    Inputs: `predictions` and `items:<benchmark>` for every benchmark of the identity.
    Raises DataError (the first offending item is named) and IntegrityError.
    """
    frames, facts = [], {}
    for name, entry in sorted(job.identity["benchmarks"].items()):
        items = read_items(job.inputs[f"items:{name}"])
        predictions = read_checked(job.inputs["predictions"] / f"{name}.parquet")
        scored = score_benchmark(name, entry, items, predictions)
        frames.append(scored.frame)
        facts[name] = _facts(scored)
    if not frames:
        raise DataError("score: the study names no benchmark")
    path = job.out / "items.parquet"
    write_parquet(path, pd.concat(frames, ignore_index=True))
    job.finish([path], facts=facts)


def score_benchmark(
    name: str, entry: Mapping[str, Any], items: pd.DataFrame, predictions: pd.DataFrame
) -> Scored:
    """Join predictions to their items and judge each under every scorer.

    `entry` is the benchmark's in the identity: its modality, its rule (`RULES`) unless it has
    none, and its scorers unless they are the default ones. Row order follows part, condition, item
    order and scorer, whatever the order of `predictions`; ties are counted.
    """
    joined = _joined(name, items, predictions)
    official = RULES[entry["rule"]].official if "rule" in entry else None
    scorers = entry.get("scorers", SCORERS)
    asked = [Asked(name, row, scorers) for row in rows_of(joined)]
    found = [(n, outcome) for n, one in enumerate(asked) for outcome in one.outcomes(official)]
    place, outcomes = [n for n, _ in found], [outcome for _, outcome in found]
    frame = joined.iloc[place].reset_index(drop=True)
    frame = frame.assign(
        benchmark=name,
        modality=entry["modality"],
        gold=[asked[n].gold for n in place],
        chance=[asked[n].chance for n in place],
        scorer=[outcome.scorer for outcome in outcomes],
        parser=[outcome.parser for outcome in outcomes],
        read=[outcome.reading.read or "" for outcome in outcomes],
        correct=[outcome.reading.credit for outcome in outcomes],
        invalid=[outcome.reading.read is None for outcome in outcomes],
        yes_score=[outcome.yes_score for outcome in outcomes],
    )
    ties = sum(one.tied for one in asked)
    return Scored(frame[COLUMNS], ties, int((~joined["ended"].astype(bool)).sum()))


def _joined(name: str, items: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """One row per prediction with its item's columns, in a fixed order, all checks passed."""
    place = pd.Series(np.arange(len(items)), index=items["id"])
    _refuse(name, "items", items["id"], items["id"].duplicated(), "stands twice")
    of, keys = predictions["item"], ["item", "condition"]
    _refuse(name, "predictions", of, ~of.isin(items["id"]), "is no item of the benchmark")
    _refuse(name, "predictions", of, predictions.duplicated(keys), "is predicted twice")
    predictions = predictions.assign(_place=of.map(place))
    row = items.iloc[predictions["_place"].to_numpy(dtype=np.int64)].reset_index(drop=True)
    predictions = predictions.reset_index(drop=True)
    wrong_part = predictions["part"] != row["part"]
    _refuse(name, "predictions", predictions["item"], wrong_part, "has another part than its item")
    _refuse_missing(name, items, predictions)
    own = row[["form", "question", "options", "golds", *_OF_ITEM]].fillna("")
    joined = pd.concat([predictions, own], axis=1)
    return joined.sort_values(["part", "condition", "_place"], ignore_index=True)


def _refuse(name: str, table: str, ids: pd.Series, bad: pd.Series, what: str) -> None:
    if bad.any():
        first = ids[bad].iloc[0]
        raise DataError(f"{table} of {name}: item {first!r} {what} ({int(bad.sum())} in all)")


def _refuse_missing(name: str, items: pd.DataFrame, predictions: pd.DataFrame) -> None:
    """A part that is asked in a condition is asked with all its items."""
    if predictions.empty:
        raise DataError(f"predictions of {name}: empty; run the prediction again")
    for (part, condition), asked in predictions.groupby(["part", "condition"]):
        due = items["id"][items["part"] == part]
        what = f"has no prediction in part {part}, condition {condition}"
        _refuse(name, "predictions", due, ~due.isin(asked["item"]), what)


def _facts(scored: Scored) -> dict[str, Any]:
    """Small numbers for the record: ties, cut-off answers, accuracy and invalid rate."""
    numbers: dict[str, Any] = {}
    for keys, rows in scored.frame.groupby(["part", "condition", "parser"], sort=True):
        result = accuracy(rows["correct"], rows["cluster"])
        error = result.standard_error
        numbers["/".join(map(str, keys))] = {
            "accuracy": round(result.value, 6),
            # A record holds no NaN.
            "standard_error": None if math.isnan(error) else round(error, 6),
            "invalid_rate": round(invalid_rate(rows["invalid"]), 6),
            "n": result.n,
        }
    return {"option_ties": scored.ties, "not_ended": scored.not_ended, "scores": numbers}
