"""What scores in figures stand on: items, seeds, and what their intervals cover.

Read from intervals.csv, in the two measures that figures show side by side. Not here: any score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlan.report.page.numbers import listed
from mlan.report.summary import AVERAGES, MEASURES, Summary

_DRAWN = (MEASURES["strict"], MEASURES["option"])


def basis(summary: Summary) -> str:
    """Return the items, seeds and coverage behind the scores that figures show, as a sentence."""
    cells = [cell.name for cell in summary.tuned]
    averages, single = [*AVERAGES.values()], [one.name for one in summary.benchmarks]
    told = {
        words: [
            row
            for key in _DRAWN
            for group in groups
            for cell in cells
            if (row := summary.interval(group, key, cell))
        ]
        for words, groups in (("an average", averages), ("a benchmark", single))
    }
    rows = [row for found in told.values() for row in found]
    if not rows:
        return ""
    sizes = [f"{_span(found, 'n')} items {words}" for words, found in told.items() if found]
    seeds = _span(rows, "seeds")
    covers = "; ".join(dict.fromkeys(str(row["covers"]) for row in rows))
    return (
        f"{listed(sizes)}, {seeds} seed{'s' if seeds != '1' else ''}; {summary.level} intervals "
        f"cover {covers}."
    )


def _span(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    found = sorted({int(row[name]) for row in rows})
    return f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"
