"""The answer in words: rows of recommend.csv as one sentence, and what that sentence stands on.

Rows are those of one weight and one price unless said otherwise. Not here: which cells are in the
set (`mlan.evidence.recommend`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlan.evidence.intervals import ITEMS_ONLY

Row = Mapping[str, Any]

_WEIGHTS = {
    0.0: "By text alone",
    0.5: "At equal weight on vision and text",
    1.0: "By vision alone",
}


def answer(rows: Sequence[Row]) -> str:
    """Return which text shares cannot be told from the best, as a sentence."""
    best = next(row for row in rows if row["is_best"])
    kept = [row for row in rows if row["in_set"]]
    told = f"{shares_pct([best], rows)}: {worth(best)}"
    if len(kept) == len(rows):
        span = shares_pct(rows, rows)
        return (
            f"{_where(best)}, none of the {len(rows)} text shares tried ({span} of examples) can "
            f"be told from the best ({told})."
        )
    share = f"{shares_pct(kept, rows)} of examples ({currencies(kept, rows)})"
    if len(kept) == 1:
        return (
            f"{_where(best)}, a text share of {share} is better than the other "
            f"{len(rows) - 1} tried ({worth(best)})."
        )
    return f"{_where(best)}, text shares {share} cannot be told from the best ({told})."


def worth(row: Row) -> str:
    """Return the best cell's number in points, and cross-fitted."""
    fitted = row["crossfitted"]
    rest = f", {100 * fitted:.1f} cross-fitted" if math.isfinite(fitted) else ""
    return f"{value_name(row)} {100 * row['utility']:.1f}{rest}"


def value_name(row: Row) -> str:
    """Return what the cells are compared by: a score, less its price a utility."""
    return "utility" if row["price_points"] else "score"


def currencies(kept: Sequence[Row], rows: Sequence[Row]) -> str:
    """Return the share of LM tokens and of supervised tokens of some cells among all."""
    tokens = shares_pct(kept, rows, "share_of_lm_tokens")
    learnt = shares_pct(kept, rows, "share_of_supervised_tokens")
    return f"{tokens} of LM tokens, {learnt} of supervised tokens"


def shares_pct(kept: Sequence[Row], rows: Sequence[Row], column: str = "text_share") -> str:
    """Return shares as `50 to 95 %` where all that were tried between are kept, else as a list."""
    chosen = _pct(kept, column, 1)
    if _all_between(kept, rows, column):
        return f"{chosen[0]} to {chosen[-1]} %"
    *first, last = chosen
    return f"{', '.join(first)} and {last} %" if first else f"{last} %"


def shares_short(kept: Sequence[Row], rows: Sequence[Row], column: str = "text_share") -> str:
    """Return the same in whole per cent for a column of a table: `50 to 95`, `0, 75, 95`."""
    chosen = _pct(kept, column, 0)
    if _all_between(kept, rows, column):
        return f"{chosen[0]} to {chosen[-1]}"
    return ", ".join(chosen)


def is_range(kept: Sequence[float], tried: Sequence[float]) -> bool:
    """Whether shares are told by their ends: three or more, and all that were tried between them.

    Of two nothing lies between them that was tried, which `a to b` would say.
    """
    between = [share for share in tried if min(kept) <= share <= max(kept)]
    return len(kept) > 2 and len(between) == len(kept)


def _all_between(kept: Sequence[Row], rows: Sequence[Row], column: str) -> bool:
    return is_range([row[column] for row in kept], [row[column] for row in rows])


def _pct(rows: Sequence[Row], column: str, digits: int) -> list[str]:
    """The shares of some cells in per cent, rising, each once."""
    shares = sorted(row[column] for row in rows)
    return list(dict.fromkeys(f"{round(100 * share, digits):g}" for share in shares))


def _where(row: Row) -> str:
    weight, price = row["weight_vision"], row["price_points"]
    text = f"At weight {weight:g} on vision and {round(1 - weight, 6):g} on text"
    cost = f", a million LM tokens costing {points(price)}" if price else ""
    return _WEIGHTS.get(weight, text) + cost


def points(number: float) -> str:
    """Return `1 point`, `287 points`."""
    return f"{number:g} point" + ("" if number == 1 else "s")


def basis(rows: Sequence[Row], confidence: float) -> list[str]:
    """Return what the set stands on, a sentence each: error, seeds, currency of its guarantee."""
    covers = " / ".join(dict.fromkeys(str(row["covers"]) for row in rows))
    lines = [
        f"The best of the shares tried is in the set with {100 * confidence:g} % confidence over "
        f"{covers}; {_counts(row['seeds'] for row in rows)}; each weight and price by itself."
    ]
    if ITEMS_ONLY in covers:
        lines.append("One seed: how much another seed would change is not known.")
    return [*lines, *_holes(rows)]


def _holes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield why a cell is out that scores above one in the set, if there is any."""
    kept = [row for row in rows if row["in_set"]]
    lowest = min(row["utility"] for row in kept)
    out = [row for row in rows if not row["in_set"] and row["utility"] > lowest]
    if out:
        below = [r for r in kept if r["utility"] < max(row["utility"] for row in out)]
        yield (
            f"{shares_pct(out, rows)} is out though its {value_name(out[0])} is above that of "
            f"{shares_pct(below, rows)}: it lacks less to a better share, but does so more "
            "steadily over seeds and items."
        )


def _counts(seeds: Iterable[int]) -> str:
    found = sorted(set(seeds))
    span = f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"
    return f"{span} seed" + ("" if span == "1" else "s")
