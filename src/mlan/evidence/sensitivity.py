"""Do other weights of the benchmarks change an average, and which cell is best on it?

Model: the text and the vision average of every cell, in the study's primary measure on the test
part, under each weighting of `averages`, with the interval of that weighting, its weights taken as
given. `rank` is the place of a cell among those of the curve, 1 for the highest mean; cells of
equal rank under two weightings stand in the same order. A sensitivity decides nothing: claims and
the answer are those of equal weights. Not here: whether two cells differ (`best`, `ties`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlan.errors import DataError
from mlan.evidence.averages import EQUAL, OTHERS, Average, Averages, Weighting
from mlan.evidence.groups import MODALITIES
from mlan.evidence.intervals import Interval, interval
from mlan.evidence.results import Key

COLUMNS = [
    *("score", "scorer", "parser", "condition", "weighting", "cell", "text_share", "value", "low"),
    *("high", "seeds", "clusters", "n", "covers", "rank", "benchmarks", "weights", "why"),
]
AVERAGES = tuple(f"{modality} average" for modality in MODALITIES)


def sensitivity_rows(
    averages: Averages, key: Key, confidence: float = 0.95
) -> Iterator[dict[str, Any]]:
    """Yield the rows of sensitivity.csv (`COLUMNS`): one an average, weighting and cell.

    `weights` follow `benchmarks`, both joined by `;`. Where a weighting is undefined (one seed, no
    chance) the row has no value and `why` says it in words. Raises DataError for a confidence
    outside (0, 1).
    """
    results = averages.results
    for score in AVERAGES:
        if score not in results.groups:
            continue
        cells = [cell for cell in results.cells if results.has(cell, score, key)]
        for weighting in (EQUAL, *OTHERS):
            for row in _rows(averages, score, key, weighting, cells, confidence):
                yield {
                    "score": score,
                    "scorer": key.scorer,
                    "parser": key.parser,
                    "condition": key.condition,
                    "weighting": weighting,
                    **row,
                }


def _rows(
    averages: Averages,
    score: str,
    key: Key,
    weighting: Weighting,
    cells: Sequence[str],
    confidence: float,
) -> Iterator[dict[str, Any]]:
    shares = {cell: averages.results.cells[cell].text_share for cell in cells}
    try:
        made = averages.of(score, key, weighting)
    except DataError as error:
        yield from ({"cell": c, "text_share": shares[c], "why": str(error)} for c in cells)
        return
    found = {
        cell: interval(averages.sample(cell, score, key, weighting), confidence) for cell in cells
    }
    # Rounded, so that equal means that were added up in another order are equal.
    curve = {cell: round(found[cell].value, 12) for cell in averages.cells if cell in found}
    for cell, one in found.items():
        rank = 1 + sum(v > curve[cell] for v in curve.values()) if cell in curve else None
        row = {"cell": cell, "text_share": shares[cell], "rank": rank}
        yield {**row, **_numbers(one), **_made_of(made)}


def _numbers(found: Interval) -> dict[str, Any]:
    names = ("value", "low", "high", "seeds", "clusters", "n", "covers")
    return {name: getattr(found, name) for name in names}


def _made_of(made: Average) -> dict[str, str]:
    weights = (f"{weight:.6g}" for weight in made.weights)
    return {"benchmarks": ";".join(made.members), "weights": ";".join(weights)}
