"""Score against what training cost: operations and hours, with the front of the cheapest.

Numbers are those of compute.csv: measured on the machine that ran the study, different in every
run, and part of no record. So are this figure and the table of compute: `draw` writes them beside
the others and vouches for neither. Stage 1 is shared by all cells and left out.
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
from matplotlib.ticker import MaxNLocator

from mlan.report.front import steps
from mlan.report.labels import along, name_points
from mlan.report.points import MEAN, Point, counts_text, covers_text, score_points
from mlan.report.style import FAINT, INK, SERIES, new_figure, placeholder, share_looks
from mlan.report.summary import AVERAGES, MEASURES, Summary
from mlan.report.tables import ABSENT, Table

TITLE = "Score against the cost of training"
STAGE = "tune"
PANEL_PT = (215.0, 130.0)  # of one of the panels, about
QUANTITIES = ("operations", "hours")
_STRICT = {"strict": MEASURES["strict"]}


@dataclass(frozen=True)
class CostPoint:
    """One cell on one panel: mean costs of its runs and their score; hours of all devices.

    A cost that was not measured is NaN; `runs` is the number that has one.
    """

    panel: str
    cell: str
    place: str
    text_share_pct: float
    cost_tflop: float
    cost_hours: float
    accuracy_pct: float
    low_pct: float
    high_pct: float
    runs: int

    def cost(self, quantity: str) -> float:
        """The cost on the axis of a quantity."""
        return self.cost_tflop if quantity == "operations" else self.cost_hours


def draw_cost(summary: Summary) -> tuple[Figure, list[CostPoint]]:
    """Strict accuracy against operations and hours of stage 2."""
    runs = summary.compute
    tuned = runs[runs["stage"] == STAGE] if len(runs) else runs
    scores = {g: score_points(summary, g, _STRICT) for g in AVERAGES.values()}
    points = [p for own in scores.values() for p in _points(own, tuned)]
    if not points:
        return placeholder(TITLE, "what training took is not known here (compute.csv)"), points
    shown = [q for q in QUANTITIES if any(math.isfinite(p.cost(q)) for p in points)]
    figure = new_figure(1.5 + 2.4 * len(shown))
    figure.suptitle(f"{TITLE}: stage 2, one point a cell, strict parser")
    axes = figure.subplots(len(shown), len(AVERAGES), squeeze=False)
    for row, quantity in enumerate(shown):
        costly = [p for p in points if math.isfinite(p.cost(quantity))]
        scale, unit = _unit(quantity, max(p.cost(quantity) for p in costly))
        for column, (group, scored) in enumerate(scores.items()):
            own = [p for p in costly if p.panel == group]
            _draw(axes[row][column], own, {c.name: c.label for c in summary.cells}, quantity, scale)
            axes[row][column].set_xlabel(f"{unit} of {_what(quantity, tuned)}")
            if row == 0:
                name = f"{group[:1].upper()}{group[1:]}"
                axes[row][column].set_title(f"{name}\n{counts_text(scored)}")
        axes[row][0].set_ylabel("accuracy (%), test part")
    covers = covers_text(p for scored in scores.values() for p in scored)
    bar = f"{summary.level} interval of a cell: {covers}"
    figure.legend(handles=_handles(points, bar), loc="outside lower center", ncols=2)
    return figure, points


def _unit(quantity: str, largest: float) -> tuple[float, str]:
    """What one unit of the axis is worth in TFLOP or hours, and its name."""
    units = {
        "operations": ((1e6, "EFLOP"), (1e3, "PFLOP"), (1.0, "TFLOP")),
        "hours": ((1.0, "hours"), (1 / 60, "minutes")),
    }[quantity]
    return next((unit for unit in units if largest >= 2 * unit[0]), units[-1])


def _what(quantity: str, runs: pd.DataFrame) -> str:
    return "training" if quantity == "operations" else f"training, {_device(runs)}"


def _device(runs: pd.DataFrame) -> str:
    on_gpu = "peak_gpu_gb" in runs and bool(runs["peak_gpu_gb"].notna().any())
    return "all GPUs of a run added up" if on_gpu else "the whole machine (CPU)"


def _points(scored: Sequence[Point], runs: pd.DataFrame) -> Iterator[CostPoint]:
    costs = {quantity: _costs(runs, quantity) for quantity in QUANTITIES}
    for point in scored:
        own = {quantity: found.get(point.cell, []) for quantity, found in costs.items()}
        if point.seed == MEAN and point.known and any(own.values()):
            yield CostPoint(
                *(point.panel, point.cell, point.place, point.text_share_pct),
                cost_tflop=_mean(own["operations"]),
                cost_hours=_mean(own["hours"]),
                accuracy_pct=point.accuracy_pct,
                low_pct=point.low_pct,
                high_pct=point.high_pct,
                runs=max(map(len, own.values())),
            )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _costs(runs: pd.DataFrame, quantity: str) -> dict[str, list[float]]:
    """Cost of every run by cell; devices work side by side, so their hours add up."""
    found: dict[str, list[float]] = {}
    for row in runs.to_dict("records"):
        if quantity == "operations":
            value = row.get("tflop", math.nan)
        else:
            devices = row.get("processes", math.nan)
            value = row["seconds"] / 3600 * (devices if math.isfinite(devices) else 1)
        if math.isfinite(value):
            found.setdefault(str(row["cell"]), []).append(value)
    return found


def _draw(
    axes: Axes, points: Sequence[CostPoint], labels: dict[str, str], quantity: str, scale: float
) -> None:
    axes.margins(0.15, 0.15)
    looks = share_looks(p.text_share_pct for p in points if p.place == "curve")
    bars: list[tuple[float, float]] = []
    for p in points:
        x = p.cost(quantity) / scale
        if math.isfinite(p.low_pct):
            axes.vlines(x, p.low_pct, p.high_pct, color=FAINT, lw=0.8)
            bars += [(x, p.low_pct), *along([(x, p.low_pct), (x, p.high_pct)], 12), (x, p.high_pct)]
        axes.plot(
            *([x], [p.accuracy_pct]),
            marker="o" if p.place == "curve" else "D",
            mfc=looks[p.text_share_pct][0] if p.place == "curve" else "white",
            mec=INK,
            mew=0.5,
            ls="",
            zorder=3,
        )
    end = axes.get_xlim()[1]
    places = [(p.cost(quantity) / scale, p.accuracy_pct) for p in points]
    corners = steps(places, end)
    axes.plot(*corners, color=INK, lw=0.9, zorder=2)
    axes.set_xlim(right=end)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    line = along([*zip(*corners, strict=True)])
    name_points(axes, places, [labels[p.cell] for p in points], PANEL_PT, [*bars, *line])


def _handles(points: Sequence[CostPoint], bar: str) -> list[Any]:
    runs = sorted({p.runs for p in points})
    seeds = "–".join(map(str, dict.fromkeys((runs[0], runs[-1]))))
    return [
        Line2D([], [], marker="o", ls="", mfc=SERIES["strict"].colour, mec=INK, mew=0.5,
               label=f"cell (darker: more text), mean of {seeds} runs"),
        Line2D([], [], color=FAINT, marker="|", ms=9, ls="", label=bar),
        Line2D([], [], color=INK, lw=0.9, label="front of the means: nothing beats it on both"),
        Line2D([], [], ls="", label="measured where it ran: never the same twice"),
    ]  # fmt: skip


def compute_table(summary: Summary) -> Table:
    """Seconds, rate and memory of every cell and stage, means over runs; total hours."""
    runs = summary.compute
    rows: list[tuple[str, ...]] = []
    blocks: list[int] = []
    for cell in summary.cells:
        own = runs[runs["cell"] == cell.name]
        if len(own) and rows:
            blocks.append(len(rows))
        for stage, found in own.groupby("stage", sort=False):
            rows.append((cell.label, str(stage), str(len(found)), *_means(found)))
    total = float(runs["seconds"].sum()) / 3600 if len(runs) else 0.0
    return Table(
        caption="What runs took, by cell and stage.",
        header=("cell", "stage", "runs", "seconds", "hours in all", "tokens/s", "TFLOP",
                "peak memory (GB)", "peak GPU memory (GB)"),
        rows=tuple(rows),
        note="Means over runs as they were measured on the machine that ran them; different in "
        f"every run, and part of no record. All runs together: {total:.2f} hours of jobs."
        if rows
        else "Empty: what runs took is not known here (compute.csv).",
        words=2,
        blocks=tuple(blocks),
    )  # fmt: skip


def _means(found: pd.DataFrame) -> tuple[str, ...]:
    def mean(name: str, places: int, factor: float = 1.0) -> str:
        values = found[name].dropna() if name in found else pd.Series(dtype=float)
        return f"{factor * float(values.mean()):.{places}f}" if len(values) else ABSENT

    return (
        *(mean("seconds", 1), f"{float(found['seconds'].sum()) / 3600:.3f}"),
        *(mean("tokens_per_s", 0), mean("tflop", 1), mean("peak_mb", 2, 1e-3)),
        mean("peak_gpu_gb", 2),
    )
