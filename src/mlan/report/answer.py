"""The answer in words: rows of recommend.csv as one sentence, and what that sentence stands on.

Rows are those of one weight and one price unless said otherwise. Not here: which cells are in the
set (`mlan.evidence.recommend`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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
    name = "utility" if row["price"] else "score"
    fitted = row["crossfitted"]
    rest = f", {100 * fitted:.1f} cross-fitted" if math.isfinite(fitted) else ""
    return f"{name} {100 * row['utility']:.1f}{rest}"


def currencies(kept: Sequence[Row], rows: Sequence[Row]) -> str:
    """Return the share of LM tokens and of supervised tokens of some cells among all."""
    tokens = shares_pct(kept, rows, "share_of_lm_tokens")
    learnt = shares_pct(kept, rows, "share_of_supervised_tokens")
    return f"{tokens} of LM tokens, {learnt} of supervised tokens"


def shares_pct(kept: Sequence[Row], rows: Sequence[Row], column: str = "text_share") -> str:
    """Return shares as `50 to 95 %` where no cell that was tried lies between, else as a list."""
    chosen = sorted(row[column] for row in kept)
    between = [row for row in rows if chosen[0] <= row[column] <= chosen[-1]]
    if len(chosen) > 2 and len(between) == len(chosen):
        return f"{_pct(chosen[0])} to {_pct(chosen[-1])} %"
    *first, last = dict.fromkeys(map(_pct, chosen))
    return f"{', '.join(first)} and {last} %" if first else f"{last} %"


def _pct(share: float) -> str:
    return f"{round(100 * share, 1):g}"


def _where(row: Row) -> str:
    weight, price = row["weight_vision"], row["price"]
    words = {
        0.0: "By text alone",
        0.5: "At equal weight on vision and text",
        1.0: "By vision alone",
    }
    text = f"At weight {weight:g} on vision and {round(1 - weight, 6):g} on text"
    cost = f", a million LM tokens costing {100 * price:.3g} points" if price else ""
    return words.get(weight, text) + cost


def basis(rows: Sequence[Row], confidence: float) -> list[str]:
    """Return what the set stands on, a sentence each: error, seeds, currency of its guarantee."""
    covers = " / ".join(dict.fromkeys(str(row["covers"]) for row in rows))
    lines = [
        f"The best of the shares tried is in the set with {100 * confidence:g} % confidence over "
        f"{covers}; {_counts(row['seeds'] for row in rows)}; each weight and price by itself."
    ]
    if ITEMS_ONLY in covers:
        lines.append("One seed: how much another seed would change is not known.")
    return lines


def _counts(seeds: Iterable[int]) -> str:
    found = sorted(set(seeds))
    span = f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"
    return f"{span} seed" + ("" if span == "1" else "s")
