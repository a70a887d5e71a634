"""Figures of score against text share: averages, `taught by` groups, benchmarks, answer formats.

Part `test`, real images. Each function returns the figure and the points it draws.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

from mlan.report.curve import SHARE_LABEL, Look, draw_panel, label_shares, top_pct
from mlan.report.legend import legend
from mlan.report.points import MEAN, Point, counts_text, invalid_points, score_points
from mlan.report.style import new_figure, placeholder
from mlan.report.summary import AVERAGES, GROUP_PREFIX, MEASURES, TAGS, Benchmark, Summary
from mlan.report.tables import UNDECIDING

COLUMNS = 4  # of small multiples at most
ACCURACY_LABEL = "accuracy (%), test part"
HEADLINE = {name: MEASURES[name] for name in ("strict", "option")}
PARSERS = {name: MEASURES[name] for name in ("strict", "lenient")}

Drawn = tuple[Figure, list[Point]]


def draw_sweep(summary: Summary) -> Drawn:
    """Text and vision average against the text share, strict generation and option likelihood."""
    panels = {group: score_points(summary, group, HEADLINE) for group in AVERAGES.values()}
    points = [p for own in panels.values() for p in own]
    if not points:
        return placeholder("Score against text share", "no score"), points
    others = any(cell.place == "other" for cell in summary.tuned)
    figure = new_figure(4.5 if others else 4.0)
    figure.suptitle(summary.title)
    look = Look(top_pct(points), others=True)
    for axes, (group, own) in zip(
        figure.subplots(1, 2, squeeze=False)[0], panels.items(), strict=True
    ):
        draw_panel(axes, own, look)
        axes.set_title(f"{_group_title(summary, group)}\n{counts_text(own)}")
        label_shares(axes, own, look)
    figure.axes[0].set_ylabel(ACCURACY_LABEL)
    legend(figure, points, summary.level, caption=_caption(summary))
    return figure, points


def draw_tags(summary: Summary) -> Drawn:
    """Small multiples: vision benchmarks grouped by who can teach the skill."""
    groups = [f"{GROUP_PREFIX}{tag}" for tag in TAGS]
    panels = {g: own for g in groups if (own := score_points(summary, g, HEADLINE))}
    points = [p for own in panels.values() for p in own]
    if not points:
        return placeholder("Score by who can teach the skill", "no tagged benchmark"), points
    columns = 2 if len(panels) > 1 else 1
    rows = math.ceil(len(panels) / columns)
    others = any(cell.place == "other" for cell in summary.tuned)
    figure = new_figure(1.0 + (2.8 if others else 2.3) * rows)
    figure.suptitle("Vision benchmarks by who can teach the skill")
    look = Look(top_pct(points), others=True)
    for position, (group, own) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, position + 1)
        draw_panel(axes, own, look)
        axes.set_title(f"{_group_title(summary, group)}\n{counts_text(own)}")
        if position >= len(panels) - columns:
            label_shares(axes, own, look)
        if position % columns == 0:
            axes.set_ylabel(ACCURACY_LABEL)
    legend(figure, points, summary.level, caption=_caption(summary))
    return figure, points


def draw_benchmarks(summary: Summary) -> Drawn:
    """Small multiples: every benchmark, text rows above vision rows."""
    found = [[b for b in summary.benchmarks if b.modality == modality] for modality in AVERAGES]
    # As many rows as four columns take, no wider than these need: 6 are 3 + 3, not 4 + 2.
    columns = max(
        (math.ceil(len(own) / math.ceil(len(own) / COLUMNS)) for own in found if own), default=1
    )
    rows = [own[start : start + columns] for own in found for start in range(0, len(own), columns)]
    panels = {b.name: score_points(summary, b.name, HEADLINE) for row in rows for b in row}
    points = [p for own in panels.values() for p in own]
    if not points:
        return placeholder("Every benchmark", "no score"), points
    figure = new_figure(1.0 + 1.75 * len(rows))
    figure.suptitle("Every benchmark, test part")
    look = Look(100.0, names=False, small=True)
    for position, row in enumerate(rows):
        for column, benchmark in enumerate(row):
            axes = figure.add_subplot(len(rows), columns, position * columns + column + 1)
            draw_panel(axes, panels[benchmark.name], look)
            own = panels[benchmark.name]
            axes.set_title(_benchmark_title(summary, benchmark, own), fontsize=6.3)
            axes.tick_params(labelsize=6.5)
            if column == 0:
                axes.set_ylabel(f"{benchmark.modality}\naccuracy (%)", fontsize=7.5)
            else:
                axes.set_yticklabels([])
            if position + 1 == len(rows) or column >= len(rows[position + 1]):
                axes.set_xlabel("text share of examples (%)", fontsize=6.5)
    notes = ["† not in the averages"] if any(not b.headline for b in summary.benchmarks) else []
    if any(_undeciding(summary, b) for b in summary.benchmarks):
        notes.append(f"{UNDECIDING} cannot decide (strict)")
    legend(figure, _without_others(points), summary.level, notes)
    return figure, points


def draw_format(summary: Summary) -> Drawn:
    """Format against knowledge: three ways to score above, the rate of invalid answers below."""
    scores = {g: score_points(summary, g, MEASURES) for g in AVERAGES.values()}
    invalid = {g: invalid_points(summary, g, PARSERS) for g in AVERAGES.values()}
    points = [p for own in scores.values() for p in own]
    rates = [p for own in invalid.values() for p in own]
    if not points:
        return placeholder("Format against knowledge", "no score"), points
    figure = new_figure(5.4)
    figure.suptitle("Format against knowledge: how an answer is scored")
    axes = figure.subplots(2, 2, sharex="col")
    for column, group in enumerate(AVERAGES.values()):
        draw_panel(axes[0][column], scores[group], Look(top_pct(points), runs=False))
        axes[0][column].set_title(f"{_group_title(summary, group)}\n{counts_text(scores[group])}")
        draw_panel(axes[1][column], invalid[group], Look(top_pct(rates), runs=False))
        axes[1][column].set_xlabel(SHARE_LABEL)
    axes[0][0].set_ylabel(ACCURACY_LABEL)
    axes[1][0].set_ylabel("invalid answers (%), test part")
    legend(figure, [p for p in _without_others(points) if p.seed == MEAN], summary.level)
    return figure, points + [_as_invalid(p) for p in rates]


def _as_invalid(point: Point) -> Point:
    """Give an invalid rate a panel name of its own, since its value is no accuracy."""
    values = {**vars(point), "panel": f"{point.panel}: invalid answers"}
    return Point(**values)


def _group_title(summary: Summary, group: str) -> str:
    count = len(summary.members(group))
    name = group[:1].upper() + group[1:]
    return f"{name} ({count} benchmark" + (")" if count == 1 else "s)")


def _without_others(points: Sequence[Point]) -> list[Point]:
    """What a panel without the cells off the curve draws; the legend tells no more."""
    return [p for p in points if p.place != "other"]


def _undeciding(summary: Summary, benchmark: Benchmark) -> bool:
    return summary.decides(benchmark.name, MEASURES["strict"]) is False


def _benchmark_title(summary: Summary, benchmark: Benchmark, own: Sequence[Point]) -> str:
    mark = "" if benchmark.headline else " †"
    mark += f" {UNDECIDING}" if _undeciding(summary, benchmark) else ""
    counts = counts_text(own).replace(" items", "")
    tag = f"\ntaught by: {benchmark.taught_by}" if benchmark.taught_by else ""
    return f"{benchmark.name}{mark}{tag}\n{counts}"


def _caption(summary: Summary) -> str:
    """Return what the slope of the vision curve depends on, with the benchmarks by name."""
    asked = []
    for tag in TAGS:
        names = [b.name for b in summary.members(f"{GROUP_PREFIX}{tag}")]
        if names:
            asked.append(f"{tag}: {', '.join(names)}")
    text = "The slope for vision depends on who teaches each skill in stage 2. "
    return textwrap.fill(text + "; ".join(asked) + ".", 118) if asked else ""
