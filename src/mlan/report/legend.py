"""The legend under panels of score against text share: every series and kind of mark that occurs.

Not here: how they are drawn (`mlan.report.curve`).
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path

from mlan.report.curve import BASELINE_DASHES, chance_levels, curve_seeds
from mlan.report.points import MEAN, Point, covers_text, means
from mlan.report.style import FAINT, SERIES
from mlan.report.summary import TUNED

_BASELINES = {"untuned": "untuned baseline", "released": "released model"}
_WIDE = 46  # letters of a line, three columns wide
_CAPPED = Path(
    [(-0.4, -1), (0.4, -1), (0, -1), (0, 1), (-0.4, 1), (0.4, 1)],
    [Path.MOVETO, Path.LINETO] * 3,
)


def legend(
    figure: Figure,
    points: Sequence[Point],
    level: str,
    notes: Sequence[str] = (),
    caption: str = "",
) -> None:
    """Put one legend under the figure; `caption` stands above it, in small print."""
    handles = [*_series(points), *_intervals(points, level)]
    if len(curve_seeds(points)) > 1:
        handles.append(Line2D([], [], color=FAINT, lw=0.6, marker=".", ms=2, label="one seed"))
    if any(p.known and p.not_run for p in points):
        fewer = Line2D([], [], marker="o", mfc="white", color=FAINT, ls="")
        fewer.set_label("fewer seeds than planned")
        handles.append(fewer)
    handles += [
        Line2D([], [], color=FAINT, ls=dash, lw=1, label=_BASELINES[place])
        for place, dash in BASELINE_DASHES.items()
        if any(p.known for p in means(points, place))
    ]
    if chance_levels(points):
        handles.append(Line2D([], [], color=FAINT, ls=":", lw=1.2, label="chance"))
    handles += [Line2D([], [], ls="", label=note) for note in notes]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3,
        title=caption or None,
        title_fontsize=6.5,
    )


def _series(points: Sequence[Point]) -> list[Any]:
    looks = [SERIES[name] for name in dict.fromkeys(p.series for p in points)]
    return [
        Line2D([], [], color=look.colour, ls=look.dash, marker=look.marker, label=look.label)
        for look in looks
    ]


def _intervals(points: Sequence[Point], level: str) -> list[Any]:
    """Say what is drawn around means: intervals of one each, and of all shares at once."""
    drawn = [p for p in points if p.seed == MEAN and p.place in TUNED]
    handles: list[Any] = []
    if any(p.bounded for p in drawn):
        text = fill(f"{level} interval of a cell: {covers_text(points)}", _WIDE)
        handles.append(_bar(text, "|", width=1.8))
    if any(p.simultaneous for p in drawn):
        text = fill(f"{level} interval, all shares at once", _WIDE)
        handles.append(_bar(text, _CAPPED, width=0.7))
    bounds = [b for p in drawn for b in (p.low_pct, p.high_pct, p.band_low_pct, p.band_high_pct)]
    if any(b < 0 or b > 100 for b in bounds):
        handles.append(Line2D([], [], ls="", label="(intervals cut at 0 and 100)"))
    return handles


def _bar(label: str, marker: Any, width: float) -> Any:
    return Line2D([], [], color=FAINT, marker=marker, ms=9, mew=width, mfc="none", ls="",
                  label=label)  # fmt: skip
