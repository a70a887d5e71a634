"""Blind control: the same questions with the real picture and with a blank one.

What a cell scores without seeing is what the question gives away; what the picture adds is the
distance between the two lines. Only parts asked in both conditions are compared (`dev` first).
"""

from __future__ import annotations

from matplotlib.figure import Figure

from mlan.report.curve import SHARE_LABEL, Look, draw_panel, top_pct
from mlan.report.legend import legend
from mlan.report.points import MEAN, Point, counts_text, score_points
from mlan.report.style import SERIES, new_figure, placeholder
from mlan.report.summary import AVERAGES, MEASURES, Key, Summary

CONDITIONS = ("real", "blank")
SCORERS = ("strict", "option")


def draw_real_vs_blind(summary: Summary) -> tuple[Figure, list[Point]]:
    """Vision average per cell, real against blank image, one panel a scorer."""
    group = AVERAGES["vision"]
    part = _part(summary, group)
    panels = {} if part is None else {s: _panel(summary, group, s, part) for s in SCORERS}
    points = [p for own in panels.values() for p in own]
    if not points:
        why = "no vision item was asked both with its image and with a blank one"
        return placeholder("Real against blank image", why), points
    figure = new_figure(3.9)
    count = len(summary.members(group))
    figure.suptitle(f"Real against blank image: vision average of {count} benchmarks")
    look = Look(top_pct(points))
    for axes, (scorer, own) in zip(
        figure.subplots(1, 2, squeeze=False)[0], panels.items(), strict=True
    ):
        draw_panel(axes, own, look)
        label = SERIES[scorer].label
        axes.set_title(f"{label[:1].upper()}{label[1:]}\n{counts_text(own)}")
        axes.set_xlabel(SHARE_LABEL)
    figure.axes[0].set_ylabel(f"accuracy (%), {part} part")
    drawn = [p for p in points if p.place != "other"]
    legend(figure, drawn, summary.level)
    return figure, [_with_scorer(p, scorer) for scorer, own in panels.items() for p in own]


def _part(summary: Summary, group: str) -> str | None:
    for part in ("dev", "test"):
        asked = [
            summary.scores(group, Key("generate", "strict", part, condition))
            for condition in CONDITIONS
        ]
        if all(asked):
            return part
    return None


def _panel(summary: Summary, group: str, scorer: str, part: str) -> list[Point]:
    measure = MEASURES[scorer]
    keys = {c: Key(measure.scorer, measure.parser, part, c) for c in CONDITIONS}
    points = score_points(summary, group, keys)
    # A cell that was asked in one condition only says nothing about the picture.
    both = {
        cell
        for cell in {p.cell for p in points}
        if len({p.series for p in points if p.cell == cell and p.seed == MEAN}) == len(CONDITIONS)
    }
    return [p for p in points if p.cell in both]


def _with_scorer(point: Point, scorer: str) -> Point:
    return Point(**{**vars(point), "panel": f"{point.panel}: {scorer}"})
