"""Every claim of a study drawn: its estimate, interval, margin and verdict, family by family.

Model: one row a claim in the order of claims.csv, told by its sentence where that fits. Differences
of scores and slopes stand on one axis in percentage points; a ratio of tokens has another unit and
is told in words. The interval has the level of the test that decided. A margin is an upright mark
that points to where the claim would be shown. What was not run keeps its row. Not here: verdicts.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE

from mlan.report.evidence import POST_HOC, SILENT
from mlan.report.points import seeds_text
from mlan.report.style import FAINT, INK, VERDICTS, new_figure, placeholder
from mlan.report.summary import Summary
from mlan.report.tables import ABSENT

TITLE = "Claims"
MARGIN = "margin"
NO_CLAIMS = "the study states no claims"
RATIO = "token_ratio"
_LINE, _LINES = 44, 2  # letters of a line of a claim's sentence, and lines that a row has
_ROW_IN = 0.27  # inches
# What is held against the margin, by rule and direction: at which sign of the margin, and on which
# side of it (1: above, -1: below) the claim is shown. A plateau's estimate is the largest absolute
# difference; estimate and margin of a saturation are of its gain.
MARGINS: dict[tuple[str, str], tuple[tuple[int, int], ...]] = {
    ("non_inferiority", ""): ((-1, 1),),
    ("equivalence", ""): ((-1, 1), (1, -1)),
    ("plateau", ""): ((1, -1),),
    ("trend", "falls"): ((-1, -1),),
    ("interaction", "equal"): ((-1, 1), (1, -1)),
}
_ABOVE = ((1, 1),)
_CARETS: dict[int, Any] = {1: CARETRIGHTBASE, -1: CARETLEFTBASE}

_TEXTS = (
    *("id", "sentence", "family", "rule", "score", "verdict", "registered", "covers", "why"),
    "direction",
)
_NUMBERS = ("level", "seeds", "clusters", "n")


@dataclass(frozen=True)
class ClaimRow:
    """One row of the figure. Estimate, interval and margin in points (a ratio for token ratios)."""

    id: str
    sentence: str
    family: str
    rule: str
    score: str
    value: float
    low: float
    high: float
    level: float
    margin: float
    verdict: str
    registered: str
    covers: str
    seeds: float
    clusters: float
    n: float
    why: str
    direction: str

    @property
    def sides(self) -> tuple[tuple[int, int], ...]:
        """Signs of the margin, each with the side of it on which the claim is shown."""
        return MARGINS.get((self.rule, self.direction), _ABOVE)

    @property
    def margins(self) -> list[float]:
        """Where the margin stands on the axis of the estimate."""
        return [sign * self.margin for sign, _ in self.sides]


def claim_rows(summary: Summary) -> list[ClaimRow]:
    """Return the claims as they are drawn, families together in the order of their first claim."""
    claims = [{str(k): v for k, v in row.items()} for row in
              summary.evidence.claims.to_dict("records")]  # fmt: skip
    families = list(dict.fromkeys(claim["family"] for claim in claims))
    claims.sort(key=lambda claim: families.index(claim["family"]))
    return [_row(claim) for claim in claims]


def _row(claim: Mapping[str, Any]) -> ClaimRow:
    factor = 1.0 if claim["rule"] == RATIO else 100.0
    texts = {name: _text(claim.get(name)) for name in _TEXTS}
    numbers = {name: _number(claim[name]) for name in _NUMBERS}
    numbers |= {name: factor * _number(claim[name]) for name in ("value", "low", "high", "margin")}
    fields: dict[str, Any] = {**texts, **numbers}
    return ClaimRow(**fields)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def draw_claims(summary: Summary) -> tuple[Figure, list[ClaimRow]]:
    """A forest plot of all claims with their verdicts at the right."""
    rows = claim_rows(summary)
    if not rows:
        return placeholder(TITLE, NO_CLAIMS), rows
    families = list(dict.fromkeys(row.family for row in rows))
    figure = new_figure(1.35 + _ROW_IN * (len(rows) + len(families)))
    figure.suptitle("Claims: estimate, interval and margin")
    axes = figure.subplots()
    span = _span(rows)
    y, ticks = 0.0, []
    for family in families:
        axes.text(0.012, y, f"{family} family", transform=axes.get_yaxis_transform(),
                  va="center", fontsize=7.5, fontweight="bold",
                  bbox={"facecolor": "white", "linewidth": 0, "pad": 1})  # fmt: skip
        y += 1
        for row in (row for row in rows if row.family == family):
            _draw_row(axes, row, y, span)
            ticks.append((y, row))
            y += 1
    axes.axvline(0, color=FAINT, lw=0.5, zorder=1)
    axes.set_yticks([place for place, _ in ticks], [_label(row) for _, row in ticks], fontsize=6.5)
    for text, (_, row) in zip(axes.get_yticklabels(), ticks, strict=True):
        text.set_color(VERDICTS[row.verdict].colour if row.verdict in SILENT else INK)
    axes.set_ylim(y - 0.4, -0.6)
    axes.set_xlim(*span)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("difference or slope (percentage points)")
    figure.legend(handles=_handles(rows), loc="outside lower center", ncols=2)
    return figure, rows


def _label(row: ClaimRow) -> str:
    post = f" ({POST_HOC})" if row.registered == POST_HOC else ""
    lines = textwrap.wrap(f"{row.sentence}{post}", _LINE, break_long_words=False)
    return "\n".join(lines) if 0 < len(lines) <= _LINES else f"{row.id}{post}"


def _span(rows: Sequence[ClaimRow]) -> tuple[float, float]:
    """The axis: 0, values and margins fit, intervals up to three times as far from 0."""
    drawn = [row for row in rows if row.rule != RATIO]
    near = [v for row in drawn for v in (row.value, *row.margins) if math.isfinite(v)]
    reach = 3 * max((abs(v) for v in near), default=1.0)
    ends = [v for row in drawn for v in (row.low, row.high) if math.isfinite(v)]
    far = [min(max(v, -reach), reach) for v in ends]
    low, high = min([0.0, *near, *far]), max([0.0, *near, *far])
    pad = 0.06 * (high - low) or 1.0
    return low - pad, high + pad


def _draw_row(axes: Axes, row: ClaimRow, y: float, span: tuple[float, float]) -> None:
    look = VERDICTS[row.verdict]
    axes.annotate(
        _said(row),
        (1.015, y),
        xycoords=axes.get_yaxis_transform(),
        va="center",
        fontsize=6.5,
        color=look.colour if row.verdict != "undecided" else INK,
        annotation_clip=False,
    )
    if row.verdict in SILENT or not math.isfinite(row.value):
        return
    if row.rule == RATIO:
        axes.text(0.5, y, "a ratio: not on this axis", transform=axes.get_yaxis_transform(),
                  ha="center", va="center", fontsize=6, color=FAINT)  # fmt: skip
        return
    for place, (_, side) in zip(row.margins, row.sides, strict=True):
        if math.isfinite(place):
            _draw_margin(axes, place, y, side)
    if math.isfinite(row.low) or math.isfinite(row.high):
        _draw_interval(axes, row, y, span)
    hollow = row.registered == POST_HOC or row.verdict == "undecided"
    axes.plot(
        *([row.value], [y]),
        marker=look.marker,
        color=look.colour,
        mfc="white" if hollow else look.colour,
        ms=5,
        zorder=4,
    )


def _draw_margin(axes: Axes, place: float, y: float, side: int) -> None:
    axes.plot([place, place], [y - 0.4, y + 0.4], color=INK, lw=1.2, zorder=2, label=MARGIN)
    axes.plot([place], [y - 0.33], marker=_CARETS[side], ms=4, color=INK, ls="", zorder=2)


def _draw_interval(axes: Axes, row: ClaimRow, y: float, span: tuple[float, float]) -> None:
    """The interval's line; where it leaves the axis an arrow says so."""
    colour = VERDICTS[row.verdict].colour
    low = row.low if math.isfinite(row.low) else -math.inf
    high = row.high if math.isfinite(row.high) else math.inf
    axes.plot([max(low, span[0]), min(high, span[1])], [y, y], color=colour, lw=1.4, zorder=3)
    for beyond, place, marker in ((low < span[0], span[0], "<"), (high > span[1], span[1], ">")):
        if beyond:
            axes.plot([place], [y], marker=marker, color=colour, ms=4, clip_on=False, zorder=3)


def _said(row: ClaimRow) -> str:
    """The words beside a row: number and verdict."""
    if row.verdict in SILENT:
        return row.verdict
    unit = "x tokens" if row.rule == RATIO else ""
    places = 2 if row.rule == RATIO else 1
    value = f"{row.value:.{places}f}{unit}" if math.isfinite(row.value) else ABSENT
    ends = math.isfinite(row.low) and math.isfinite(row.high)
    level = f"{100 * row.level:.3g} %: " if math.isfinite(row.level) else ""
    interval = f" ({level}{row.low:.{places}f} to {row.high:.{places}f})" if ends else ""
    return f"{value}{interval}  {row.verdict}"


def _handles(rows: Sequence[ClaimRow]) -> list[Any]:
    verdicts = [v for v in VERDICTS if v not in SILENT and any(row.verdict == v for row in rows)]
    handles = [
        Line2D([], [], color=VERDICTS[v].colour, marker=VERDICTS[v].marker, lw=1.4, label=v,
               mfc="white" if v == "undecided" else VERDICTS[v].colour)
        for v in verdicts
    ]  # fmt: skip
    caret = {"marker": _CARETS[1], "ms": 5, "color": INK, "ls": ""}
    handles.append(Line2D([], [], label="margin; the claim is on the side it points to", **caret))
    drawn = [row for row in rows if row.verdict not in SILENT and row.rule != RATIO]
    if drawn:
        text = "interval: level of the Holm-adjusted test"
        handles.append(Line2D([], [], color=FAINT, lw=1.4, label=text))
        covers = " / ".join(sorted({row.covers for row in drawn if row.covers}))
        seeds = seeds_text([int(row.seeds) for row in drawn if math.isfinite(row.seeds)])
        label = "; ".join(filter(None, [seeds, covers and f"covers {covers}"]))
        handles.append(Line2D([], [], ls="", label=label))
    if any(row.registered == POST_HOC for row in rows):
        handles.append(Line2D([], [], ls="", label="post hoc (open): after scores"))
    silent = [v for v in SILENT if any(row.verdict == v for row in rows)]
    if silent:
        handles.append(Line2D([], [], ls="", label=f"grey: {' or '.join(silent)}"))
    return handles
