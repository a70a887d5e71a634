"""The numbers that the paper prints for its sweep, and what a claim's rule makes of them.

Model: `published.csv` holds Table 5 as points: text share, column, value as a fraction, where it
was read, what it is. They are single runs without items, so that no interval or verdict follows:
a claim's value on them is a point to lay beside ours. A range is taken over the shares that the
table has. The table was read second hand: its arithmetic is consistent (the vision average is the
mean of its four columns to .05 points), the page itself was not seen.
Not here: drawing them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.contrasts import Weighted, cliff, pairs, slope

_FILE = Path(__file__).with_suffix(".csv")
# The experiment whose cells are the table's rows.
SWEEP = "sweep"

Points = Mapping[float, float]


@cache
def published() -> pd.DataFrame:
    """Return the table: share (0 to 1), column, value (fraction), source, kind."""
    return pd.read_csv(_FILE)


def points(column: str) -> dict[float, float]:
    """Return value by text share of a benchmark or average; empty where it is not printed."""
    table = published()
    rows = table[table["column"] == column]
    return dict(zip(map(float, rows["share"]), map(float, rows["value"]), strict=True))


def published_value(claim: Mapping[str, Any]) -> float:
    """Return a resolved claim's value on the printed points.

    NaN where it cannot be computed: another experiment, a score or share that is not printed, a
    model that is not tuned.
    """
    asked = claim["asked"]
    if asked["experiment"] != SWEEP or asked["rule"] == "token_ratio":
        return math.nan
    if asked["rule"] == "interaction":
        first, second = (_side(asked[key], asked["score"]) for key in ("first", "second"))
        return first - second
    found = points(asked["score"])
    if "contrast" in asked:
        return _difference(asked["contrast"], found)
    low, high = (asked["range"][key] for key in ("low", "high"))
    inside = [share for share in sorted(found) if low <= share <= high]
    if len(inside) < 2:
        return math.nan
    if asked["rule"] == "plateau":
        return max(abs(_sum(pair, found)) for pair in pairs(inside))
    if asked["rule"] == "cliff":
        return _sum(cliff(asked["edge"], inside), found)
    return _sum(slope(inside), found)


def _side(side: Mapping[str, Any], score: str) -> float:
    if "measure" in side:  # the paper prints one measure
        return math.nan
    return _difference(side["contrast"], points(side.get("score", score)))


def _difference(contrast: Mapping[str, Any], found: Points) -> float:
    both = [contrast[key] for key in ("plus", "minus")]
    if any("share" not in one or one.get("experiment", SWEEP) != SWEEP for one in both):
        return math.nan
    plus, minus = (one["share"] for one in both)
    return _sum([(1.0, plus), (-1.0, minus)], found)


def _sum(weighted: Weighted, found: Points) -> float:
    """The weighted sum of points; NaN where one is not printed."""
    return sum(weight * found.get(share, math.nan) for weight, share in weighted)
