"""Benchmarks by text share: every cell's score, with those that are tied with the best marked.

A square's shade is the score above the row's worst, as a fraction of the row's spread; the number
in it is the accuracy, bold where the cell is tied with the best of its row (ties.csv). A benchmark
that cannot tell cells apart is marked too. Part `test`, real images. Not here: ties and signal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mlan.report.style import FAINT, INK, SERIES, SHADES, luma, new_figure, placeholder
from mlan.report.summary import AVERAGES, MEASURES, Cell, Summary
from mlan.report.tables import (
    ABSENT,
    SCORERS,
    UNDECIDING,
    Table,
    not_run,
    row_names,
    row_title,
    undeciding_note,
)

TITLE = "Benchmarks by text share"
NOTHING = "no benchmark was measured on two cells of the curve"
TIED = "*"
_LINE = 145  # letters


@dataclass(frozen=True)
class GridCell:
    """One benchmark, scorer and cell of the curve; accuracies in per cent.

    `tied`: not significantly below the best of its row; unknown (None) without ties.csv.
    """

    scorer: str
    benchmark: str
    cell: str
    text_share_pct: float
    accuracy_pct: float
    below_best_pct: float
    p: float
    tied: bool | None
    decides: bool | None


def grid_cells(summary: Summary) -> list[GridCell]:
    """Return the cells of all rows with at least two scores, in the order of the scores table."""
    curve = [cell for cell in summary.tuned if cell.place == "curve"]
    found: list[GridCell] = []
    for scorer in SCORERS:
        for modality in AVERAGES:
            for name in row_names(summary, modality):
                own = [_cell(summary, scorer, name, cell) for cell in curve]
                if sum(math.isfinite(one.accuracy_pct) for one in own) > 1:
                    found += own
    return found


def _cell(summary: Summary, scorer: str, name: str, cell: Cell) -> GridCell:
    key = MEASURES[scorer]
    row = summary.interval(name, key, cell.name)
    tie = _tie(summary, scorer, name, cell.name)
    return GridCell(
        *(scorer, name, cell.name, cell.share_pct or 0.0),
        accuracy_pct=100 * row["value"] if row else math.nan,
        below_best_pct=100 * tie["below_best"] if tie else math.nan,
        p=tie["p"] if tie else math.nan,
        tied=bool(tie["tied"]) if tie else None,
        decides=summary.decides(name, key),
    )


def _tie(summary: Summary, scorer: str, name: str, cell: str) -> dict[str, Any] | None:
    key, ties = MEASURES[scorer], summary.table("ties")
    own = ties[
        (ties["benchmark"] == name)
        & (ties["cell"] == cell)
        & (ties["scorer"] == key.scorer)
        & (ties["parser"] == key.parser)
    ]
    return {str(k): v for k, v in own.iloc[0].items()} if len(own) else None


def draw_grid(summary: Summary) -> tuple[Figure, list[GridCell]]:
    """A heat table a scorer, side by side."""
    cells = grid_cells(summary)
    if not cells:
        return placeholder(TITLE, NOTHING), cells
    rows = max(len({c.benchmark for c in cells if c.scorer == s}) for s in SCORERS)
    figure = new_figure(1.75 + 0.2 * rows)
    figure.suptitle(TITLE)
    shown = [scorer for scorer in SCORERS if any(c.scorer == scorer for c in cells)]
    for axes, scorer in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        own = [c for c in cells if c.scorer == scorer]
        _draw(axes, own, summary)
        label = SERIES[scorer].label
        axes.set_title(f"{label[:1].upper()}{label[1:]}: accuracy (%)")
        axes.set_xlabel("text-only share of examples (%)")
    figure.supxlabel(_words(summary, cells), fontsize=6.5, x=0.01, ha="left")
    return figure, cells


def _names(cells: Sequence[GridCell]) -> list[str]:
    return list(dict.fromkeys(c.benchmark for c in cells))


def _words(summary: Summary, cells: Sequence[GridCell]) -> str:
    told = [f"Shade: from the row's worst (white) to its best.{_headline_note(summary)}"]
    if any(c.decides is False for c in cells):
        told.append(f"{UNDECIDING}: the benchmark cannot tell cells apart.")
    told += [_counts(summary, cells), _ties(summary, cells, "Bold, framed")]
    return fill(" ".join(told), _LINE)


def _counts(summary: Summary, cells: Sequence[GridCell]) -> str:
    """Items, seeds and what the tests cover, over all rows that are shown."""
    rows = [summary.interval(c.benchmark, MEASURES[c.scorer], c.cell) for c in cells]
    own = [row for row in rows if row is not None]
    items, seeds = (sorted({int(row[name]) for row in own}) for name in ("n", "seeds"))
    spans = ["–".join(map(str, dict.fromkeys((s[0], s[-1])))) for s in (items, seeds)]
    covers = " / ".join(sorted({str(row["covers"]) for row in own}, reverse=True))
    return f"n = {spans[0]} items a row, seeds: {spans[1]}; tests cover {covers}."


def _ties(summary: Summary, cells: Sequence[GridCell], mark: str) -> str:
    """What a tie is, and why the answer may leave out a cell that is tied here."""
    if all(c.tied is None for c in cells):
        return "Ties with the best were not computed: none is marked."
    return (
        f"{mark}: not significantly below the best of its row (all pairs of the row together, "
        f"two-sided, {summary.level}). Each pair has its own noise, so that of two like scores one "
        "may be tied. The answer (recommend) asks one-sided whether any other cell is better: it "
        "can rule out a cell that is tied here."
    )


def _headline_note(summary: Summary) -> str:
    return " †: not in the averages." if any(not b.headline for b in summary.benchmarks) else ""


def _draw(axes: Axes, cells: Sequence[GridCell], summary: Summary) -> None:
    names = _names(cells)
    shares = sorted({c.text_share_pct for c in cells})
    shades = [[math.nan] * len(shares) for _ in names]
    for cell in cells:
        row, column = names.index(cell.benchmark), shares.index(cell.text_share_pct)
        values = [c.accuracy_pct for c in cells if c.benchmark == cell.benchmark]
        shades[row][column] = shade = _shade(cell.accuracy_pct, values)
        _write(axes, cell, (column, row), shade)
    axes.imshow(shades, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(shares)), [f"{share:g}" for share in shares])
    titles = [row_title(summary, name, MEASURES[cells[0].scorer]) for name in names]
    axes.set_yticks(range(len(names)), titles, fontsize=6.5)
    axes.set_xticks([x + 0.5 for x in range(len(shares) - 1)], minor=True)
    axes.set_yticks([y + 0.5 for y in range(len(names) - 1)], minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", axis="both", color="#e3e3e3")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)


def _shade(value: float, row: Sequence[float]) -> float:
    """Place of a value between a row's worst and best, .75 at most so that ink stays readable."""
    known = [v for v in row if math.isfinite(v)]
    spread = max(known) - min(known)
    return 0.75 * (value - min(known)) / spread if spread else 0.0


def _write(axes: Axes, cell: GridCell, place: tuple[int, int], shade: float) -> None:
    if not math.isfinite(cell.accuracy_pct):
        axes.text(*place, "not\nrun", ha="center", va="center", fontsize=5, color=FAINT)
        return
    dark = luma(to_hex(SHADES(shade))) <= 0.55
    frame = {"facecolor": "none", "edgecolor": INK, "lw": 0.7, "pad": 1.2}
    axes.text(
        *place,
        f"{cell.accuracy_pct:.0f}",
        ha="center",
        va="center",
        fontsize=6.5,
        fontweight="bold" if cell.tied else "normal",
        color="#ffffff" if dark else INK,
        bbox=frame if cell.tied else None,
    )


def grid_table(summary: Summary) -> Table:
    """The same as text; a star is a tie with the best of the row."""
    cells = grid_cells(summary)
    shares = sorted({c.text_share_pct for c in cells})
    rows: list[tuple[str, ...]] = []
    blocks: list[int] = []
    for scorer, label in SCORERS.items():
        own = [c for c in cells if c.scorer == scorer]
        if rows and own:
            blocks.append(len(rows))
        for name in _names(own):
            by_share = {c.text_share_pct: c for c in own if c.benchmark == name}
            title = row_title(summary, name, MEASURES[scorer])
            rows.append((title, label, *(_text(by_share.get(share)) for share in shares)))
    missing = not_run({c.label: c.not_run for c in summary.tuned if c.place == "curve"})
    note = f"{_ties(summary, cells, TIED)} Means over seeds.{_headline_note(summary)}"
    return Table(
        caption="Accuracy in per cent on the test part by text share of examples.",
        header=("benchmark", "scorer", *(f"{share:g} %" for share in shares)),
        rows=tuple(rows),
        note=f"{note}{undeciding_note(summary)}{missing}" if rows else f"Empty: {NOTHING}.",
        words=2,
        blocks=tuple(blocks),
    )


def _text(cell: GridCell | None) -> str:
    if cell is None or not math.isfinite(cell.accuracy_pct):
        return ABSENT
    return f"{cell.accuracy_pct:.1f}{TIED if cell.tied else ''}"
