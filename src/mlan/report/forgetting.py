"""What tuning gave and took, against each cell's model before stage 2: figure and table.

In the figure a bar goes up by the items gained and down by the items lost, so that a change of
nothing and a change of everything twice do not look alike. Part `test`, text benchmarks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mlan.report.points import seeds_text
from mlan.report.style import INK, SERIES, new_figure, placeholder
from mlan.report.summary import AVERAGES, MEASURES, Summary
from mlan.report.tables import (
    ABSENT,
    SCORERS,
    Table,
    marked_name,
    not_run,
    row_names,
    undeciding_note,
)

TITLE = "Items gained and lost in stage 2"
MODALITY = "text"
COLUMNS = 4
_PALE = 0.5


@dataclass(frozen=True)
class Change:
    """Per cent of a benchmark's items that stage 2 gained and lost, mean over `runs` seeds."""

    scorer: str
    benchmark: str
    cell: str
    text_share_pct: float
    gained_pct: float
    lost_pct: float
    net_pct: float
    n: int
    runs: int


def draw_forgetting(summary: Summary) -> tuple[Figure, list[Change]]:
    """Small multiples: every text benchmark and the average, cells of the curve."""
    found = list(_changes(summary))
    if not found:
        return placeholder(TITLE, "no run stands beside its model before stage 2"), found
    names = list(dict.fromkeys(change.benchmark for change in found))
    rows = math.ceil(len(names) / COLUMNS)
    figure = new_figure(1.2 + 1.6 * rows)
    figure.suptitle(f"{TITLE}: text benchmarks, test part")
    top = 1.08 * max(c.gained_pct for c in found) or 1.0
    bottom = -1.08 * max(c.lost_pct for c in found)
    for position, name in enumerate(names):
        axes = figure.add_subplot(rows, min(COLUMNS, len(names)), position + 1)
        own = [change for change in found if change.benchmark == name]
        _draw(axes, own)
        axes.set_ylim(bottom, top)
        axes.set_title(f"{name}\nn = {own[0].n} items", fontsize=7)
        axes.tick_params(labelsize=6.5)
        if position % COLUMNS == 0:
            axes.set_ylabel("items (%)\nlost | gained", fontsize=7.5)
        else:
            axes.set_yticklabels([])
        if position + COLUMNS >= len(names):
            axes.set_xlabel("text share of examples (%)", fontsize=7)
    handles: list[Any] = [
        Patch(facecolor=SERIES[scorer].colour, alpha=alpha, label=f"{label}: {which}")
        for scorer, label in SCORERS.items()
        for which, alpha in (("gained", 1.0), ("lost", _PALE))
    ]
    handles.append(Line2D([], [], color=INK, marker="_", ms=7, ls="", label="gained less lost"))
    seeds = seeds_text([change.runs for change in found])
    handles.append(Line2D([], [], ls="", label=f"mean of {seeds}; no interval"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure, found


def _changes(summary: Summary) -> Iterator[Change]:
    for scorer in SCORERS:
        for name in row_names(summary, MODALITY):
            rows = summary.change_rows.get((name, MEASURES[scorer]), [])
            for cell in (cell for cell in summary.tuned if cell.place == "curve"):
                own = [row for row in rows if row["cell"] == cell.name]
                if own:
                    items = sum(row["n"] for row in own)
                    gained, lost = (
                        100 * sum(row[which] for row in own) / items for which in ("gained", "lost")
                    )
                    yield Change(
                        *(scorer, name, cell.name, cell.share_pct or 0.0),
                        *(gained, lost, gained - lost),
                        n=int(own[0]["n"]),
                        runs=len(own),
                    )


def _draw(axes: Axes, changes: Sequence[Change]) -> None:
    shares = sorted({change.text_share_pct for change in changes})
    for side, scorer in enumerate(SCORERS):
        own = [change for change in changes if change.scorer == scorer]
        xs = [shares.index(change.text_share_pct) + 0.4 * (side - 0.5) for change in own]
        colour = SERIES[scorer].colour
        axes.bar(xs, [change.gained_pct for change in own], width=0.38, color=colour)
        axes.bar(xs, [-change.lost_pct for change in own], width=0.38, color=colour, alpha=_PALE)
        axes.plot(xs, [change.net_pct for change in own], color=INK, marker="_", ms=5, ls="")
    axes.axhline(0, color=INK, lw=0.6)
    axes.set_xticks(range(len(shares)), [f"{share:g}" for share in shares])


def forgetting_table(summary: Summary) -> Table:
    """Text benchmarks by tuned cells: items lost and gained, per cent of all. Part test."""
    rows: list[tuple[str, ...]] = []
    blocks: list[int] = []
    for scorer, label in SCORERS.items():
        own = []
        for name in row_names(summary, MODALITY):
            changed = summary.change_rows.get((name, MEASURES[scorer]), [])
            if changed:
                texts = (_text([r for r in changed if r["cell"] == c.name]) for c in summary.tuned)
                title = marked_name(summary, name, MEASURES[scorer])
                own.append((title, label, str(int(changed[0]["n"])), *texts))
        if own and rows:
            blocks.append(len(rows))
        rows += own
    return Table(
        caption="Items of text benchmarks lost and gained in stage 2, per cent of all.",
        header=("benchmark", "scorer", "n", *(cell.label for cell in summary.tuned)),
        rows=tuple(rows),
        note="Lost / gained: right before stage 2 and wrong after it, and the other way round; "
        "their difference is the change of the accuracy. Before stage 2: the stage-1 model, which "
        "on text is the pretrained language model. Test part, means over seeds. "
        f"The {AVERAGES[MODALITY]} pools the items of its benchmarks."
        + undeciding_note(summary)
        + not_run({cell.label: cell.not_run for cell in summary.tuned}),
        words=2,
        blocks=tuple(blocks),
    )


def _text(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ABSENT
    items = sum(row["n"] for row in rows)
    lost, gained = (100 * sum(row[name] for row in rows) / items for name in ("lost", "gained"))
    return f"{lost:.1f} / {gained:.1f}"
