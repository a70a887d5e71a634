"""Where the averages lie, in a sentence each: least and most text, the highest, what they beat.

Values and intervals are those of intervals.csv; whether the shares differ is what signal.csv says
of the whole curve: its p value alone, with what speaks against the size of the difference (one
seed, little beside what a seed does). Not here: which share is best (`answer`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mlan.report.page.evidence import Row, is_true, number
from mlan.report.page.measured import other_scorer, words
from mlan.report.page.numbers import PERCENT, SPACE, p_equation, plain
from mlan.report.summary import AVERAGES, Cell, Key, Summary
from mlan.report.tables import score_text

Level = tuple[Cell, dict[str, Any]]


def levels(summary: Summary, key: Key, signal: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Yield (`Text average`, sentences) for every average that two cells of the curve have."""
    other = other_scorer(key)
    for group in AVERAGES.values():
        own = curve(summary, group, key)
        if len(own) > 1:
            differ = _differ(signal, group, key, summary.confidence)
            said = [f"{_ends(summary, own, highest=True)}; {differ}."]
            if len(beside := curve(summary, group, other)) > 1:
                differ = _differ(signal, group, other, summary.confidence)
                found = f"{_ends(summary, beside)}; {differ}."
                said.append(f"With {words(other.scorer, other.parser)}: {found}")
            said += _compared(summary, group, key)
            yield f"{group[:1].upper()}{group[1:]}", " ".join(said)


def curve(summary: Summary, group: str, key: Key) -> list[Level]:
    """Return the cells of the curve that have a value, by share, with their intervals."""
    cells = [cell for cell in summary.tuned if cell.place == "curve"]
    found = [(cell, summary.interval(group, key, cell.name)) for cell in cells]
    return [(cell, row) for cell, row in found if row is not None]


def _ends(summary: Summary, own: Sequence[Level], *, highest: bool = False) -> str:
    """The values at both ends; with `highest` also that of the best cell, if it is neither."""
    first, last = own[0], own[-1]
    best = max(own, key=lambda level: float(level[1]["value"]))
    top = f", highest {_at(summary, best)}" if highest and best not in (first, last) else ""
    return f"{_at(summary, first)} text, {_at(summary, last)}{top}"


def _at(summary: Summary, level: Level) -> str:
    cell, row = level
    return f"{_score(summary, row)} at {_tied(cell.label)}"


def _score(summary: Summary, row: dict[str, Any]) -> str:
    return f"{_tied(score_text(row, summary.confidence))}{PERCENT}"


def _tied(text: str) -> str:
    """A number on one line with its unit and error."""
    return text.replace(" ", SPACE)


def tells_apart(row: Row, confidence: float) -> bool:
    """Whether a row of signal.csv tells the cells of its curve apart, however little they differ.

    `decides` there asks more: that the difference is large beside what a seed does, which nobody
    knows of one seed.
    """
    return number(row["p"]) <= 1 - confidence


def _differ(signal: Sequence[Row], group: str, key: Key, confidence: float) -> str:
    """Whether the shares of a curve were told apart, by all of them at once."""
    asked = (group, key.scorer, key.parser)
    rows = [r for r in signal if (r["benchmark"], r["scorer"], r["parser"]) == asked]
    if not rows:
        return "whether they differ was not tested"
    row, p = rows[0], number(rows[0]["p"])
    if math.isnan(p):
        return f"no difference shown ({row['why']})"
    if not tells_apart(row, confidence):
        return f"no difference shown ({_tied(p_equation(p))})"
    but = "" if is_true(row["decides"]) else f"; {row['why']}"
    return f"the shares differ ({_tied(p_equation(p))}{but})"


def _compared(summary: Summary, group: str, key: Key) -> Iterator[str]:
    """The model before tuning, and guessing."""
    before = [cell for cell in summary.cells if cell.place == "untuned"]
    rows = [row for cell in before if (row := summary.interval(group, key, cell.name))]
    parts = []
    if len(rows) == 1:
        parts.append(f"before tuning {_score(summary, rows[0])}")
    chance = {float(row["chance"]) for _, row in curve(summary, group, key)}
    if len(chance) == 1 and (only := chance.pop()) == only:  # NaN where answers are free
        parts.append(f"by guessing {plain(100 * only, 0)}{PERCENT}")
    if parts:
        said = ", ".join(parts)
        yield f"{said[:1].upper()}{said[1:]}."
