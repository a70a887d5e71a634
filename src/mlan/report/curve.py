"""One panel of score against text share: lines, intervals, single runs, holes, baselines.

The line joins neighbouring shares whose planned seeds are all there. A share with missing seeds
breaks the line, is greyed and labelled; what it has is drawn as an open marker. Around a mean stand
a thick bar, its own interval, and a thin capped one, which holds for all shares at once; both end
where the scale of accuracies does. Series stand side by side, so that equal ones are both seen.
Cells that differ in more than the share stand to the right of the curve, named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from mlan.report.points import MEAN, Point, means
from mlan.report.style import FAINT, INK, SERIES

SHARE_LABEL = "text-only share of training examples (%)"
HOLE = "#efefef"
HOLE_HALF = 7.0  # share points; two lines of small type
SERIES_STEP = 2.0  # share points between two series at one place
OTHERS_START, OTHERS_STEP = 117.0, 13.0
# Words of a hole lie over lines of single runs, under the bars and points of its neighbours.
_BAR = 2.7
# Models to compare with: how their level is drawn.
BASELINE_DASHES = {"untuned": (0, (6, 2, 1, 2)), "released": (0, (2, 2))}


@dataclass(frozen=True)
class Look:
    """What a panel shows beside the curve.

    `top_pct` upper limit in per cent; `names` of the horizontal lines at the edge; `runs` as thin
    lines; `others`: cells off the curve; `small`: marks and words for small multiples.
    """

    top_pct: float
    names: bool = True
    runs: bool = True
    others: bool = False
    small: bool = False


def top_pct(points: Iterable[Point]) -> float:
    """Return the upper axis limit: all values and bounds fit, a multiple of 10, at most 100."""
    highs = [v for p in points for v in (p.accuracy_pct, p.high_pct, p.band_high_pct, p.chance_pct)]
    highest = max((v for v in highs if math.isfinite(v)), default=0.0)
    return min(100.0, 10 * math.ceil((highest + 4) / 10))


def draw_panel(axes: Axes, points: Sequence[Point], look: Look) -> None:
    """Draw the points of one panel."""
    for name, shift in beside(points).items():
        own = [p for p in points if p.series == name]
        if look.runs:
            _draw_runs(axes, own, shift)
        _draw_means(axes, own, shift, look)
        for place, dash in BASELINE_DASHES.items():
            for base in (p for p in means(own, place) if p.known):
                axes.axhline(base.accuracy_pct, color=SERIES[name].colour, ls=dash, lw=1)
    for chance in chance_levels(points):
        axes.axhline(chance, color=FAINT, ls=":", lw=1.2)
    _draw_holes(axes, means(points, "curve"), look)
    cells = _draw_others(axes, points) if look.others else []
    if look.names:
        _name_levels(axes, points, look)
    axes.set_xlim(-5, OTHERS_START + OTHERS_STEP * (len(cells) - 0.5) if cells else 105)
    axes.set_ylim(0, look.top_pct)
    shares = sorted({p.text_share_pct for p in points if p.place == "curve"})
    _set_ticks(axes, shares, cells, look)


def beside(points: Iterable[Point]) -> dict[str, float]:
    """Return how far each series stands from its shares, in share points."""
    names = list(dict.fromkeys(p.series for p in points))
    return {name: SERIES_STEP * (i - (len(names) - 1) / 2) for i, name in enumerate(names)}


def chance_levels(points: Iterable[Point]) -> list[float]:
    """Return the distinct chance levels in per cent (one, as a rule)."""
    known = {round(p.chance_pct, 3) for p in points if math.isfinite(p.chance_pct)}
    return sorted(known)


def curve_seeds(points: Iterable[Point]) -> list[str]:
    """Return the seeds that were run anywhere on the curve."""
    return sorted({p.seed for p in points if p.seed != MEAN and p.place == "curve"})


def on_scale(low: float, high: float) -> tuple[float, float]:
    """Cut bounds (%) to the scale of accuracies, whose ends an estimate of an error may pass."""
    return max(low, 0.0), min(high, 100.0)


def _draw_runs(axes: Axes, own: list[Point], shift: float) -> None:
    look = SERIES[own[0].series]
    seeds = curve_seeds(own)
    shares = sorted({p.text_share_pct for p in own if p.place == "curve"})
    runs = {(p.seed, p.text_share_pct): p.accuracy_pct for p in own if p.place == "curve"}
    for seed in seeds if len(seeds) > 1 else []:  # a single run is the mean
        # NaN where the run is missing: matplotlib then leaves the gap open.
        heights = [runs.get((seed, share), math.nan) for share in shares]
        places = [share + shift for share in shares]
        axes.plot(places, heights, color=look.colour, lw=0.5, alpha=0.5, marker=".", ms=1.5)


def _draw_means(axes: Axes, own: list[Point], shift: float, look: Look) -> None:
    series = SERIES[own[0].series]
    size, width = (2.8, 1.1) if look.small else (4.5, 1.5)
    for segment in segments(means(own, "curve")):
        for point in segment:
            _draw_single(axes, point, point.text_share_pct + shift, size)
        if len(segment) > 1:
            places = [p.text_share_pct + shift for p in segment]
            heights = [p.accuracy_pct for p in segment]
            axes.plot(places, heights, color=series.colour, ls=series.dash, lw=width, zorder=3)


def _draw_single(axes: Axes, point: Point, x: float, size: float = 4.5) -> None:
    look = SERIES[point.series]
    if point.bounded:
        low, high = on_scale(point.low_pct, point.high_pct)
        axes.vlines(x, low, high, color=look.colour, lw=0.5 * size, alpha=0.55, zorder=_BAR)
    if point.simultaneous:
        ends = on_scale(point.band_low_pct, point.band_high_pct)
        axes.vlines(x, *ends, color=look.colour, lw=0.15 * size, zorder=_BAR)
        # An end that was cut has no cap.
        caps = [end for end in ends if end in (point.band_low_pct, point.band_high_pct)]
        axes.plot([x] * len(caps), caps, marker="_", ms=size, mew=0.15 * size, ls="",
                  color=look.colour, zorder=_BAR)  # fmt: skip
    axes.plot(
        *([x], [point.accuracy_pct]),
        color=look.colour,
        marker=look.marker,
        mfc=look.colour if point.complete else "white",
        mec=look.colour if size < 4 else "white" if point.complete else look.colour,
        mew=0.5 if point.complete else 1.0,
        ms=size,
        ls="",
        zorder=4,
    )


def segments(curve: Sequence[Point]) -> list[list[Point]]:
    """Cut a curve where a share is incomplete; an incomplete share with a value stands alone."""
    cut: list[list[Point]] = [[]]
    for point in curve:
        if point.complete:
            cut[-1].append(point)
        else:
            cut += [[point], []] if point.known else [[]]
    return [segment for segment in cut if segment]


def _draw_holes(axes: Axes, curve: list[Point], look: Look) -> None:
    before, below = -math.inf, False
    for share in sorted({p.text_share_pct for p in curve if p.not_run}):
        own = [p for p in curve if p.text_share_pct == share]
        # Neighbours that would overlap say it at opposite ends.
        crowded = share - before < 2 * HOLE_HALF
        below = not below if crowded else _more_room_below(own, look)
        _draw_hole(axes, share, own, below=below, small=look.small)
        before = share


def _more_room_below(own: list[Point], look: Look) -> bool:
    values = [v for p in own for v in (p.accuracy_pct, p.low_pct, p.high_pct) if math.isfinite(v)]
    return min(values, default=0.0) > look.top_pct - max(values, default=0.0)


def _draw_hole(axes: Axes, x: float, own: list[Point], *, below: bool, small: bool) -> None:
    """Grey the place `x` and say which seeds are missing, below or above what there is."""
    axes.axvspan(x - HOLE_HALF, x + HOLE_HALF, color=HOLE, lw=0, zorder=0)
    missing = next(p.not_run for p in own if p.not_run)
    axes.text(
        *(x, 0.02 if below else 0.98),
        f"not run:\nseed {missing}",
        transform=axes.get_xaxis_transform(),
        rotation=90,
        ha="center",
        va="bottom" if below else "top",
        fontsize=5.5 if small else 6.5,
        color=INK,
        zorder=_BAR - 0.1,
        bbox={"facecolor": HOLE, "linewidth": 0, "pad": 0.6},
    )


def _draw_others(axes: Axes, points: Sequence[Point]) -> list[str]:
    """Draw the cells off the curve to its right and return their names, left to right."""
    own = means(points, "other")
    cells = list(dict.fromkeys(p.cell for p in own))
    names = list(dict.fromkeys(p.series for p in points))
    if cells:
        axes.axvline(107, color=FAINT, lw=0.6)
    for position, cell in enumerate(cells):
        x = OTHERS_START + OTHERS_STEP * position
        here = [p for p in own if p.cell == cell]
        if here[0].not_run:
            here_look = Look(axes.get_ylim()[1])
            _draw_hole(axes, x, here, below=_more_room_below(here, here_look), small=False)
        for point in (p for p in here if p.known):
            shift = 4 * (names.index(point.series) - (len(names) - 1) / 2)
            _draw_single(axes, point, x + shift)
    return cells


def _baseline(point: Point) -> str:
    """How a level is called: the untuned model as such, a released one by its name."""
    return point.cell.removeprefix("released_") if point.place == "released" else point.place


def _name_levels(axes: Axes, points: Sequence[Point], look: Look) -> None:
    """Name the horizontal lines at the right edge, moved apart where they would collide."""
    levels = [
        (
            p.accuracy_pct,
            f"{_baseline(p)} {p.series} {p.accuracy_pct:.0f}",
            SERIES[p.series].colour,
        )
        for place in BASELINE_DASHES
        for p in means(points, place)
        if p.known
    ]
    levels += [(chance, f"chance {chance:.0f}", FAINT) for chance in chance_levels(points)]
    levels.sort()
    heights = apart([level for level, _, _ in levels], 0.075 * look.top_pct, look.top_pct)
    for (level, name, colour), height in zip(levels, heights, strict=True):
        axes.annotate(
            name,
            (1.0, level),
            xytext=(1.06, height),
            xycoords=axes.get_yaxis_transform(),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=6.5,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.8, "shrinkA": 0, "shrinkB": 0},
        )


def apart(places: Sequence[float], gap: float, limit: float = math.inf) -> list[float]:
    """Move sorted places as little as needed to stand `gap` apart and not above `limit`."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    for position in range(len(moved) - 1, -1, -1):
        moved[position] = min(moved[position], limit - gap * (len(moved) - 1 - position))
    return moved


def _set_ticks(axes: Axes, shares: list[float], cells: list[str], look: Look) -> None:
    close = any(b - a < (18 if look.small else 8) for a, b in pairwise(shares))
    ticks = [0.0, 25.0, 50.0, 75.0, 100.0] if close or not shares else shares
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    if ticks != shares:
        axes.set_xticks(shares, minor=True)
    for position, cell in enumerate(cells):
        axes.annotate(
            *(cell, (OTHERS_START + OTHERS_STEP * position, 0)),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, -4),
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="top",
            fontsize=6.5,
        )


def label_shares(axes: Axes, points: Sequence[Point], look: Look) -> None:
    """Label the share axis; beside names of other cells the label stays under the curve."""
    if not look.others or not means(points, "other"):
        axes.set_xlabel(SHARE_LABEL)
        return
    axes.set_xlabel(SHARE_LABEL.replace("of training", "of\ntraining"))
    below = offset_copy(
        axes.get_xaxis_transform(), axes.get_figure(root=True), y=-17, units="points"
    )
    axes.xaxis.set_label_coords(50, 0, transform=below)
