"""Score the outputs of anyone's model: items and predictions in, the benchmark's own numbers out.

An item without a prediction is wrong and invalid, and counted as missing beside every number; of
several predictions the first counts. Not here: the files (`given`), reading an answer (`parsers`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlan.data.items import offered
from mlan.errors import DataError, MlanError, nearest
from mlan.score.given import GivenItem, Predictions
from mlan.score.metrics import METRICS, Metric, chance, estimate
from mlan.score.parsers import PARSERS
from mlan.score.rule import Parser, Reading
from mlan.score.rules import RULES, Rule

OFFICIAL = "official"
COLUMNS = [
    *("item", "split", "category", "cluster", "pair", "gold", "read"),
    *("correct", "invalid", "missing", "empty", "chance"),
]


@dataclass(frozen=True)
class Judging:
    """A benchmark's rule with the parser that is asked for, and the metrics of its credits."""

    rule: Rule
    asked: str
    parser: str
    metrics: tuple[str, ...]


def judging(benchmark: str, parser: str) -> Judging:
    """Return how a benchmark is judged under a parser: `official`, or one by its name.

    Raises MlanError naming the nearest benchmark or parser.
    """
    if benchmark not in RULES:
        raise MlanError(f"benchmark = {benchmark!r}: unknown; {nearest(benchmark, RULES)}")
    rule, names = RULES[benchmark], [OFFICIAL, *PARSERS]
    if parser not in names:
        raise MlanError(f"parser = {parser!r}: unknown; {nearest(parser, names)}")
    name = rule.official if parser == OFFICIAL else parser
    return Judging(rule, parser, name, rule.further.get(name, rule.metrics))


def judge(parser: str, items: Sequence[GivenItem], predictions: Predictions) -> pd.DataFrame:
    """Return one row an item, in order, with `COLUMNS`: a frame of metrics and what is reported."""
    read: Parser = PARSERS[parser]
    rows = []
    for given in items:
        item = given.item
        text = predictions.texts.get(item.id)
        reading = Reading(None, 0.0) if text is None else read(item, text)
        # A lettered choice may come without its options, and then has no chance level either.
        answers = offered(item.form, item.options) if item.options else []
        rows.append(
            {
                "item": item.id,
                "split": given.split,
                "category": item.category,
                "cluster": item.cluster,
                "pair": item.pair,
                "gold": item.golds[0] if item.form != "brief" else "",
                "read": reading.read or "",
                "correct": reading.credit,
                "invalid": reading.read is None,
                "missing": text is None,
                "empty": text is not None and not text.strip(),
                "chance": chance([answers]) if answers else math.nan,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def refuse_gaps(items: Sequence[GivenItem], predictions: Predictions) -> None:
    """Raise DataError where an item has no prediction or several, naming the first of each."""
    lines = []
    missing = [g.item.id for g in items if g.item.id not in predictions.texts]
    if missing:
        count = f"{len(missing)} of {len(items)} in all"
        lines.append(f"{predictions.path}: item {missing[0]!r} has no prediction ({count})")
    if predictions.repeated:
        row, name = predictions.repeated[0]
        count = f"{len(predictions.repeated)} in all"
        lines.append(f"{predictions.path}: row {row}, id {name!r}: is predicted again ({count})")
    if lines:
        raise DataError(*lines)


def report(
    how: Judging, items: Sequence[GivenItem], predictions: Predictions, frame: pd.DataFrame
) -> dict[str, Any]:
    """Return the numbers of judged items as plain values; an undefined one is None.

    `metrics` holds the headline one first; `further` the same under other parsers of the rule,
    where the official one was asked for; `splits` and `categories` those of each, where given.
    """
    official = how.asked == OFFICIAL
    further = {
        name: _numbers(metrics, judge(name, items, predictions))
        for name, metrics in (how.rule.further.items() if official else ())
    }
    return {
        "benchmark": how.rule.name,
        "parser": how.asked,
        "rule": how.parser,
        "source": how.rule.source,
        "note": how.rule.note,
        "metrics": _numbers(how.metrics, frame),
        **_counts(frame),
        "duplicates": len(predictions.repeated),
        "counted": "the first of several predictions of an item; one without any is wrong, and "
        "neither yes nor no",
        "clusters": int(frame["cluster"].nunique()),
        **({"further": further} if further else {}),
        **_groups("splits", [g.split for g in items], how.metrics, frame),
        **_groups("categories", [g.category for g in items], how.metrics, frame),
    }


def _counts(frame: pd.DataFrame) -> dict[str, int]:
    """`invalid` and `empty` are counted among the answers, not among those that are missing."""
    answered = frame[~frame["missing"]]
    return {
        "n": len(frame),
        "n_predicted": len(answered),
        "invalid": int(answered["invalid"].sum()),
        "empty": int(answered["empty"].sum()),
        "missing": len(frame) - len(answered),
    }


def _groups(
    name: str, group: list[str], metrics: Sequence[str], frame: pd.DataFrame
) -> dict[str, Any]:
    if not any(group):
        return {}
    within = [metric for metric in metrics if not METRICS[metric].whole]
    found = {
        str(key): {"metrics": _numbers(within, rows), **_counts(rows)}
        for key, rows in frame.groupby(pd.Series(group, index=frame.index), sort=True)
    }
    return {name: found}


def _numbers(metrics: Sequence[str], frame: pd.DataFrame) -> dict[str, Any]:
    return {name: _number(METRICS[name], frame) for name in metrics}


def _number(metric: Metric, frame: pd.DataFrame) -> dict[str, float | None]:
    found = estimate(metric, frame)
    return {"value": _finite(found.value), "standard_error": _finite(found.standard_error)}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
