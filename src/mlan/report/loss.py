"""Training loss of every source over the steps of stage 2, one panel a source.

A line is a cell, its seeds pooled stretch by stretch (losses.csv), a token counting the same in
all. Neighbouring stretches are joined until they hold `EXAMPLES` examples or so: the loss of two or
three is no curve. The numbers behind a line hold the seeds' extremes too. Loss is nats a supervised
token of that source, on the examples that are being learnt. Losses of different sources are not
compared: their answers differ in length and difficulty.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlan.report.points import seeds_text
from mlan.report.style import new_figure, placeholder, share_looks
from mlan.report.summary import Cell, Summary

Row = Mapping[Any, Any]

TITLE = "Training loss by source"
COLUMNS = 4
EXAMPLES = 8  # of all seeds together, in a point at least


@dataclass(frozen=True)
class LossPoint:
    """Loss of a cell's seeds in one stretch of steps; `low` and `high` are the seeds' extremes.

    `tokens` are supervised ones of all seeds, `examples` about as many as hold them (NaN where the
    source was not counted).
    """

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
    examples: float


def loss_points(summary: Summary) -> list[LossPoint]:
    """Return the curve's cells, text sources first."""
    losses = summary.table("losses")
    found = []
    for cell in (cell for cell in summary.tuned if cell.place == "curve"):
        own = losses[losses["cell"] == cell.name]
        for (modality, source), rows in own.groupby(["modality", "source"], sort=True):
            each = _tokens_an_example(summary, cell.name, str(source))
            for joined in _joined(rows.to_dict("records"), EXAMPLES * each):
                found.append(_point(joined, str(source), str(modality), cell, each))
    return sorted(found, key=lambda p: (p.modality, p.source, p.text_share_pct, p.first_step))


def _tokens_an_example(summary: Summary, cell: str, source: str) -> float:
    """Supervised tokens of an example on average; NaN where the source was not counted."""
    tokens = summary.tokens
    own = tokens[(tokens["cell"] == cell) & (tokens["source"] == source)]
    examples = float(own["examples"].sum())
    return float(own["supervised_tokens"].sum()) / examples if examples else math.nan


def _joined(rows: Iterable[Row], enough: float) -> list[list[Row]]:
    """Cut the stretches of all seeds where `enough` tokens are together; the rest is joined on."""
    pieces: list[list[Row]] = []
    for _, stretch in groupby(sorted(rows, key=_first), key=_first):
        # `not <`: where the size of an example is not known nothing is joined.
        if not pieces or not _tokens(pieces[-1]) < enough:
            pieces.append([])
        pieces[-1] += stretch
    if len(pieces) > 1 and _tokens(pieces[-1]) < enough:
        rest = pieces.pop()
        pieces[-1] += rest
    return pieces


def _first(row: Row) -> int:
    return int(row["first_step"])


def _tokens(rows: Iterable[Row]) -> float:
    return sum(float(row["tokens"]) for row in rows)


def _mean(rows: Sequence[Row]) -> float:
    """Loss of a token of some rows."""
    tokens = _tokens(rows)
    nats = sum(float(row["loss"]) * float(row["tokens"]) for row in rows)
    return nats / tokens if tokens else math.nan


def _point(
    rows: Sequence[Row], source: str, modality: str, cell: Cell, tokens_each: float
) -> LossPoint:
    seeds = {row["seed"] for row in rows}
    means = [_mean([row for row in rows if row["seed"] == seed]) for seed in sorted(seeds)]
    return LossPoint(
        *(source, modality, cell.name, cell.share_pct or 0.0),
        *(_first(rows[0]), max(int(row["last_step"]) for row in rows)),
        loss=_mean(rows),
        low=min(means),
        high=max(means),
        seeds=len(seeds),
        tokens=_tokens(rows),
        examples=_tokens(rows) / tokens_each,
    )


def draw_loss(summary: Summary) -> tuple[Figure, list[LossPoint]]:
    """Small multiples of loss over steps."""
    points = loss_points(summary)
    if not points:
        return placeholder(TITLE, "no run has losses of its own sources"), points
    sources = list(dict.fromkeys((p.modality, p.source) for p in points))
    rows = math.ceil(len(sources) / COLUMNS)
    figure = new_figure(1.2 + 1.6 * rows)
    figure.suptitle(f"{TITLE}: stage 2, examples as they are learnt")
    wide = min(COLUMNS, len(sources))
    looks = share_looks(p.text_share_pct for p in points)
    for position, (modality, source) in enumerate(sources):
        axes = figure.add_subplot(rows, wide, position + 1)
        own = [p for p in points if (p.modality, p.source) == (modality, source)]
        _draw(axes, own, looks)
        axes.set_title(f"{source} ({modality}){_counts(own)}", fontsize=7)
        axes.tick_params(labelsize=6.5)
        if position % COLUMNS == 0:
            axes.set_ylabel("nats a token", fontsize=7.5)
        if position + COLUMNS >= len(sources):
            axes.set_xlabel("optimiser step", fontsize=7.5)
    figure.legend(handles=_handles(points, looks), loc="outside lower center", ncols=4)
    return figure, points


def _draw(axes: Axes, points: Sequence[LossPoint], looks: Mapping[float, tuple[str, Any]]) -> None:
    for share in sorted({p.text_share_pct for p in points}):
        own = [p for p in points if p.text_share_pct == share]
        middle = [(p.first_step + p.last_step) / 2 for p in own]
        colour, dash = looks[share]
        axes.plot(middle, [p.loss for p in own], color=colour, ls=dash, lw=1.1, marker=".", ms=2.5)
    axes.set_ylim(0, 1.03 * max(p.loss for p in points))


def _counts(points: Sequence[LossPoint]) -> str:
    """Examples of a source in a cell of all its seeds, fewest to most of the shares."""
    examples: dict[str, float] = {}
    for p in points:
        examples[p.cell] = examples.get(p.cell, 0.0) + p.examples
    known = sorted({round(n) for n in examples.values() if math.isfinite(n)})
    if not known:
        return ""
    return f"\nn = {'–'.join(map(str, dict.fromkeys((known[0], known[-1]))))} examples"


def _handles(points: Sequence[LossPoint], looks: Mapping[float, tuple[str, Any]]) -> list[Any]:
    handles = [
        Line2D([], [], color=colour, ls=dash, lw=1.6, label=f"{share:g} % text")
        for share, (colour, dash) in looks.items()
    ]
    seeds = seeds_text([p.seeds for p in points])
    handles.append(Line2D([], [], ls="", label=f"{seeds} pooled"))
    if any(math.isfinite(p.examples) for p in points):
        handles.append(Line2D([], [], ls="", label=f"a point: {EXAMPLES} examples or more, or all"))
    return handles
