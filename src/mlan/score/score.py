"""Stage `score`: the predictions of one run become one outcome per item, condition and scorer.

Three outcomes a prediction: generation under the strict and under the lenient parser, and the
option with the largest likelihood, which a free answer does not have. Joined by item id; anything
missing, doubled, unknown or of the wrong length is an error, so that a mean never stands on fewer
items than it says.
Not here: any average but the few facts of the record; numbers are derived on read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlan.data.items import offered, read_items
from mlan.data.tables import rows_of
from mlan.errors import DataError
from mlan.records import read_checked, write_parquet
from mlan.score.answers import Judged, judge
from mlan.score.metrics import accuracy, chance, invalid_rate
from mlan.stage import Job

COLUMNS = [
    "benchmark",
    "modality",
    "part",
    "condition",
    "item",
    "cluster",
    "scorer",
    "parser",
    "correct",
    "invalid",
    "chance",
]
SCORERS = (("generate", "strict"), ("generate", "lenient"), ("label_logit", "argmax"))


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
        scored = score_benchmark(name, entry["modality"], items, predictions)
        frames.append(scored.frame)
        facts[name] = _facts(scored)
    if not frames:
        raise DataError("score: the study names no benchmark")
    path = job.out / "items.parquet"
    write_parquet(path, pd.concat(frames, ignore_index=True))
    job.finish([path], facts=facts)


def score_benchmark(
    name: str, modality: str, items: pd.DataFrame, predictions: pd.DataFrame
) -> Scored:
    """Join predictions to their items and judge each under every scorer.

    Row order follows part, condition, item order and scorer, whatever the order of
    `predictions`. An option-score tie goes to the lowest index and is counted.
    """
    joined = _joined(name, items, predictions)
    rows = [_Asked(name, row) for row in rows_of(joined)]
    judged: list[list[Judged | None]] = [
        [row.generated(lenient=False) for row in rows],
        [row.generated(lenient=True) for row in rows],
        [row.likeliest() for row in rows],
    ]
    base = joined[["part", "condition", "item", "cluster"]].assign(
        benchmark=name, modality=modality, chance=[row.chance for row in rows]
    )
    outcomes = [
        base.assign(
            scorer=scorer,
            parser=parser,
            correct=[float(found.correct) if found else math.nan for found in column],
            invalid=[found is not None and found.invalid for found in column],
        )[[found is not None for found in column]]
        for (scorer, parser), column in zip(SCORERS, judged, strict=True)
    ]
    # Stable: the scorers of one prediction stay together, in the order of SCORERS.
    frame = pd.concat(outcomes).sort_index(kind="stable").reset_index(drop=True)
    ties = sum(row.tied for row in rows)
    return Scored(frame[COLUMNS], ties, int((~joined["ended"].astype(bool)).sum()))


class _Asked:
    """One prediction with its item, checked: the answers offered and their likelihoods."""

    def __init__(self, name: str, row: dict[str, Any]) -> None:
        self._form, self._text = row["form"], str(row["text"])
        self._options, self._golds = list(row["options"]), list(row["golds"])
        self._offered = offered(self._form, self._options)
        if self._options and (len(self._golds) != 1 or self._offered.count(self._golds[0]) != 1):
            gold = self._golds[0] if len(self._golds) == 1 else self._golds
            raise DataError(
                f"items of {name}: item {row['item']!r}: gold {gold!r} is not one of "
                f"{self._offered}"
            )
        self._scores = _label_scores(name, row["item"], self._offered, row["label_scores"])
        # Nothing is guessed where nothing is offered.
        self.chance = chance([self._offered]) if self._offered else math.nan

    @property
    def tied(self) -> bool:
        """Whether several options are the likeliest."""
        return self._scores.size > 0 and int(np.sum(self._scores == self._scores.max())) > 1

    def generated(self, *, lenient: bool) -> Judged:
        """Judge the greedy answer."""
        return judge(self._form, self._text, self._options, self._golds, lenient=lenient)

    def likeliest(self) -> Judged | None:
        """Judge the likeliest option; None for a free answer."""
        if not self._offered:
            return None
        return Judged(self._offered[int(np.argmax(self._scores))] == self._golds[0], False)


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
    joined = pd.concat([predictions, row[["cluster", "form", "options", "golds"]]], axis=1)
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


def _label_scores(
    name: str, item: str, options: list[str], scores: Sequence[float] | None
) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.asarray([] if scores is None else scores, dtype=np.float64)
    if values.shape != (len(options),):
        raise DataError(
            f"predictions of {name}: item {item!r} has {values.size} option scores "
            f"for {len(options)} options"
        )
    if np.isnan(values).any():
        raise DataError(f"predictions of {name}: item {item!r} has an option score that is NaN")
    return values


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
