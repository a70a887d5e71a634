"""Training loss of every source over the steps of stage 2, one panel a source.

A line is a cell, the mean of its seeds stretch by stretch (losses.csv); the numbers behind it hold
the seeds' extremes too. Loss is nats a supervised token of that source, on the examples that are
being learnt. Losses of different sources are not compared: their answers differ in length and
difficulty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlan.report.style import new_figure, placeholder, share_colour
from mlan.report.summary import Summary

TITLE = "Training loss by source"
COLUMNS = 4


@dataclass(frozen=True)
class LossPoint:
    """Mean loss over seeds in one stretch of steps; `low` and `high` are the seeds' extremes."""

    source: str
    modality: str
    cell: str
    text_share_pct: float
    first_step: int
    last_step: int
    loss: float
    low: float
    high: float
    seeds: int
    tokens: float


def loss_points(summary: Summary) -> list[LossPoint]:
    """Return the curve's cells, text sources first, stretches that every run of a cell has."""
    losses = summary.table("losses")
    found = []
    for cell in (cell for cell in summary.tuned if cell.place == "curve"):
        own = losses[losses["cell"] == cell.name]
        keys = ["modality", "source", "first_step", "last_step"]
        for _, rows in own.groupby(keys, sort=True):
            first = rows.iloc[0]
            found.append(
                LossPoint(
                    *(str(first["source"]), str(first["modality"]), cell.name),
                    *(cell.share_pct or 0.0, int(first["first_step"]), int(first["last_step"])),
                    loss=float(rows["loss"].mean()),
                    low=float(rows["loss"].min()),
                    high=float(rows["loss"].max()),
                    seeds=len(rows),
                    tokens=float(rows["tokens"].mean()),
                )
            )
    return sorted(found, key=lambda p: (p.modality, p.source, p.text_share_pct, p.first_step))


def draw_loss(summary: Summary) -> tuple[Figure, list[LossPoint]]:
    """Small multiples of loss over steps."""
    points = loss_points(summary)
    if not points:
        return placeholder(TITLE, "no run has losses of its own sources"), points
    sources = list(dict.fromkeys((p.modality, p.source) for p in points))
    rows = math.ceil(len(sources) / COLUMNS)
    figure = new_figure(1.2 + 1.5 * rows)
    figure.suptitle(f"{TITLE}: stage 2, examples as they are learnt")
    wide = min(COLUMNS, len(sources))
    for position, (modality, source) in enumerate(sources):
        axes = figure.add_subplot(rows, wide, position + 1)
        _draw(axes, [p for p in points if (p.modality, p.source) == (modality, source)])
        axes.set_title(f"{source} ({modality})", fontsize=7)
        axes.tick_params(labelsize=6.5)
        if position % COLUMNS == 0:
            axes.set_ylabel("nats a token", fontsize=7.5)
        if position + COLUMNS >= len(sources):
            axes.set_xlabel("optimiser step", fontsize=7.5)
    figure.legend(handles=_handles(points), loc="outside lower center", ncols=5)
    return figure, points


def _draw(axes: Axes, points: Sequence[LossPoint]) -> None:
    for share in sorted({p.text_share_pct for p in points}):
        own = [p for p in points if p.text_share_pct == share]
        middle = [(p.first_step + p.last_step) / 2 for p in own]
        axes.plot(middle, [p.loss for p in own], color=share_colour(share), lw=1.0)
    axes.set_ylim(0, 1.03 * max(p.loss for p in points))


def _handles(points: Sequence[LossPoint]) -> list[Any]:
    shares = sorted({p.text_share_pct for p in points})
    handles = [
        Line2D([], [], color=share_colour(share), lw=2, label=f"{share:g} % text")
        for share in shares
    ]
    seeds = sorted({p.seeds for p in points})
    text = f"mean of {'–'.join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))} seeds"
    handles.append(Line2D([], [], ls="", label=text))
    return handles
