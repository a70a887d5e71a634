"""The summary folder in memory: cells in drawing order, score and interval rows by key.

Model: the cells of the curve are those of `mlan.evidence.curves`; other tuned cells are drawn
apart, because they differ in more than the share. A planned seed without a score is missing, and
stays visible. Not here: estimates; every number is read as it was collected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.errors import DataError
from mlan.evidence.curves import on_curve
from mlan.records import checked, read_record
from mlan.report.evidence import Evidence, read_evidence

# Places of tuned cells, and of models to compare with, which have no share.
TUNED, BASELINES = ("curve", "other"), ("untuned", "released")
GROUP_PREFIX = "taught by: "
_ACCURACY = "accuracy"
AVERAGES = {"text": "text average", "vision": "vision average"}
TAGS = ("pictures", "text", "either", "nobody")

COLUMNS = {
    "scores": "cell seed benchmark part condition scorer parser metric value standard_error n "
    "invalid_rate chance",
    "intervals": "cell benchmark part condition scorer parser value low high seeds clusters n "
    "covers chance",
    "tokens": "cell seed source modality examples text_tokens image_tokens supervised_tokens "
    "padding_tokens steps",
    "cells": "cell kind text_share experiments seeds_planned seeds_done",
    "scores_clean": "cell seed benchmark part condition scorer parser metric value n removed",
    "contamination": "source benchmark part items exact_text near_text exact_image near_image "
    "fraction",
    "forgetting": "cell seed benchmark part condition scorer parser n gained lost",
}

# Tables that a summary may lack: figures then say so.
OPTIONAL = {
    "signal": "benchmark scorer parser spread seed_sd ratio p decides why cells seeds best_cell "
    "worst_cell",
    "ties": "benchmark scorer parser cell value below_best p tied seeds",
    "losses": "cell seed source modality first_step last_step loss tokens",
    "answers": "cell seed benchmark part condition n words characters cut_rate yes_rate "
    "gold_yes_rate yes_no_items",
}
COMPUTE = ("cell", "seed", "stage", "seconds", "tokens_per_s")


@dataclass(frozen=True)
class Key:
    """What a score is measured with; selects rows of scores.csv and intervals.csv."""

    scorer: str
    parser: str
    part: str = "test"
    condition: str = "real"


MEASURES = {
    "strict": Key("generate", "strict"),
    "lenient": Key("generate", "lenient"),
    "option": Key("label_logit", "argmax"),
}


@dataclass(frozen=True)
class Benchmark:
    """What a figure says about a benchmark beside its scores."""

    name: str
    modality: str
    taught_by: str | None
    headline: bool


@dataclass(frozen=True)
class Cell:
    """One design point; `place` is in `TUNED` or in `BASELINES` (then without `share_pct`)."""

    name: str
    place: str
    share_pct: float | None
    planned: tuple[int, ...]
    done: tuple[int, ...]

    @property
    def not_run(self) -> str:
        """Planned seeds without a run, as `1, 2`; empty if all are there."""
        return ", ".join(str(seed) for seed in self.planned if seed not in self.done)

    @property
    def label(self) -> str:
        """How the cell is called in figures and tables: its share if that says all."""
        return f"{self.share_pct:g} %" if self.place == "curve" else self.name


@dataclass(frozen=True)
class Summary:
    """Everything that figures and tables are drawn from.

    `official` holds the rows of scores.csv that are read by a benchmark's own rule, or are no
    accuracy: of the test part with the real image. All other scores are accuracies.
    `limits` holds the seeds of every (part, condition) that is not asked in all of them.
    """

    title: str
    confidence: float
    benchmarks: tuple[Benchmark, ...]
    cells: tuple[Cell, ...]
    tokens: pd.DataFrame
    official: pd.DataFrame
    score_rows: Mapping[tuple[str, Key], list[dict[str, Any]]]
    interval_rows: Mapping[tuple[str, Key], list[dict[str, Any]]]
    clean_rows: Mapping[tuple[str, Key], list[dict[str, Any]]]
    change_rows: Mapping[tuple[str, Key], list[dict[str, Any]]]
    shared: list[dict[str, Any]]  # of contamination.csv
    limits: Mapping[tuple[str, str], frozenset[int]]
    order_not_controlled: tuple[str, ...] = ()  # cells that an external command trained
    further: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # of OPTIONAL, empty ones too
    compute: pd.DataFrame = field(default_factory=pd.DataFrame)  # of no record: see `_compute`
    evidence: Evidence = field(default_factory=Evidence)
    design: Mapping[str, Any] = field(default_factory=dict)  # see `mlan.grid.told`

    @property
    def tuned(self) -> list[Cell]:
        """Curve cells by share, then the others."""
        return [cell for cell in self.cells if cell.place in TUNED]

    @property
    def level(self) -> str:
        """The level of the intervals, as `95 %`."""
        return f"{100 * self.confidence:g} %"

    def table(self, name: str) -> pd.DataFrame:
        """One of the tables that a summary may lack; without rows then."""
        return self.further.get(name, pd.DataFrame(columns=OPTIONAL[name].split()))

    def decides(self, benchmark: str, key: Key) -> bool | None:
        """Whether a benchmark can tell cells of the curve apart; None where that is not known."""
        return self._signal.get((benchmark, key.scorer, key.parser))

    @cached_property
    def _signal(self) -> dict[tuple[str, str, str], bool]:
        rows = _rows(self.table("signal"))
        return {(r["benchmark"], r["scorer"], r["parser"]): bool(r["decides"]) for r in rows}

    def members(self, group: str) -> list[Benchmark]:
        """Benchmarks behind a name: itself, or the headline benchmarks of a group."""
        for modality, name in AVERAGES.items():
            if group == name:
                return [b for b in self.benchmarks if b.modality == modality and b.headline]
        if group.startswith(GROUP_PREFIX):
            tag = group.removeprefix(GROUP_PREFIX)
            return [
                b
                for b in self.benchmarks
                if b.modality == "vision" and b.headline and b.taught_by == tag
            ]
        return [b for b in self.benchmarks if b.name == group]

    def scores(self, benchmark: str, key: Key) -> list[dict[str, Any]]:
        """Rows of scores.csv, one a run; empty if it was not measured."""
        return self.score_rows.get((benchmark, key), [])

    def interval(self, benchmark: str, key: Key, cell: str) -> dict[str, Any] | None:
        """The row of intervals.csv, or None."""
        rows = self.interval_rows.get((benchmark, key), [])
        return next((row for row in rows if row["cell"] == cell), None)

    def not_run(self, cell: Cell, key: Key) -> str:
        """Seeds of a cell that are to be measured so and are not run yet, as `1, 2`."""
        asked = self.limits.get((key.part, key.condition))
        planned = tuple(s for s in cell.planned if asked is None or s in asked)
        return replace(cell, planned=planned).not_run


def read_summary(
    folder: Path, identity: Mapping[str, Any], evidence: Path | None = None
) -> Summary:
    """Read a summary folder; `identity` gives `title`, `confidence` and `benchmarks`.

    `limits` of it holds entries of `condition`, `part` and the only `seeds` where they are asked.
    It may give `design` (`mlan.grid.told`); `evidence` is the folder of the verdicts.
    Raises IntegrityError for a file that differs from its record, DataError for a table that
    lacks a column.
    """
    tables = {name: _read(folder / f"{name}.csv", columns) for name, columns in COLUMNS.items()}
    return Summary(
        title=str(identity["title"]),
        confidence=float(identity["confidence"]),
        benchmarks=tuple(
            Benchmark(name, b["modality"], b["taught_by"], bool(b["headline"]))
            for name, b in identity["benchmarks"].items()
        ),
        cells=_cells(tables["cells"]),
        tokens=tables["tokens"],
        official=_official(tables["scores"], [*identity["benchmarks"]]),
        score_rows=_by_key(_accuracy(tables["scores"])),
        interval_rows=_by_key(tables["intervals"]),
        clean_rows=_by_key(_accuracy(tables["scores_clean"])),
        change_rows=_by_key(tables["forgetting"]),
        shared=_rows(tables["contamination"]),
        limits={
            (entry["part"], entry["condition"]): frozenset(entry["seeds"])
            for entry in identity["limits"]
        },
        order_not_controlled=tuple(identity["order_not_controlled"]),
        further=_further(folder),
        compute=_compute(folder / "compute.csv"),
        evidence=read_evidence(evidence),
        design=identity.get("design", {}),
    )


def _further(folder: Path) -> dict[str, pd.DataFrame]:
    there = read_record(folder)["outputs"]
    return {
        name: _read(folder / f"{name}.csv", columns)
        for name, columns in OPTIONAL.items()
        if f"{name}.csv" in there
    }


def _compute(path: Path) -> pd.DataFrame:
    """What runs took; never the same twice, so that no record vouches for it and it may be gone."""
    if not path.exists():
        return pd.DataFrame(columns=COMPUTE)
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"cell": str})


def _read(path: Path, columns: str) -> pd.DataFrame:
    # Only the empty field is "absent": a cell or source may well be called `none` or `nan`.
    texts = dict.fromkeys(
        ("cell", "source", "benchmark", "experiments", "seeds_planned", "seeds_done"), str
    )
    frame = pd.read_csv(checked(path), keep_default_na=False, na_values=[""], dtype=texts)
    lacking = [column for column in columns.split() if column not in frame.columns]
    if lacking:
        raise DataError(f"{path}: column {lacking[0]!r} is missing; run the collect stage again")
    return frame


def _official(scores: pd.DataFrame, benchmarks: list[str]) -> pd.DataFrame:
    asked = (scores["part"] == "test") & (scores["condition"] == "real")
    own = (scores["parser"] == "official") | (scores["metric"] != _ACCURACY)
    found = scores[asked & own & scores["benchmark"].isin(benchmarks)]
    place = found["benchmark"].map(benchmarks.index)
    return found.loc[place.sort_values(kind="stable").index]


def _accuracy(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["metric"] == _ACCURACY]


def _by_key(frame: pd.DataFrame) -> dict[tuple[str, Key], list[dict[str, Any]]]:
    rows: dict[tuple[str, Key], list[dict[str, Any]]] = {}
    for row in _rows(frame):
        key = Key(row["scorer"], row["parser"], row["part"], row["condition"])
        rows.setdefault((row["benchmark"], key), []).append(row)
    return rows


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _cells(frame: pd.DataFrame) -> tuple[Cell, ...]:
    rows = _rows(frame)
    tuned = [row for row in rows if row["kind"] == "tuned"]
    shares = [float(row["text_share"]) for row in tuned]
    swept = on_curve(shares, [_listed(row["experiments"]) for row in tuned])
    drawn = [_cell(tuned[i], "curve", round(100 * shares[i], 6)) for i in swept]
    others = [
        _cell(row, "other", round(100 * share, 6))
        for i, (row, share) in enumerate(zip(tuned, shares, strict=True))
        if i not in swept
    ]
    baselines = [_cell(row, p, None) for p in BASELINES for row in rows if row["kind"] == p]
    return (*baselines, *drawn, *others)


def _cell(row: Mapping[str, Any], place: str, share_pct: float | None) -> Cell:
    planned, done = (
        tuple(int(seed) for seed in _listed(row[column]))
        for column in ("seeds_planned", "seeds_done")
    )
    return Cell(str(row["cell"]), place, share_pct, planned, done)


def _listed(text: Any) -> list[str]:
    """Split a `;`-joined field; an empty field is read as NaN and gives no names."""
    return (
        [part.strip() for part in text.split(";") if part.strip()] if isinstance(text, str) else []
    )
