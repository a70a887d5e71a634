"""Cliff and plateau as the claims ask for them, one panel a claim.

A cliff's panel has the interior's least-squares line over the cells' means, its fall carried on
from the interior cell next to the edge, and the edge as it was measured: the claim is the distance
between the two, with its interval. A plateau's panel has a strip as high as the margin: all pairs
of means differ by less than the margin if and only if all fit into it. Value, interval and verdict
are those of claims.csv; only the line is computed here. Not here: verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mlan.report.curve import SHARE_LABEL, on_scale
from mlan.report.evidence import POST_HOC
from mlan.report.points import MEAN, Point, counts_text, score_points
from mlan.report.style import FAINT, INK, SERIES, VERDICTS, new_figure, placeholder
from mlan.report.summary import Key, Summary

TITLE = "Cliff and plateau"
COLUMNS = 2
# Shares are fractions; this is far below the step between two cells.
_SAME = 1e-6
_DROP = VERDICTS["contradicted"].colour
_BESIDE = 3.0  # share points


@dataclass(frozen=True)
class Shape:
    """What a panel says. Accuracies and differences are per cent, shares too; NaN is "none".

    `kind` is `mean` (of a cell), `line` (of the interior, at its ends), `expected` (at the edge,
    had the fall gone on), or `claim` (value with interval and margin).
    """

    claim: str
    rule: str
    kind: str
    cell: str
    text_share_pct: float
    value_pct: float
    low_pct: float = math.nan
    high_pct: float = math.nan
    margin_pct: float = math.nan
    verdict: str = ""


@dataclass(frozen=True)
class _Panel:
    claim: Mapping[str, Any]
    means: list[Point]
    interior: list[Point]
    edge: Point | None

    @property
    def line(self) -> tuple[float, float]:
        """Slope and intercept of the interior's least-squares line, in points a share point."""
        shares = [p.text_share_pct for p in self.interior]
        slope, start = np.polyfit(shares, [p.accuracy_pct for p in self.interior], 1)
        return float(slope), float(start)

    @property
    def last(self) -> Point:
        """The interior cell next to the edge."""
        assert self.edge is not None, "only a cliff has an edge"
        edge = self.edge.text_share_pct
        return min(self.interior, key=lambda p: abs(p.text_share_pct - edge))

    @property
    def expected_pct(self) -> float:
        """The score at the edge, had it gone on as the interior does."""
        assert self.edge is not None, "only a cliff has an edge"
        step = self.edge.text_share_pct - self.last.text_share_pct
        return self.last.accuracy_pct + self.line[0] * step


def draw_cliff(summary: Summary) -> tuple[Figure, list[Shape]]:
    """Every cliff and plateau claim whose cells have run."""
    claims = summary.evidence.claims
    asked = claims[claims["rule"].isin(["cliff", "plateau"])] if len(claims) else claims
    if asked.empty:
        return placeholder(TITLE, "the study has no claim of a cliff or a plateau"), []
    panels = [p for row in asked.to_dict("records") if (p := _panel(summary, row)) is not None]
    if not panels:
        why = "; ".join(f"{row['id']}: {_why(row)}" for row in asked.to_dict("records"))
        return placeholder(TITLE, why), []
    rows = math.ceil(len(panels) / COLUMNS)
    figure = new_figure(1.1 + 2.9 * rows)
    figure.suptitle(TITLE)
    for position, panel in enumerate(panels):
        axes = figure.add_subplot(rows, min(COLUMNS, len(panels)), position + 1)
        _draw(axes, panel, summary.level)
        if position % COLUMNS == 0:
            axes.set_ylabel("accuracy (%), test part")
    figure.legend(handles=_handles(panels), loc="outside lower center", ncols=3)
    return figure, [shape for panel in panels for shape in _shapes(panel)]


def _why(row: Mapping[Any, Any]) -> str:
    if row["verdict"] == "not run":
        return f"not run ({row['why']})"
    return "fewer than two cells of its range have run"


def _panel(summary: Summary, row: Mapping[Any, Any]) -> _Panel | None:
    claim = {str(key): value for key, value in row.items()}
    span = (claim.get("range_low", math.nan), claim.get("range_high", math.nan))
    if claim["verdict"] == "not run" or not all(map(_known, span)):
        return None
    points = score_points(summary, claim["score"], {"own": Key(claim["scorer"], claim["parser"])})
    means = [p for p in points if p.seed == MEAN and p.place == "curve" and p.known]
    low, high = (100 * value for value in span)
    interior = [p for p in means if low - _SAME <= p.text_share_pct <= high + _SAME]
    edge = None
    if claim["rule"] == "cliff":
        place = 100 * claim.get("edge", math.nan)
        edge = next((p for p in means if abs(p.text_share_pct - place) < _SAME), None)
        if edge is None:
            return None
    return _Panel(claim, means, interior, edge) if len(interior) > 1 else None


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _draw(axes: Axes, panel: _Panel, level: str) -> None:
    series = SERIES["strict"]
    xs, ys = _arrays(panel.means)
    for point in (p for p in panel.means if p.bounded):
        ends = on_scale(point.low_pct, point.high_pct)
        axes.vlines(point.text_share_pct, *ends, color=series.colour, lw=0.8, zorder=3)
    axes.plot(xs, ys, color=series.colour, marker=series.marker, ls="", zorder=3)
    if panel.edge is None:
        _draw_strip(axes, panel)
    else:
        _draw_fall(axes, panel, panel.edge)
    axes.set_title(_title(panel, level), fontsize=7)
    axes.set_xlabel(SHARE_LABEL)
    axes.margins(0.08, 0.12)


def _arrays(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [p.text_share_pct for p in points], [p.accuracy_pct for p in points]


def _draw_strip(axes: Axes, panel: _Panel) -> None:
    xs, ys = _arrays(panel.interior)
    middle, half = (max(ys) + min(ys)) / 2, 50 * panel.claim["margin"]
    axes.fill_between(
        [min(xs), max(xs)], middle - half, middle + half, color=FAINT, alpha=0.25, lw=0
    )
    outside = [p for p in panel.means if p not in panel.interior]
    axes.plot(*_arrays(outside), color="white", marker=".", ms=4, ls="", zorder=4)


def _draw_fall(axes: Axes, panel: _Panel, edge: Point) -> None:
    slope, start = panel.line
    xs, _ = _arrays(panel.interior)
    ends = [min(xs), max(xs)]
    axes.plot(ends, [start + slope * x for x in ends], color=INK, lw=1.2, zorder=2)
    last = panel.last
    axes.plot(
        [last.text_share_pct, edge.text_share_pct],
        [last.accuracy_pct, panel.expected_pct],
        color=INK,
        lw=1.2,
        ls="--",
        zorder=2,
    )
    axes.plot(
        *([edge.text_share_pct], [panel.expected_pct]), marker="o", mfc="white", mec=INK, zorder=3
    )
    # Beside the cell and with ends of its own, so that a small drop is seen.
    beside = [edge.text_share_pct + _BESIDE] * 2
    ends = [panel.expected_pct, edge.accuracy_pct]
    axes.plot(beside, ends, color=_DROP, lw=1.6, marker="_", ms=7, mew=1.4, zorder=4)


def _title(panel: _Panel, level: str) -> str:
    claim = panel.claim
    post = f" ({POST_HOC})" if claim["registered"] == POST_HOC else ""
    low, value, high = (100 * claim[name] for name in ("low", "value", "high"))
    said = "drop beyond the line" if claim["rule"] == "cliff" else "largest difference"
    measure = f"{claim['scorer']}, {claim['parser']}"
    shown = f"{value:.1f}"
    if not math.isnan(low):
        shown += f" ({100 * claim['level']:.3g} %: {low:.1f} to {high:.1f})"
    return (
        f"{claim['id']}{post}: {claim['verdict']} (margin {100 * claim['margin']:.1f} points)\n"
        f"{claim['score']} ({measure})\n{said} {shown} points\n"
        f"{counts_text(panel.means)}; bars: {level} each"
    )


def _handles(panels: Sequence[_Panel]) -> list[Any]:
    look = SERIES["strict"]
    handles: list[Any] = [
        Line2D([], [], color=look.colour, marker=look.marker, ls="", label="mean of a cell")
    ]
    if any(panel.edge for panel in panels):
        handles += [
            Line2D([], [], color=INK, lw=1.2, label="least-squares line of the interior"),
            Line2D([], [], color=INK, lw=1.2, ls="--", marker="o", mfc="white",
                   label="its fall carried on to the edge"),
            Line2D([], [], color=_DROP, lw=1.6, marker="_", ms=7,
                   label="drop beyond it: the claim"),
        ]  # fmt: skip
    if any(panel.edge is None for panel in panels):
        handles.append(
            Patch(facecolor=FAINT, alpha=0.25, lw=0, label="as high as the margin, over the range")
        )
    return handles


def _shapes(panel: _Panel) -> Iterator[Shape]:
    claim = panel.claim
    named = (claim["id"], claim["rule"])
    for p in panel.means:
        yield Shape(
            *(*named, "mean", p.cell, p.text_share_pct, p.accuracy_pct, p.low_pct, p.high_pct)
        )
    if panel.edge is not None:
        slope, start = panel.line
        shares = [p.text_share_pct for p in panel.interior]
        for share in (min(shares), max(shares)):
            yield Shape(*named, "line", "", share, start + slope * share)
        yield Shape(*named, "expected", "", panel.edge.text_share_pct, panel.expected_pct)
    value, low, high, margin = (100 * claim[k] for k in ("value", "low", "high", "margin"))
    yield Shape(*named, "claim", "", math.nan, value, low, high, margin, claim["verdict"])
