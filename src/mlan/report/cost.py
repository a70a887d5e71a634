"""Score against what training cost: operations and hours, with the front of the cheapest.

Numbers are those of compute.csv: measured on the machine that ran the study, different in every
run, and part of no record. So are this figure and the table of compute: `draw` writes them beside
the others and vouches for neither. Stage 1 is shared by cells: it has a row of its own in the
table, is told beside the figure's axes and is in the cost of no cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mlan.evidence.compute import COLUMNS, STAGE_1
from mlan.report.curve import on_scale
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

    A cost that was not measured is NaN; `runs` is the number that has one. `stage1_tflop` and
    `stage1_hours` are the mean cost of the stage 1 that they stand on, shared by `stage1_cells`.
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
    stage1_tflop: float
    stage1_hours: float
    stage1_cells: int

    def cost(self, quantity: str) -> float:
        """The cost on the axis of a quantity."""
        return self.cost_tflop if quantity == "operations" else self.cost_hours

    def stage1(self, quantity: str) -> float:
        """What the stage 1 cost that its runs stand on."""
        return self.stage1_tflop if quantity == "operations" else self.stage1_hours


def draw_cost(summary: Summary) -> tuple[Figure, list[CostPoint]]:
    """Strict accuracy against operations and hours of stage 2."""
    runs = summary.compute
    tuned = runs[runs["stage"] == STAGE] if len(runs) else runs
    scores = {g: score_points(summary, g, _STRICT) for g in AVERAGES.values()}
    points = [p for own in scores.values() for p in _points(own, tuned, runs)]
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
    handles = _handles(points, bar, _shared(points, shown))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure, points


def _shared(points: Sequence[CostPoint], shown: Sequence[str]) -> str:
    """What stage 1 cost, which is in no point; empty where that is not known."""
    told, cells = [], set()
    for quantity in shown:
        known = [p for p in points if math.isfinite(p.stage1(quantity))]
        if known:
            scale, unit = _unit(quantity, max(p.stage1(quantity) for p in known))
            costs = sorted(p.stage1(quantity) / scale for p in known)
            span = dict.fromkeys(f"{cost:.3g}" for cost in (costs[0], costs[-1]))
            told.append(f"{'–'.join(span)} {unit}")
            cells |= {p.stage1_cells for p in known}
    sharing = "–".join(str(n) for n in dict.fromkeys((min(cells), max(cells)))) if cells else ""
    return f"plus stage 1, shared by {sharing} cells: {', '.join(told)}" if told else ""


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


def _points(
    scored: Sequence[Point], runs: pd.DataFrame, compute: pd.DataFrame
) -> Iterator[CostPoint]:
    costs = {quantity: _costs(runs, quantity) for quantity in QUANTITIES}
    shared = {quantity: _shared_costs(compute, quantity) for quantity in QUANTITIES}
    for point in scored:
        own = {quantity: found.get(point.cell, []) for quantity, found in costs.items()}
        if point.seed == MEAN and point.known and any(own.values()):
            stage1 = {q: found.get(point.cell, (math.nan, 0)) for q, found in shared.items()}
            yield CostPoint(
                *(point.panel, point.cell, point.place, point.text_share_pct),
                cost_tflop=_mean(own["operations"]),
                cost_hours=_mean(own["hours"]),
                accuracy_pct=point.accuracy_pct,
                low_pct=point.low_pct,
                high_pct=point.high_pct,
                runs=max(map(len, own.values())),
                stage1_tflop=stage1["operations"][0],
                stage1_hours=stage1["hours"][0],
                stage1_cells=stage1["hours"][1],
            )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _costs(runs: pd.DataFrame, quantity: str) -> dict[str, list[float]]:
    """Cost of every run by cell."""
    found: dict[str, list[float]] = {}
    for row in runs.to_dict("records"):
        value = _cost(row, quantity)
        if math.isfinite(value):
            found.setdefault(str(row["cell"]), []).append(value)
    return found


def _shared_costs(compute: pd.DataFrame, quantity: str) -> dict[str, tuple[float, int]]:
    """By cell the mean cost of the stage 1s that its runs stand on, and how many cells share it."""
    found: dict[str, list[tuple[float, int]]] = {}
    for row in _stage_1(compute).to_dict("records"):
        cells = str(row["shared_by"]).split(";")
        for cell in cells:
            found.setdefault(cell, []).append((_cost(row, quantity), len(cells)))
    return {
        cell: (sum(cost for cost, _ in own) / len(own), max(cells for _, cells in own))
        for cell, own in found.items()
    }


def _stage_1(compute: pd.DataFrame) -> pd.DataFrame:
    """The jobs that no cell has for itself."""
    if compute.empty or "shared_by" not in compute:
        return pd.DataFrame(columns=COLUMNS)
    return compute[compute["shared_by"].notna()]


def _cost(row: Mapping[Any, Any], quantity: str) -> float:
    """TFLOP of a job, or its hours; devices work side by side, so their hours add up."""
    if quantity == "operations":
        return float(row.get("tflop", math.nan))
    devices = row.get("processes", math.nan)
    return float(row["seconds"] / 3600 * (devices if math.isfinite(devices) else 1))


def _draw(
    axes: Axes, points: Sequence[CostPoint], labels: dict[str, str], quantity: str, scale: float
) -> None:
    axes.margins(0.15, 0.15)
    looks = share_looks(p.text_share_pct for p in points if p.place == "curve")
    bars: list[tuple[float, float]] = []
    for p in points:
        x = p.cost(quantity) / scale
        if math.isfinite(p.low_pct):
            low, high = on_scale(p.low_pct, p.high_pct)
            axes.vlines(x, low, high, color=FAINT, lw=0.8)
            bars += [(x, low), *along([(x, low), (x, high)], 12), (x, high)]
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


def _handles(points: Sequence[CostPoint], bar: str, shared: str) -> list[Any]:
    runs = sorted({p.runs for p in points})
    seeds = "–".join(map(str, dict.fromkeys((runs[0], runs[-1]))))
    return [
        Line2D([], [], marker="o", ls="", mfc=SERIES["strict"].colour, mec=INK, mew=0.5,
               label=f"cell (darker: more text), mean of {seeds} runs"),
        Line2D([], [], color=FAINT, marker="|", ms=9, ls="", label=bar),
        Line2D([], [], color=INK, lw=0.9, label="front of the means: nothing beats it on both"),
        Line2D([], [], ls="", label="measured where it ran: never the same twice"),
        *([Line2D([], [], ls="", label=shared)] if shared else []),
    ]  # fmt: skip


def compute_table(summary: Summary) -> Table:
    """What jobs took by cell and stage, means and sums; stage 1 once; the whole grid last."""
    compute = summary.compute
    labels = {cell.name: cell.label for cell in summary.cells}
    rows: list[tuple[str, ...]] = []
    blocks: list[int] = []
    shared = _stage_1(compute)
    for cells, own in shared.groupby("shared_by", sort=False):
        rows.append((f"shared by {len(str(cells).split(';'))} cells", STAGE_1, *_took(own)))
    for cell in summary.cells:
        own = compute[compute["cell"] == cell.name]
        if len(own) and rows:
            blocks.append(len(rows))
        for stage, found in own.groupby("stage", sort=False):
            rows.append((cell.label, str(stage), *_took(found)))
    if rows:
        blocks.append(len(rows))
        rows.append(("whole grid", "all", *_summed(compute)))
    return Table(
        caption="What jobs took, by cell and stage.",
        header=("cell", "stage", "jobs", "seconds", "hours in all", "tokens/s", "TFLOP",
                "TFLOP in all", "peak memory (GB)", "peak GPU memory (GB)"),
        rows=tuple(rows),
        note=_note(compute, labels) if rows else "Empty: what runs took is not known here "
        "(compute.csv).",
        words=2,
        blocks=tuple(blocks),
    )  # fmt: skip


def _took(found: pd.DataFrame) -> tuple[str, ...]:
    """Jobs, then means and sums of what they took."""

    def mean(name: str, places: int, factor: float = 1.0) -> str:
        values = found[name].dropna() if name in found else pd.Series(dtype=float)
        return f"{factor * float(values.mean()):.{places}f}" if len(values) else ABSENT

    jobs, _, hours, _, _, flop, *_ = _summed(found)
    return (
        *(jobs, mean("seconds", 1), hours, mean("tokens_per_s", 0), mean("tflop", 1), flop),
        *(mean("peak_mb", 2, 1e-3), mean("peak_gpu_gb", 2)),
    )


def _summed(found: pd.DataFrame) -> tuple[str, ...]:
    """The same columns with sums alone."""
    jobs = found.to_dict("records")
    hours = sum(_cost(job, "hours") for job in jobs)
    counted = [one for job in jobs if math.isfinite(one := _cost(job, "operations"))]
    flop = f"{sum(counted):.1f}" if counted else ABSENT
    return (str(len(jobs)), ABSENT, f"{hours:.3f}", ABSENT, ABSENT, flop, ABSENT, ABSENT)


def _note(compute: pd.DataFrame, labels: Mapping[str, str]) -> str:
    trained = compute[compute["stage"].isin([STAGE_1, STAGE])]
    uncounted = int(trained["tflop"].isna().sum())
    parts = [
        "Seconds, tokens/s, TFLOP and memory are means over jobs; hours of several GPUs of a job "
        "are added up. Training alone counts its operations.",
        *([f"Not counted: {uncounted} of {len(trained)} jobs."] if uncounted else []),
        "Measured on the machine that ran them: different in every run, and part of no record.",
    ]
    for row in _stage_1(compute).to_dict("records"):
        cells = [labels.get(cell, cell) for cell in str(row["shared_by"]).split(";")]
        parts.append(f"Stage 1 {row['stack']}: shared by {', '.join(cells)}.")
    return " ".join(parts)
