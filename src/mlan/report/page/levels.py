"""Where the averages lie, in a sentence each: least and most text, the highest, what they beat.

Values and intervals are those of intervals.csv; whether the shares differ is what signal.csv says
of the whole curve. Not here: which share is best (`answer`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlan.report.page.evidence import Row, is_true, number
from mlan.report.page.measured import other_scorer, words
from mlan.report.page.numbers import PERCENT, SPACE, p_value, plain
from mlan.report.summary import AVERAGES, Cell, Key, Summary
from mlan.report.tables import score_text

Level = tuple[Cell, dict[str, Any]]


def levels(summary: Summary, key: Key, signal: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Yield (`Text average`, sentences) for every average that two cells of the curve have."""
    other = other_scorer(key)
    for group in AVERAGES.values():
        own = curve(summary, group, key)
        if len(own) > 1:
            said = [f"{_ends(summary, own, highest=True)}; {_differ(signal, group, key)}."]
            if len(beside := curve(summary, group, other)) > 1:
                found = f"{_ends(summary, beside)}; {_differ(signal, group, other)}."
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


def _differ(signal: Sequence[Row], group: str, key: Key) -> str:
    """Whether the shares of a curve were told apart, by all of them at once."""
    asked = (group, key.scorer, key.parser)
    rows = [r for r in signal if (r["benchmark"], r["scorer"], r["parser"]) == asked]
    if not rows:
        return "whether they differ was not tested"
    p = p_value(number(rows[0]["p"]))
    told = "the shares differ" if is_true(rows[0]["decides"]) else "no difference shown"
    return f"{told} ({_tied(f'p {p}' if p.startswith('<') else f'p = {p}')})"


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
