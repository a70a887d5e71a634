"""Averages under other weights than equal ones: their table, and whether the best cell is another.

Model: sensitivity.csv has every average, weighting and cell with its rank among the curve's cells;
it is told as it stands. Equal weights are those of every claim and of the answer. Not here: the
weights and values (`mlan.evidence.sensitivity`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlan.report.summary import Summary
from mlan.report.tables import ABSENT, Table, score_text

TITLE = "Averages under other weights of the benchmarks"
WEIGHTINGS = {"equal": "equal weights", "chance_corrected": "above chance", "signal": "by signal"}
EQUAL = "equal"
BEST = " *"
Row = Mapping[str, Any]
_EXPLAINED = (
    "Weight: what a point on a benchmark counts, in per cent of all. Equal weights are those of "
    "all claims and of the answer. Above chance: of each benchmark the part of what guessing "
    "leaves, which is another unit; order and weights stay where all have one chance. By signal: "
    "weights are the range of the curve's means over the noise of seeds, computed from these very "
    "scores and taken as given, so that they favour what happened to differ. *: highest mean of "
    "the curve, which need not be significantly so."
)


@dataclass(frozen=True)
class Weighed:
    """One average under one weighting: value and rank by cell, weight by benchmark.

    All are empty where the weighting is undefined; `why` says why in words.
    """

    score: str
    weighting: str
    values: Mapping[str, Mapping[str, float]]
    ranks: Mapping[str, int]
    weights: Mapping[str, float]
    why: str

    @property
    def best(self) -> tuple[str, ...]:
        """The cells of the highest mean; several where they are equal."""
        return tuple(cell for cell, rank in self.ranks.items() if rank == 1)


def weighed(rows: Iterable[Row]) -> list[dict[str, Weighed]]:
    """Return every average's weightings by name, of rows of sensitivity.csv, parsed or as text."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(row["score"], {}).setdefault(row["weighting"], []).append(row)
    return [
        {weighting: _weighed(score, weighting, own) for weighting, own in weightings.items()}
        for score, weightings in found.items()
    ]


def _weighed(score: str, weighting: str, rows: Sequence[Row]) -> Weighed:
    if why := _text(rows[0]["why"]):
        return Weighed(score, weighting, {}, {}, {}, why)
    names, weights = (_text(rows[0][name]).split(";") for name in ("benchmarks", "weights"))
    return Weighed(
        score=score,
        weighting=weighting,
        values={r["cell"]: {n: _number(r[n]) for n in ("value", "low", "high")} for r in rows},
        ranks={r["cell"]: int(float(r["rank"])) for r in rows if _text(r["rank"])},
        weights=dict(zip(names, map(float, weights), strict=True)),
        why="",
    )


def _text(value: object) -> str:
    """A field as text; an empty one is NaN where the table was parsed."""
    return "" if value != value else str(value)


def _number(value: object) -> float:
    return float(_text(value) or "nan")


def sensitivity_table(summary: Summary) -> Table:
    """Weights of the benchmarks, then averages of the cells, a column a weighting."""
    found = weighed(_records(summary))
    rows: list[tuple[str, ...]] = []
    blocks: list[int] = []
    for own in found:
        for part in (_weight_rows(own), _value_rows(summary, own)):
            if part and rows:
                blocks.append(len(rows))
            rows += part
    undefined = [f"{one.why}." for own in found for one in own.values() if one.why]
    half = f"±: half of the {summary.level} interval with these weights."
    return Table(
        caption=f"{TITLE} (per cent), a sensitivity: claims use equal weights.",
        header=("average", "of", *WEIGHTINGS.values()),
        rows=tuple(rows),
        note=" ".join([robustness(_records(summary), summary), half, _EXPLAINED, *undefined])
        if rows
        else "Empty: averages under other weights were not computed.",
        words=2,
        blocks=tuple(blocks),
    )


def _records(summary: Summary) -> list[Row]:
    rows = summary.evidence.sensitivity.to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def _weight_rows(own: Mapping[str, Weighed]) -> list[tuple[str, ...]]:
    first = own[EQUAL]
    return [
        (first.score, f"weight of {name}", *(_weight(own.get(w), name) for w in WEIGHTINGS))
        for name in first.weights
    ]


def _weight(one: Weighed | None, benchmark: str) -> str:
    weight = one.weights.get(benchmark, math.nan) if one else math.nan
    return f"{100 * weight:.1f}" if math.isfinite(weight) else ABSENT


def _value_rows(summary: Summary, own: Mapping[str, Weighed]) -> list[tuple[str, ...]]:
    first = own[EQUAL]
    return [
        (first.score, cell.label, *(_value(summary, own.get(w), cell.name) for w in WEIGHTINGS))
        for cell in summary.cells
        if cell.name in first.values
    ]


def _value(summary: Summary, one: Weighed | None, cell: str) -> str:
    if one is None:
        return ABSENT
    text = score_text(dict(one.values[cell]) if cell in one.values else None, summary.confidence)
    return f"{text}{BEST}" if cell in one.best else text


def robustness(rows: Iterable[Row], summary: Summary) -> str:
    """Return whether the best cell and the order of the curve are the same under other weights.

    A sentence made of rows of sensitivity.csv, of those weights that are defined for some average;
    empty where no average has two cells to compare.
    """
    labels = {cell.name: cell.label for cell in summary.cells}
    found = [own for own in weighed(rows) if len(own[EQUAL].ranks) > 1]
    ways = [w for w in WEIGHTINGS if any(w in own and not own[w].why for own in found)]
    told = "; ".join(_told([own[w] for w in ways if w in own], labels) for own in found)
    return f"With benchmarks weighed {_either(ways)}, {told}." if told else ""


def _either(ways: Sequence[str]) -> str:
    """Weightings as they follow `weighed`: `equally, above chance or by signal`."""
    *first, last = ("equally" if way == EQUAL else WEIGHTINGS[way] for way in ways)
    return f"{', '.join(first)} or {last}" if first else last


def _told(own: Sequence[Weighed], labels: Mapping[str, str]) -> str:
    """What the weightings of one average say of its best cell."""
    defined = [one for one in own if not one.why]
    places: dict[str, list[str]] = {}
    for one in defined:
        best = " and ".join(label for cell, label in labels.items() if cell in one.best)
        places.setdefault(best, []).append(WEIGHTINGS[one.weighting])
    if len(places) > 1:
        where = " or ".join(f"{best} ({', '.join(under)})" for best, under in places.items())
    else:
        where = f"{next(iter(places))}{_order(defined)}"
    missing = [WEIGHTINGS[one.weighting] for one in own if one.why]
    undefined = f" (undefined: {', '.join(missing)})" if missing else ""
    return f"the {own[0].score} is highest at {where}{undefined}"


def _order(defined: Sequence[Weighed]) -> str:
    """Whether weightings that agree on the best cell agree on all; empty of one alone."""
    if len(defined) == 1:
        return ""
    same = all(dict(one.ranks) == dict(defined[0].ranks) for one in defined)
    return ", all cells in the same order" if same else ", the others in another order"
