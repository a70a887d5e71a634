"""What answers look like by text share: invalid, cut off, how long, how often `yes`.

One column a modality, one row a quantity; thick lines are means over the benchmarks of the average
and over seeds, thin ones single benchmarks, named where they end away from the mean. An answer is
invalid where the strict parser finds none. Part `test`, real images. There is no interval: these
describe the answers of these runs and nothing is concluded from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlan.report.curve import SHARE_LABEL, apart
from mlan.report.points import seeds_text
from mlan.report.style import FAINT, INK, SERIES, new_figure, placeholder
from mlan.report.summary import AVERAGES, MEASURES, Benchmark, Summary

TITLE = "What answers look like"
MEAN = "mean of the average's benchmarks"
_NEAR = 0.06  # of the panel's height: closer to the mean than this a line stays without a name
_LINE = 0.085  # of the panel's height: a line of print
QUANTITIES = {
    "invalid": "invalid (%), strict parser",
    "cut": "cut off at the limit (%)",
    "words": "words an answer",
    "yes": "answers `yes` (%)",
}


@dataclass(frozen=True)
class AnswerPoint:
    """One quantity of one benchmark (or their mean) at one cell, mean over `runs` seeds.

    `gold` is the rate of yes that would be right, in per cent, for the quantity `yes` only.
    """

    quantity: str
    modality: str
    benchmark: str
    cell: str
    place: str
    text_share_pct: float
    value: float
    gold: float
    runs: int


def draw_answers(summary: Summary) -> tuple[Figure, list[AnswerPoint]]:
    """Invalid rate, answers cut off, length and rate of yes, by share."""
    points = [p for modality in AVERAGES for p in _points(summary, modality)]
    if not points:
        return placeholder(TITLE, "no answer was generated"), points
    shown = [name for name in QUANTITIES if any(p.quantity == name for p in points)]
    figure = new_figure(1.2 + 1.65 * len(shown))
    figure.suptitle(f"{TITLE}: means over seeds, test part")
    axes = figure.subplots(len(shown), len(AVERAGES), sharex=True, squeeze=False)
    for row, quantity in enumerate(shown):
        top = max((p.value for p in points if p.quantity == quantity and p.place == "curve"),
                  default=0)  # fmt: skip
        for column, modality in enumerate(AVERAGES):
            own = [p for p in points if (p.quantity, p.modality) == (quantity, modality)]
            _draw(axes[row][column], own, 1.08 * top or 1.0)
        axes[row][0].set_ylabel(QUANTITIES[quantity])
    for column, modality in enumerate(AVERAGES):
        axes[0][column].set_title(f"{modality[:1].upper()}{modality[1:]} benchmarks")
        axes[-1][column].set_xlabel(SHARE_LABEL)
    figure.legend(handles=_handles(points), loc="outside lower center", ncols=2)
    return figure, points


def _points(summary: Summary, modality: str) -> Iterator[AnswerPoint]:
    benchmarks = [b for b in summary.benchmarks if b.modality == modality]
    for quantity in QUANTITIES:
        found = [p for b in benchmarks for p in _of_benchmark(summary, b, quantity)]
        yield from found
        headline = {b.name for b in benchmarks if b.headline}
        yield from _means([p for p in found if p.benchmark in headline])


def _of_benchmark(summary: Summary, benchmark: Benchmark, quantity: str) -> Iterator[AnswerPoint]:
    values = _invalid(summary, benchmark) if quantity == "invalid" else _shape(
        summary, benchmark, quantity
    )  # fmt: skip
    for cell in summary.cells:
        own = values.get(cell.name, [])
        if own:
            share = math.nan if cell.share_pct is None else cell.share_pct
            yield AnswerPoint(
                *(quantity, benchmark.modality, benchmark.name, cell.name, cell.place, share),
                value=sum(value for value, _ in own) / len(own),
                gold=sum(gold for _, gold in own) / len(own),
                runs=len(own),
            )


def _invalid(summary: Summary, benchmark: Benchmark) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for row in summary.scores(benchmark.name, MEASURES["strict"]):
        found.setdefault(row["cell"], []).append((100 * row["invalid_rate"], math.nan))
    return found


def _shape(
    summary: Summary, benchmark: Benchmark, quantity: str
) -> dict[str, list[tuple[float, float]]]:
    answers = summary.table("answers")
    asked = (answers["part"] == "test") & (answers["condition"] == "real")
    own: pd.DataFrame = answers[asked & (answers["benchmark"] == benchmark.name)]
    found: dict[str, list[tuple[float, float]]] = {}
    for row in own.to_dict("records"):
        value, gold = {
            "cut": (100 * row["cut_rate"], math.nan),
            "words": (row["words"], math.nan),
            "yes": (100 * row["yes_rate"], 100 * row["gold_yes_rate"]),
        }[quantity]
        if math.isfinite(value):
            found.setdefault(str(row["cell"]), []).append((float(value), float(gold)))
    return found


def _means(points: Sequence[AnswerPoint]) -> Iterator[AnswerPoint]:
    """The mean over benchmarks, cell by cell, where a cell has all of them."""
    benchmarks = {p.benchmark for p in points}
    for cell in dict.fromkeys(p.cell for p in points):
        own = [p for p in points if p.cell == cell]
        if len(own) == len(benchmarks):
            first = own[0]
            yield AnswerPoint(
                *(first.quantity, first.modality, MEAN, cell, first.place, first.text_share_pct),
                value=sum(p.value for p in own) / len(own),
                gold=sum(p.gold for p in own) / len(own),
                runs=min(p.runs for p in own),
            )


def _draw(axes: Axes, points: Sequence[AnswerPoint], top: float) -> None:
    look = SERIES["strict"]
    curve = [p for p in points if p.place == "curve"]
    for name in dict.fromkeys(p.benchmark for p in curve):
        own = [p for p in curve if p.benchmark == name]
        xs, ys = [p.text_share_pct for p in own], [p.value for p in own]
        if name == MEAN:
            axes.plot(xs, ys, color=look.colour, marker=look.marker, lw=1.6, zorder=3)
            gold = own[0].gold
            if math.isfinite(gold):
                axes.axhline(gold, color=INK, ls=":", lw=1)
        else:
            axes.plot(xs, ys, color=FAINT, lw=0.6, alpha=0.7)
    untuned = [p for p in points if p.place == "untuned" and p.benchmark == MEAN]
    for point in untuned[:1]:
        if point.value <= top:
            axes.axhline(point.value, color=look.colour, ls="--", lw=0.9)
        else:
            axes.annotate(
                *(f"untuned: {point.value:.0f} ↑", (1, 1.01)),
                xycoords="axes fraction", ha="right", va="bottom", fontsize=6.5, color=look.colour,
            )  # fmt: skip
    _name_lines(axes, curve, top)
    if not curve:
        axes.text(0.5, 0.5, "no such item", transform=axes.transAxes, ha="center", color=FAINT)
    axes.set_ylim(0, top)
    axes.set_xlim(-3, 103)


def _name_lines(axes: Axes, curve: Sequence[AnswerPoint], top: float) -> None:
    """Name the benchmarks that end away from the mean at the right, moved apart."""
    ends = {p.benchmark: p for p in sorted(curve, key=lambda p: p.text_share_pct)}
    mean = ends.pop(MEAN, None)
    far = [p for p in ends.values() if mean is None or abs(p.value - mean.value) > _NEAR * top]
    far.sort(key=lambda p: (p.value, p.benchmark), reverse=True)
    # From the top down, as many lines start at 0; those that do not fit have no name.
    far = far[: int(1 / _LINE)][::-1]
    heights = apart([p.value / top for p in far], _LINE, 1.0)
    for point, height in zip(far, heights, strict=True):
        axes.annotate(
            *(point.benchmark, (point.text_share_pct, point.value)),
            xytext=(1.03, height),
            textcoords="axes fraction",
            va="center",
            fontsize=5.5,
            color=FAINT,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": FAINT, "lw": 0.4, "shrinkA": 0, "shrinkB": 1},
        )


def _handles(points: Sequence[AnswerPoint]) -> list[Any]:
    look = SERIES["strict"]
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, lw=1.6, label=MEAN),
        Line2D([], [], color=FAINT, lw=0.6, label="one benchmark (no name: ends near the mean)"),
    ]
    if any(p.place == "untuned" for p in points):
        handles.append(Line2D([], [], color=look.colour, ls="--", lw=0.9, label="untuned (mean)"))
    if any(p.quantity == "yes" for p in points):
        handles.append(Line2D([], [], color=INK, ls=":", lw=1, label="rate of `yes` that is right"))
    if runs := [p.runs for p in points if p.place == "curve"]:
        handles.append(Line2D([], [], ls="", label=f"{seeds_text(runs)}; no interval"))
    absent = [QUANTITIES[q] for q in QUANTITIES if not any(p.quantity == q for p in points)]
    if absent:
        handles.append(Line2D([], [], ls="", label=f"no data: {', '.join(absent)}"))
    return handles
