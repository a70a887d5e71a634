"""What training data shares with benchmarks: a heat table of items, and scores without them.

Part `test`. A square's shade is the fraction of a benchmark's items of which a source holds the
question or the picture, exactly or nearly; the number in it says the same. Not here: how items
are found (`mlan.data.contamination`) and taken out (`mlan.evidence.clean`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mlan.report.style import FAINT, INK, SHADES, luma, new_figure, placeholder
from mlan.report.summary import MEASURES, Summary
from mlan.report.tables import (
    ABSENT,
    SCORERS,
    Table,
    columns,
    marked_name,
    row_names,
    undeciding_note,
)

TITLE = "Benchmark items that training data holds"
_PART = "test"


@dataclass(frozen=True)
class Square:
    """One source and benchmark: items of the test part, and per cent of them that it holds."""

    source: str
    benchmark: str
    items: int
    touched_pct: float


def draw_contamination(summary: Summary) -> tuple[Figure, list[Square]]:
    """Fraction of items touched, sources against benchmarks."""
    squares = [
        Square(row["source"], row["benchmark"], int(row["items"]), 100 * row["fraction"])
        for row in _shared(summary)
    ]
    if not squares:
        return placeholder(TITLE, "sources and benchmarks were not compared"), squares
    touched = sum(square.touched_pct > 0 for square in squares)
    if not touched:
        return placeholder(TITLE, _none_shared(squares)), squares
    sources = list(dict.fromkeys(square.source for square in squares))
    shown = {square.benchmark for square in squares}
    names = [b.name for b in summary.benchmarks if b.name in shown]
    figure = new_figure(1.5 + 0.24 * len(sources))
    figure.suptitle(TITLE)
    axes = figure.subplots()
    _draw_squares(axes, squares, sources, names)
    sizes = {square.benchmark: square.items for square in squares}
    axes.set_xticks(range(len(names)), [f"{name} ({sizes[name]})" for name in names])
    axes.tick_params(axis="x", labelrotation=90 if len(names) > 6 else 0)
    axes.set_yticks(range(len(sources)), sources)
    axes.set_xlabel("benchmark (items of the test part)")
    axes.set_ylabel("training source")
    axes.set_title(
        "% of a benchmark's items whose question or picture a source holds, exactly or nearly; "
        f"· is none\n{touched} of {len(squares)} pairs share an item",
        fontsize=7.5,
    )
    return figure, squares


def _none_shared(squares: Sequence[Square]) -> str:
    sources, names = ({getattr(s, name) for s in squares} for name in ("source", "benchmark"))
    return (
        f"none of {len(sources)} sources holds the question or the picture of an item of "
        f"{len(names)} benchmarks ({_PART} part), exactly or nearly"
    )


def _draw_squares(
    axes: Axes, squares: Sequence[Square], sources: Sequence[str], names: Sequence[str]
) -> None:
    grid = [[0.0] * len(names) for _ in sources]
    for square in squares:
        row, column = sources.index(square.source), names.index(square.benchmark)
        grid[row][column] = square.touched_pct
        shade = to_hex(SHADES(square.touched_pct / 100))
        text = percent_text(square.touched_pct)
        # Light ink on a dark ground.
        colour = INK if luma(shade) > 0.55 else "#ffffff"
        axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=colour)
    axes.imshow(grid, cmap=SHADES, vmin=0, vmax=100, aspect="auto")
    axes.set_xticks([x + 0.5 for x in range(len(names) - 1)], minor=True)
    axes.set_yticks([y + 0.5 for y in range(len(sources) - 1)], minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", axis="both", color="#e3e3e3")
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)


def percent_text(percent: float) -> str:
    """Return a square's number with two digits that count, never as a power of ten."""
    if not percent:
        return "·"
    return f"{percent:.0f}" if percent >= 9.95 else f"{percent:.2g}"


def contamination_table(summary: Summary) -> Table:
    """Every source and benchmark that share an item of the test part, by kind of match."""
    counts = ("items", "exact_text", "near_text", "exact_image", "near_image")
    shared = _shared(summary)
    rows = [
        (
            *(row["source"], row["benchmark"], *(str(int(row[name])) for name in counts)),
            f"{100 * row['fraction']:.1f}",
        )
        for row in shared
        if row["fraction"] > 0
    ]
    note = (
        "Items of the test part. Exact: the whole question, or the same picture. Near: 13 words "
        "in a row, or a picture that looks the same. An item may count as text and as image."
    )
    compared = f" Pairs compared: {len(shared)}." if shared else " Nothing was compared."
    return Table(
        caption="Benchmark items that training sources hold.",
        header=(
            *("source", "benchmark", "items", "text, exact", "text, near"),
            *("image, exact", "image, near", "touched (%)"),
        ),
        rows=tuple(rows),
        note=note + compared,
        words=2,
    )


def clean_table(summary: Summary) -> Table:
    """Accuracy on all items and on those that no source of the cell holds, where they differ."""
    cells = columns(summary)
    rows = []
    for scorer, label in SCORERS.items():
        for modality in ("text", "vision"):
            for name in row_names(summary, modality):
                key = MEASURES[scorer]
                found = [_clean_text(summary, name, scorer, cell.name) for cell in cells]
                clean = summary.clean_rows.get((name, key), [])
                whole = summary.scores(name, key)
                if any(row["removed"] for row in clean) or len(clean) < len(whole):
                    rows.append((marked_name(summary, name, key), label, *found))
    return Table(
        caption="Accuracy in per cent on clean items of the test part.",
        header=("benchmark", "scorer", *(cell.label for cell in cells)),
        rows=tuple(rows),
        note="Clean: items of which no source of the cell holds the question or the picture; in "
        "brackets the accuracy on all items and how many were taken out. Means over seeds. "
        f"{ABSENT}: nothing is left. Benchmarks without such items are not listed."
        + undeciding_note(summary),
        words=2,
    )


def _clean_text(summary: Summary, name: str, scorer: str, cell: str) -> str:
    key = MEASURES[scorer]
    clean, whole = (
        [row for row in rows if row["cell"] == cell]
        for rows in (summary.clean_rows.get((name, key), []), summary.scores(name, key))
    )
    if not clean:
        return ABSENT
    removed = int(clean[0]["removed"])
    return f"{_mean_pct(clean):.1f} ({_mean_pct(whole):.1f}, {removed})"


def _mean_pct(rows: Sequence[dict[str, Any]]) -> float:
    return float(100 * sum(row["value"] for row in rows) / len(rows))


def _shared(summary: Summary) -> list[dict[str, Any]]:
    return [row for row in summary.shared if row["part"] == _PART]
