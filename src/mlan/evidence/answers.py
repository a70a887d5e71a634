"""What answers look like, whatever they say: their length, whether they end, how often `yes`.

Model: one row a run, benchmark, part and condition, over the texts that the model wrote. Length
is counted in words (white space) and characters; an answer that did not end was cut at the limit
of new tokens. The rate of `yes` is of items whose gold answer is yes or no, as the strict parser
reads them; an answer that is neither counts as not yes. Not here: whether an answer is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.evidence.blocks import Run, read_outcomes
from mlan.records import RECORD, read_checked, read_record

COLUMNS = [
    *("cell", "seed", "benchmark", "part", "condition", "n", "words", "characters"),
    *("cut_rate", "empty_rate", "yes_rate", "gold_yes_rate", "yes_no_items"),
]
_KEYS = ["benchmark", "part", "condition"]
_YES_NO = ("yes", "no")
_NOT_ASKED = {"yes_rate": math.nan, "gold_yes_rate": math.nan, "yes_no_items": 0}


def answer_rows(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Yield what the answers of every run look like (`COLUMNS`); rates are fractions.

    Rates of yes are NaN where no item asks for yes or no. A run whose predictions are not there
    has no row. Raises IntegrityError for a file that differs from its record.
    """
    for run in runs:
        folder = run.scores.parent / "predictions"
        if not (folder / RECORD).exists():
            continue
        said = _yes(run)
        for key, shape in _shapes(folder).items():
            named = dict(zip(_KEYS, key, strict=True))
            yes = said.get(key, _NOT_ASKED)
            yield {"cell": run.cell.name, "seed": run.seed, **named, **shape, **yes}


def _shapes(folder: Path) -> dict[tuple[str, ...], dict[str, float]]:
    """Lengths by benchmark, part and condition, in the order of the files' names."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for name in sorted(read_record(folder)["outputs"]):
        if not name.endswith(".parquet"):
            continue
        answers = read_checked(folder / name)
        for (part, condition), own in answers.groupby(["part", "condition"], sort=True):
            key = (name.removesuffix(".parquet"), str(part), str(condition))
            found[key] = shape(own["text"], own["ended"])
    return found


def shape(text: pd.Series[str], ended: pd.Series[bool]) -> dict[str, float]:
    """Return number, mean words and characters of answers, and the fractions cut off and empty."""
    stripped = text.str.strip()
    return {
        "n": len(text),
        "words": float(stripped.map(lambda answer: len(answer.split())).mean()),
        "characters": float(stripped.str.len().mean()),
        "cut_rate": float(1 - ended.mean()),
        "empty_rate": float((stripped == "").mean()),
    }


def _yes(run: Run) -> dict[tuple[str, ...], dict[str, float]]:
    items = read_outcomes(run.scores, [*_KEYS, "scorer", "parser", "gold", "read"])
    strict = (items["scorer"] == "generate") & (items["parser"] == "strict")
    asked = items[strict & items["gold"].str.lower().isin(_YES_NO)]
    return {
        tuple(map(str, key)): {
            "yes_rate": float((own["read"].str.lower() == "yes").mean()),
            "gold_yes_rate": float((own["gold"].str.lower() == "yes").mean()),
            "yes_no_items": len(own),
        }
        for key, own in asked.groupby(_KEYS, sort=True)
    }
