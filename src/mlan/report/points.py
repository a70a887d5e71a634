"""The numbers of a figure, before any drawing: what is drawn is exactly what the CSV holds.

One `Point` per mean over seeds and one per run. A planned cell without a score gives a point
without a value, so that a gap has a place on the axis.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from mlan.report.summary import TUNED, Cell, Key, Summary

MEAN = "mean"


@dataclass(frozen=True)
class Point:
    """One drawn number. Accuracies, bounds and chance are per cent; NaN is "not known".

    `seed` is a run's seed or `mean`; `not_run` lists the planned seeds without a score; only a
    mean has an interval (`low_pct`, `high_pct`), what it covers (`covers`) and its counts. The band
    (`band_low_pct`, `band_high_pct`) holds for all shares of the curve at once.
    """

    panel: str
    series: str
    cell: str
    place: str
    text_share_pct: float
    seed: str
    accuracy_pct: float
    low_pct: float = math.nan
    high_pct: float = math.nan
    chance_pct: float = math.nan
    items: float = math.nan
    clusters: float = math.nan
    seeds: float = math.nan
    covers: str = ""
    not_run: str = ""
    band_low_pct: float = math.nan
    band_high_pct: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return math.isfinite(self.accuracy_pct)

    @property
    def complete(self) -> bool:
        """Whether there is a value and every planned seed is in it."""
        return self.known and not self.not_run

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low_pct) and math.isfinite(self.high_pct)

    @property
    def simultaneous(self) -> bool:
        """Whether there is a band for all shares at once."""
        return math.isfinite(self.band_low_pct) and math.isfinite(self.band_high_pct)


def score_points(summary: Summary, panel: str, series: Mapping[str, Key]) -> list[Point]:
    """Return means and runs of one benchmark or group (`panel`), for each named series.

    A series that was not measured at all gives no points.
    """
    points: list[Point] = []
    for name, key in series.items():
        runs = summary.scores(panel, key)
        if not runs:
            continue
        for cell in summary.cells:
            mean = _mean_point(summary, panel, name, key, cell)
            if mean is not None:
                points.append(mean)
            points += [
                Point(
                    *(panel, name, cell.name, cell.place, _share(cell), str(row["seed"])),
                    accuracy_pct=100 * row["value"],
                    chance_pct=100 * row["chance"],
                    items=row["n"],
                )
                for row in sorted(runs, key=lambda row: int(row["seed"]))
                if row["cell"] == cell.name
            ]
    return points


def _mean_point(summary: Summary, panel: str, series: str, key: Key, cell: Cell) -> Point | None:
    row = summary.interval(panel, key, cell.name)
    place = (panel, series, cell.name, cell.place, _share(cell), MEAN)
    not_run = summary.not_run(cell, key)
    if row is None:
        return Point(*place, accuracy_pct=math.nan, not_run=not_run) if not_run else None
    return Point(
        *place,
        accuracy_pct=100 * row["value"],
        low_pct=100 * row["low"],
        high_pct=100 * row["high"],
        chance_pct=100 * row["chance"],
        items=row["n"],
        clusters=row["clusters"],
        seeds=row["seeds"],
        covers=str(row["covers"]),
        not_run=not_run,
        band_low_pct=100 * row.get("band_low", math.nan),
        band_high_pct=100 * row.get("band_high", math.nan),
    )


def invalid_points(summary: Summary, panel: str, series: Mapping[str, Key]) -> list[Point]:
    """Return the rate of invalid answers in per cent, per run and its plain mean over runs."""
    points: list[Point] = []
    for name, key in series.items():
        rows = summary.scores(panel, key)
        for cell in summary.cells:
            place = (panel, name, cell.name, cell.place, _share(cell))
            rates = {int(row["seed"]): 100 * row["invalid_rate"] for row in rows
                     if row["cell"] == cell.name}  # fmt: skip
            mean = sum(rates.values()) / len(rates) if rates else math.nan
            not_run = summary.not_run(cell, key)
            if rates or not_run:
                points.append(Point(*place, MEAN, mean, seeds=len(rates), not_run=not_run))
            points += [Point(*place, str(seed), rate) for seed, rate in sorted(rates.items())]
    return points


def _share(cell: Cell) -> float:
    return math.nan if cell.share_pct is None else cell.share_pct


def frame(points: Iterable[Any]) -> pd.DataFrame:
    """Return dataclass rows as a table, columns in the order of the fields."""
    return pd.DataFrame([asdict(point) for point in points])


def means(points: Iterable[Point], place: str) -> list[Point]:
    """Return the means at one place (`curve`, `untuned`, ...), in drawing order."""
    return [p for p in points if p.seed == MEAN and p.place == place]


def counts_text(points: Iterable[Point]) -> str:
    """Return `n = 480 items, 212 clusters, 3 seeds` of the tuned means; ranges if they differ."""
    tuned = [p for p in points if p.seed == MEAN and p.known and p.place in TUNED]
    shown = tuned or [p for p in points if p.seed == MEAN and p.known]
    if not shown:
        return "no score"
    items, clusters = (
        _range([int(getattr(p, name)) for p in shown]) for name in ("items", "clusters")
    )
    return f"n = {items} items, {clusters} clusters, {seeds_text([int(p.seeds) for p in shown])}"


def seeds_text(counts: Collection[int]) -> str:
    """Return `3 seeds`, `1 seed` or `2–3 seeds`; empty where none is counted."""
    return f"{_range(counts)} seed{'' if set(counts) == {1} else 's'}" if counts else ""


def _range(values: Collection[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


def covers_text(points: Iterable[Point]) -> str:
    """Return what the intervals cover, every wording that occurs among tuned means."""
    tuned = [p for p in points if p.seed == MEAN and p.covers and p.place in TUNED]
    shown = tuned or [p for p in points if p.seed == MEAN and p.covers]
    return " / ".join(sorted({p.covers for p in shown}, reverse=True))
