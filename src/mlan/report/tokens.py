"""Figures of what training cost in tokens: score against tokens, composition of every mixture.

What is counted, and how, stands in `mlan.evidence.budgets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mlan.evidence import budgets
from mlan.report.curve import apart, chance_levels, on_scale, top_pct
from mlan.report.front import steps
from mlan.report.points import MEAN, Point, counts_text, score_points
from mlan.report.style import FAINT, INK, PARTS, SERIES, luma, new_figure, placeholder
from mlan.report.summary import AVERAGES, MEASURES, Summary

HEADLINE = {name: MEASURES[name] for name in ("strict", "option")}


@dataclass(frozen=True)
class Budget(budgets.Budget):
    """A budget with its place in the figures (see `mlan.evidence.budgets`)."""

    place: str
    text_share_pct: float


@dataclass(frozen=True)
class TokenPoint:
    """One run in the figure of score against tokens; `low`/`high` cover its items only."""

    panel: str
    series: str
    cell: str
    text_share_pct: float
    seed: str
    lm_tokens: float
    accuracy_pct: float
    low_pct: float
    high_pct: float
    chance_pct: float


def run_budgets(summary: Summary) -> list[Budget]:
    """Return one budget a run, cells in drawing order."""
    return _placed(summary, budgets.run_budgets(summary.tokens))


def cell_budgets(summary: Summary) -> list[Budget]:
    """Return the mean budget of every cell that has a run."""
    return _placed(summary, budgets.cell_budgets(summary.tokens).values())


def _placed(summary: Summary, found: Iterable[budgets.Budget]) -> list[Budget]:
    own = list(found)
    return [
        Budget(**vars(budget), place=cell.place, text_share_pct=float(cell.share_pct or 0))
        for cell in summary.tuned
        for budget in own
        if budget.cell == cell.name
    ]


def draw_score_vs_tokens(summary: Summary) -> tuple[Figure, list[TokenPoint]]:
    """Score of every run against its measured LM tokens."""
    tokens = {(run.cell, run.seed): run for run in run_budgets(summary)}
    budgets = {budget.cell: budget for budget in cell_budgets(summary)}
    panels = {g: score_points(summary, g, HEADLINE) for g in AVERAGES.values()}
    points = [p for g in panels for p in _token_points(summary, g, tokens)]
    if not points:
        return placeholder("Score against training tokens", "no run has both"), points
    figure = new_figure(3.9)
    figure.suptitle("Score against measured training tokens, one point a run")
    scored = [p for own in panels.values() for p in own]
    scale, unit = _unit(max(p.lm_tokens for p in points))
    for axes, (group, own) in zip(
        figure.subplots(1, 2, squeeze=False)[0], panels.items(), strict=True
    ):
        here = [p for p in points if p.panel == group]
        _draw_token_points(axes, here, scale)
        _label_cells(axes, here, summary, scale, top_pct(scored))
        _draw_front(axes, own, budgets, scale)
        for chance in chance_levels(own):
            axes.axhline(chance, color=FAINT, ls=":", lw=1.2)
        axes.set_title(f"{group[:1].upper()}{group[1:]}\n{counts_text(own)}")
        axes.set_xlabel(f"LM tokens of training, images included{unit}")
    figure.axes[0].set_ylabel("accuracy (%), test part")
    _token_legend(figure, summary)
    return figure, points


def _token_points(
    summary: Summary, group: str, tokens: dict[tuple[str, str], Budget]
) -> Iterable[TokenPoint]:
    quantile = NormalDist().inv_cdf(0.5 + summary.confidence / 2)
    for name, key in HEADLINE.items():
        for row in summary.scores(group, key):
            run = tokens.get((row["cell"], str(row["seed"])))
            if run is not None:
                value, reach = 100 * row["value"], 100 * quantile * row["standard_error"]
                yield TokenPoint(
                    *(group, name, run.cell, run.text_share_pct, run.seed, run.lm_tokens),
                    accuracy_pct=value,
                    low_pct=value - reach,
                    high_pct=value + reach,
                    chance_pct=100 * row["chance"],
                )


def _draw_token_points(axes: Axes, points: Sequence[TokenPoint], scale: float) -> None:
    for name in dict.fromkeys(p.series for p in points):
        own = [p for p in points if p.series == name]
        look = SERIES[name]
        xs, ends = (
            [p.lm_tokens / scale for p in own],
            [on_scale(p.low_pct, p.high_pct) for p in own],
        )
        lows, highs = [low for low, _ in ends], [high for _, high in ends]
        axes.vlines(xs, lows, highs, color=look.colour, lw=0.7, alpha=0.85)
        axes.plot(
            xs,
            [p.accuracy_pct for p in own],
            color=look.colour,
            marker=look.marker,
            ms=3.5,
            ls="",
            alpha=0.85,
        )


def _draw_front(
    axes: Axes, scores: Sequence[Point], budgets: Mapping[str, Budget], scale: float
) -> None:
    """The staircase of the cells' means that no cell with fewer tokens reaches."""
    for name in HEADLINE:
        places = [
            (budgets[p.cell].lm_tokens / scale, p.accuracy_pct)
            for p in scores
            if p.series == name and p.seed == MEAN and p.known and p.cell in budgets
        ]
        end = max((x for x, _ in places), default=0.0)
        axes.plot(*steps(places, end), color=SERIES[name].colour, ls=SERIES[name].dash, lw=0.8)


def _label_cells(
    axes: Axes, points: Sequence[TokenPoint], summary: Summary, scale: float, top: float
) -> None:
    """Name the cells in a row above the points, moved apart, each tied to its highest bar."""
    marks = []
    for cell in summary.tuned:
        own = [p for p in points if p.cell == cell.name]
        if own:
            x = sum(p.lm_tokens for p in own) / len(own) / scale
            marks.append((x, on_scale(0.0, max(p.high_pct for p in own))[1], cell.label))
    marks.sort()
    axes.margins(x=0.1)
    low, high = axes.get_xlim()
    places = apart([x for x, _, _ in marks], 0.05 * (high - low), high)
    longest = max((len(label) for _, _, label in marks), default=0)
    for (x, reach, label), place in zip(marks, places, strict=True):
        axes.annotate(
            *(label, (x, reach)),
            xytext=(place, 1.08 * top),
            ha="center",
            va="bottom",
            rotation=90,
            fontsize=6.5,
            color=INK,
            arrowprops={
                "arrowstyle": "-",
                "color": FAINT,
                "lw": 0.4,
                "relpos": (0.5, 0),
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
    axes.set_xlim(low, high)
    # A letter is about .055 in long and the axes about 2.4 in high.
    names = min(0.45, 0.055 * longest / 2.4)
    axes.set_ylim(0, 1.08 * top / (0.97 - names))
    axes.set_yticks([tick for tick in range(0, 101, 20) if tick <= top])


def _token_legend(figure: Figure, summary: Summary) -> None:
    handles: list[Any] = [
        Line2D(
            [], [], color=SERIES[n].colour, marker=SERIES[n].marker, ls="", label=SERIES[n].label
        )
        for n in HEADLINE
    ]
    bar = f"{summary.level} interval of one run (items)"
    handles.append(Line2D([], [], color=FAINT, marker="|", ms=9, ls="", label=bar))
    handles.append(Line2D([], [], color=FAINT, ls=":", lw=1.2, label="chance"))
    front = "front of the cells' means"
    handles.append(Line2D([], [], color=INK, lw=0.8, label=front))
    handles.append(Line2D([], [], ls="", label="above: text-only share"))
    keys = HEADLINE.values()
    missing = [c.label for c in summary.tuned if any(summary.not_run(c, key) for key in keys)]
    if missing:
        handles.append(Line2D([], [], ls="", label=f"seeds missing: {', '.join(missing)}"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)


def _unit(largest: float) -> tuple[float, str]:
    for scale, name in ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands")):
        if largest >= 2 * scale:
            return scale, f" ({name})"
    return 1.0, ""


def draw_composition(summary: Summary) -> tuple[Figure, list[Budget]]:
    """Token composition of every cell's mixture, mean over its runs."""
    means = cell_budgets(summary)
    if not means:
        return placeholder("Token composition", "no run has an accounting"), means
    cells = summary.tuned
    figure = new_figure(1.5 + 0.3 * len(cells))
    figure.suptitle("Token composition of the training mixtures")
    axes = figure.subplots()
    scale, unit = _unit(max(b.lm_tokens for b in means))
    by_cell = {budget.cell: budget for budget in means}
    for row, cell in enumerate(cells):
        end = _draw_bar(axes, row, by_cell[cell.name], scale) if cell.name in by_cell else 0.0
        if cell.not_run:
            axes.text(end, row, f"  not run: seed {cell.not_run}", va="center", fontsize=6.5)
    axes.set_yticks(range(len(cells)), [cell.label for cell in cells])
    axes.set_ylim(len(cells) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.set_ylabel("cell (text-only share of examples)")
    runs = sorted({b.runs for b in means})
    seeds = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]}–{runs[-1]}"
    seeds += " seed" if seeds == "1" else " seeds"
    axes.set_xlabel(f"tokens of one run{unit}, mean over {seeds}")
    handles = [Patch(facecolor=c, edgecolor=INK, lw=0.4, label=n) for n, c in PARTS.items()]
    handles += [
        Patch(facecolor="none", edgecolor=INK, lw=0, hatch="////", label="supervised (carry loss)"),
        Patch(facecolor="none", edgecolor=FAINT, ls="--", lw=0.8, label="padding (not LM tokens)"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure, means


def _draw_bar(axes: Axes, row: int, budget: Budget, scale: float) -> float:
    """Draw one cell's bar and return where it ends."""
    widths = (budget.text_of_text_tokens, budget.text_of_vision_tokens, budget.image_tokens)
    supervised = (budget.supervised_text_tokens, budget.supervised_vision_tokens, 0.0)
    left = 0.0
    for colour, width, marked in zip(PARTS.values(), widths, supervised, strict=True):
        common: dict[str, Any] = {"height": 0.7, "left": left / scale}
        axes.barh(row, width / scale, color=colour, edgecolor=INK, linewidth=0.4, **common)
        if marked:
            axes.barh(
                *(row, marked / scale),
                **common,
                color="none",
                edgecolor="white" if luma(colour) < 0.5 else INK,
                hatch="////",
                linewidth=0,
            )
        left += width
    axes.barh(
        *(row, budget.padding_tokens / scale),
        height=0.7,
        left=left / scale,
        color="none",
        edgecolor=FAINT,
        linestyle="--",
        linewidth=0.8,
    )
    return (left + budget.padding_tokens) / scale
