"""Text average against vision average, one point a run: what is gained on one side is seen
against what it costs on the other. Cells are joined by share. Part `test`, real images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlan.report.labels import along, name_points
from mlan.report.points import MEAN, Point, score_points
from mlan.report.style import FAINT, INK, SERIES, new_figure, placeholder, share_looks
from mlan.report.summary import AVERAGES, BASELINES, MEASURES, Summary

TITLE = "Text average against vision average"
SCORERS = ("strict", "option")
PANEL_PT = (215.0, 165.0)  # of one of the two panels, about


@dataclass(frozen=True)
class Both:
    """A run, or a cell's mean over the runs that have both (`seed` = mean), in per cent."""

    scorer: str
    cell: str
    place: str
    text_share_pct: float
    seed: str
    text_pct: float
    vision_pct: float
    runs: int


def draw_averages(summary: Summary) -> tuple[Figure, list[Both]]:
    """One panel a scorer; the line follows the cells of the curve by share."""
    points = [point for scorer in SCORERS for point in _points(summary, scorer)]
    if not points:
        return placeholder(TITLE, "no run has both averages"), points
    figure = new_figure(3.9)
    figure.suptitle(f"{TITLE}, one small point a run")
    for axes, scorer in zip(figure.subplots(1, 2, squeeze=False)[0], SCORERS, strict=True):
        own = [point for point in points if point.scorer == scorer]
        far = _draw(axes, own, summary)
        label = SERIES[scorer].label
        runs = sum(point.seed != MEAN for point in own)
        title = f"{label[:1].upper()}{label[1:]}\n{runs} runs, no interval"
        axes.set_title(title + "".join(f"\n{_told_far(p)}" for p in far))
        axes.set_xlabel(_axis(summary, AVERAGES["text"]))
    figure.axes[0].set_ylabel(f"{_axis(summary, AVERAGES['vision'])}\ntest part")
    figure.legend(handles=_handles(points), loc="outside lower center", ncols=5, columnspacing=1.2)
    return figure, points


def _told_far(point: Both) -> str:
    numbers = f"text {point.text_pct:.0f}, vision {point.vision_pct:.0f}"
    return f"not in the panel: {point.cell} ({numbers})"


def _axis(summary: Summary, group: str) -> str:
    count = len(summary.members(group))
    return f"{group} of {count} benchmark{'' if count == 1 else 's'} (%)"


def _points(summary: Summary, scorer: str) -> Iterator[Both]:
    key = {scorer: MEASURES[scorer]}
    runs: dict[tuple[str, str], dict[str, Point]] = {}
    for modality, group in AVERAGES.items():
        for point in score_points(summary, group, key):
            if point.seed != MEAN:
                runs.setdefault((point.cell, point.seed), {})[modality] = point
    both = {place: own for place, own in runs.items() if len(own) == len(AVERAGES)}
    for cell in summary.cells:
        own = [found for (name, _), found in both.items() if name == cell.name]
        for found in own:
            yield _both(scorer, found["text"], found["text"].seed, [found])
        if own:
            yield _both(scorer, own[0]["text"], MEAN, own)


def _both(scorer: str, named: Point, seed: str, own: Sequence[dict[str, Point]]) -> Both:
    text, vision = (sum(f[m].accuracy_pct for f in own) / len(own) for m in ("text", "vision"))
    return Both(
        *(scorer, named.cell, named.place, named.text_share_pct, seed, text, vision, len(own))
    )


def _draw(axes: Axes, points: Sequence[Both], summary: Summary) -> list[Both]:
    """Draw a panel and return the means that lie too far off to be shown in it."""
    labels = {cell.name: cell.label for cell in summary.cells}
    curve = [p for p in points if p.seed == MEAN and p.place == "curve"]
    far = [p for p in points if p.place in BASELINES and _is_far(p, points)]
    looks = share_looks(p.text_share_pct for p in curve)
    axes.plot(
        *([p.text_pct for p in curve], [p.vision_pct for p in curve]), color=FAINT, lw=1, zorder=1
    )
    shown = [p for p in points if p not in far]
    for point in shown:
        mean = point.seed == MEAN
        marker = _marker(point)
        colour = looks[point.text_share_pct][0] if point.place == "curve" else "#ffffff"
        axes.plot(
            *([point.text_pct], [point.vision_pct]),
            marker=marker,
            ms=6 if mean else 3.2,
            mfc=colour,
            mec=INK if mean else FAINT,
            mew=0.6 if mean else 0.2,
            ls="",
            zorder=3 if mean else 2,
        )
    axes.margins(0.16)
    axes.grid(visible=True, axis="both")
    means = [p for p in shown if p.seed == MEAN]
    runs = [(p.text_pct, p.vision_pct) for p in shown if p.seed != MEAN]
    places = [(p.text_pct, p.vision_pct) for p in means]
    line = along([(p.text_pct, p.vision_pct) for p in curve])
    name_points(axes, places, [labels[p.cell] for p in means], PANEL_PT, [*runs, *line])
    return [p for p in far if p.seed == MEAN]


def _is_far(point: Both, points: Sequence[Both]) -> bool:
    """Whether a model to compare with would squeeze the tuned cells into half of the panel."""
    tuned = [p for p in points if p.place not in BASELINES]
    for name in ("text_pct", "vision_pct"):
        values = [getattr(p, name) for p in tuned]
        if values:
            reach = max(max(values) - min(values), 5.0)
            middle = (max(values) + min(values)) / 2
            if abs(getattr(point, name) - middle) > 1.5 * reach:
                return True
    return False


def _marker(point: Both) -> str:
    if point.place in BASELINES:
        return "s"
    return "D" if point.place == "other" else "o"


def _handles(points: Sequence[Both]) -> list[Any]:
    looks = share_looks(p.text_share_pct for p in points if p.place == "curve")
    handles = [
        Line2D([], [], marker="o", ls="", mfc=colour, mec=INK, mew=0.6, label=f"{share:g} % text")
        for share, (colour, _) in looks.items()
    ]
    handles.append(Line2D([], [], marker="o", ms=3.2, ls="", color=FAINT, label="one run"))
    handles.append(Line2D([], [], color=FAINT, lw=1, label="means, joined by share"))
    marks = {"s": "not tuned here", "D": "other than the share too"}
    occurring = {_marker(p) for p in points if not _is_far(p, points)}
    handles += [
        Line2D([], [], marker=mark, ls="", mfc="white", mec=INK, mew=0.6, label=text)
        for mark, text in marks.items()
        if mark in occurring
    ]
    return handles
