"""The paper's own curve beside ours: the same axis of shares, each with its own scale.

The paper has other models, data and benchmarks: levels cannot be compared, only shapes, and only
by eye; so its numbers have a row of their own. It states one number a share without an interval:
open markers, joined by nothing but a thin line. Part `test`, real images, strict parser for ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlan.evidence.published import published
from mlan.report.curve import SHARE_LABEL, Look, draw_panel, top_pct
from mlan.report.legend import legend
from mlan.report.points import MEAN, Point, counts_text, score_points
from mlan.report.style import FAINT, INK, new_figure
from mlan.report.summary import AVERAGES, MEASURES, Summary

TITLE = "Our curve and the published one"
CITED = "MLAN Table 5 (Llama-2, 80,000 examples), quoted second hand"
PUBLISHED = "published"
_SINGLE = (0, (4, 1.5))  # unlike the thin lines of single seeds above


def draw_published(summary: Summary) -> tuple[Figure, list[Point]]:
    """Text and vision average against the text share, ours above, the paper's below."""
    return draw_beside(summary, published())


def draw_beside(summary: Summary, told: pd.DataFrame) -> tuple[Figure, list[Point]]:
    """The same with published points as `mlan.evidence.published` gives them."""
    ours = {g: score_points(summary, g, {"strict": MEASURES["strict"]}) for g in AVERAGES.values()}
    ours = {g: [p for p in own if p.place == "curve"] for g, own in ours.items()}
    theirs = {g: list(_published(told, modality, g)) for modality, g in AVERAGES.items()}
    figure = new_figure(5.4)
    figure.suptitle(f"{TITLE}: compare shapes, not levels")
    axes = figure.subplots(2, 2, sharex=True)
    known = [p for own in ours.values() for p in own]
    for column, group in enumerate(AVERAGES.values()):
        name = group[:1].upper() + group[1:]
        if ours[group]:
            draw_panel(axes[0][column], ours[group], Look(top_pct(known), names=False))
        axes[0][column].set_title(f"{name}, this study\n{counts_text(ours[group])}")
        _draw(axes[1][column], theirs[group])
        axes[1][column].set_title(f"{name}, published\none run a share as far as is known")
        axes[1][column].set_xlabel(SHARE_LABEL)
    axes[0][0].set_ylabel("accuracy (%), test part")
    axes[1][0].set_ylabel("score (%), own scale")
    _legend(figure, known, summary.level)
    return figure, [*known, *(p for own in theirs.values() for p in own)]


def _published(told: pd.DataFrame, modality: str, group: str) -> Iterator[Point]:
    """The published points of an average and of its single benchmarks, by column and share."""
    for column, rows in told.groupby("column", sort=False):
        if _modality(str(column)) == modality:
            for row in rows.sort_values("share").to_dict("records"):
                panel = f"{group}: {PUBLISHED}"
                place = (panel, str(column), "", PUBLISHED, 100 * float(row["share"]), MEAN)
                yield Point(*place, 100 * float(row["value"]))


def _modality(column: str) -> str:
    """The paper prints single benchmarks of vision only."""
    return "text" if column == AVERAGES["text"] else "vision"


def _draw(axes: Axes, points: Sequence[Point]) -> None:
    for name in dict.fromkeys(p.series for p in points):
        own = [p for p in points if p.series == name]
        xs, ys = [p.text_share_pct for p in own], [p.accuracy_pct for p in own]
        if name in AVERAGES.values():
            axes.plot(xs, ys, color=INK, lw=0.6, marker="o", mfc="white", mec=INK, zorder=3)
        else:
            axes.plot(xs, ys, color=FAINT, lw=0.8, ls=_SINGLE)
            axes.annotate(
                *(name, (xs[-1], ys[-1])), xytext=(4, 0), textcoords="offset points",
                fontsize=6, va="center", color=FAINT, annotation_clip=False,
            )  # fmt: skip
    if any(math.isfinite(p.accuracy_pct) for p in points):
        axes.margins(y=0.1)


def _legend(figure: Figure, ours: Sequence[Point], level: str) -> None:
    legend(figure, ours, level)
    drawn = figure.legends.pop()
    handles: list[Any] = [*drawn.legend_handles]
    labels = [text.get_text() for text in drawn.get_texts()]
    handles.append(Line2D([], [], color=INK, lw=0.6, marker="o", mfc="white"))
    labels.append(CITED)
    handles.append(Line2D([], [], color=FAINT, lw=0.8, ls=_SINGLE))
    labels.append("one of its benchmarks")
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
