"""A made-up summary folder of realistic size: what the collect stage would have written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlan.records import write_csv, write_record
from mlan.report.summary import Summary, read_summary
from mlan.stage import Job
from tests.report import made_up

TEXT = ("capital-text", "continent-text", "language-text", "demonym-text", "define", "category")
VISION = {
    "object": "pictures",
    "category-picture": "either",
    "capital-flag": "text",
    "continent-flag": "text",
    "flag": "pictures",
    "colour": "nobody",
    "position": "nobody",
}
BENCHMARKS: dict[str, dict[str, Any]] = {
    **{
        n: {"modality": "text", "taught_by": "text", "headline": n != "define", "near": []}
        for n in TEXT
    },
    **{
        n: {"modality": "vision", "taught_by": tag, "headline": n != "position", "near": []}
        for n, tag in VISION.items()
    },
}
GROUPS: dict[str, list[str]] = {
    "text average": [n for n in TEXT if n != "define"],
    "vision average": [n for n in VISION if n != "position"],
    **{
        f"taught by: {tag}": [n for n, t in VISION.items() if t == tag and n != "position"]
        for tag in ("pictures", "text", "either", "nobody")
    },
}
MEASURES = (("generate", "strict"), ("generate", "lenient"), ("label_logit", "argmax"))
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
ITEMS = {"test": 80, "dev": 24}
DESIGN: dict[str, Any] = {
    "recipe": {"mixture.text_share": 0.5, "tune.learning_rate": 1e-3, "tune.command": None},
    "differs": {"share-25": {"mixture.text_share": 0.25}, "lr-3e-4": {"tune.learning_rate": 3e-4}},
    "sources": {
        "text-a": {"adapter": "facts", "style": None, "repository": None, "files": []},
        "text-b": {"adapter": "chat", "style": None, "repository": None, "files": ["own.jsonl"]},
        "vision-a": {"adapter": "facts", "style": "twemoji", "repository": None, "files": []},
        "vision-b": {
            "adapter": "conversations",
            "style": None,
            "repository": "hub:datasets/org/name",
            "files": [],
        },
    },
}


@dataclass(frozen=True)
class Grid:
    """What was planned and what is missing."""

    shares: tuple[float, ...] = SHARES
    seeds: tuple[int, ...] = (0, 1, 2)
    missing: frozenset[tuple[float, int]] = frozenset()
    others: tuple[str, ...] = ("packed-rows", "lr-3e-4")
    blank: bool = True
    untuned: bool = True
    released: bool = False
    benchmarks: tuple[str, ...] = tuple(BENCHMARKS)
    title: str = "Score against text share"
    dev_seeds: tuple[int, ...] | None = None
    sources: tuple[str, ...] = ("text-a", "vision-a", "stage1:train")
    further: bool = True  # tables that a summary may lack
    banded: bool = False

    def chosen(self) -> dict[str, dict[str, Any]]:
        """The benchmarks of this grid."""
        return {name: BENCHMARKS[name] for name in self.benchmarks}

    def cells(self) -> dict[str, tuple[float | None, list[int], list[int]]]:
        """Cell name -> share, planned seeds, done seeds."""
        cells: dict[str, tuple[float | None, list[int], list[int]]] = {}
        if self.untuned:
            cells["untuned"] = (None, [0], [0])
        if self.released:
            cells["released_llava-1.5"] = (None, [0], [0])
        for share in self.shares:
            done = [s for s in self.seeds if (share, s) not in self.missing]
            cells[f"share-{100 * share:g}"] = (share, list(self.seeds), done)
        for name in self.others:
            cells[name] = (0.5, list(self.seeds), list(self.seeds))
        return cells


def _truth(benchmark: str, share: float | None, condition: str, scorer: str, parser: str) -> float:
    position = list(BENCHMARKS).index(benchmark)
    option = 0.30 + 0.02 * position
    if share is not None:
        vision = BENCHMARKS[benchmark]["modality"] == "vision"
        taught = 1 - share if vision and VISION[benchmark] == "pictures" else share
        option += 0.30 * taught**0.5 + (0.03 if vision else 0.12)
    if condition == "blank":
        option = 0.27 + 0.05 * (share or 0)
    if scorer == "label_logit":
        return option
    lift = {"strict": 0.05, "lenient": 0.35}[parser] if share is None else 0.93
    return option * lift + (0.02 if parser == "lenient" else 0)


def _run_rows(cell: str, share: float | None, seed: int, grid: Grid) -> list[dict[str, Any]]:
    rng = np.random.default_rng([seed, sum(map(ord, cell))])
    rows = []
    for part, n in ITEMS.items():
        if part == "dev" and grid.dev_seeds is not None and seed not in grid.dev_seeds:
            continue
        for condition in ("real", "blank") if grid.blank and part == "dev" else ("real",):
            for scorer, parser in MEASURES:
                values: dict[str, tuple[float, int]] = {}
                for name, entry in grid.chosen().items():
                    if condition == "blank" and entry["modality"] == "text":
                        continue
                    p = _truth(name, share, condition, scorer, parser)
                    values[name] = (float(rng.binomial(n, p)) / n, n)
                for group, members in GROUPS.items():
                    inside = [values[m] for m in members if m in values]
                    if inside:
                        mean = sum(v for v, _ in inside) / len(inside)
                        values[group] = (mean, n * len(inside))
                invalid = {"label_logit": 0.0}.get(scorer, 0.9 if share is None else 0.04)
                rows += [
                    {
                        "cell": cell,
                        "seed": seed,
                        "benchmark": name,
                        "modality": "text" if name in (*TEXT, "text average") else "vision",
                        "part": part,
                        "condition": condition,
                        "scorer": scorer,
                        "parser": parser,
                        "metric": "accuracy",
                        "value": value,
                        "standard_error": 1.15 * math.sqrt(max(value * (1 - value), 0.001) / count),
                        "n": count,
                        "invalid_rate": invalid * (0.5 if parser == "lenient" else 1),
                        "chance": 0.25,
                    }
                    for name, (value, count) in values.items()
                ]
    return rows


def _intervals(scores: pd.DataFrame, shares: dict[str, float | None]) -> pd.DataFrame:
    keys = ["cell", "benchmark", "modality", "part", "condition", "scorer", "parser"]
    rows = []
    for key, own in scores.groupby(keys, sort=False):
        value, seeds = own["value"].mean(), len(own)
        half = 2.1 * own["standard_error"].mean() * (1.0 if seeds > 1 else 1.2)
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "text_share": shares[str(key[0])],
                "value": value,
                "low": value - half,
                "high": value + half,
                "seeds": seeds,
                "clusters": int(own["n"].iloc[0] * 0.6),
                "n": own["n"].iloc[0],
                "covers": "seeds and items" if seeds > 1 else "items only (one seed)",
                "chance": 0.25,
            }
        )
    return pd.DataFrame(rows)


def _banded(intervals: pd.DataFrame) -> pd.DataFrame:
    """A band half as wide again as the interval, for the cells of the curve."""
    curve = intervals["cell"].str.startswith("share")
    reach = 0.75 * (intervals["high"] - intervals["low"])
    return intervals.assign(
        band_low=(intervals["value"] - reach).where(curve),
        band_high=(intervals["value"] + reach).where(curve),
    )


def _tokens(cell: str, share: float, seed: int) -> list[dict[str, Any]]:
    examples = {"text": round(480 * share), "vision": 480 - round(480 * share)}
    rows = []
    for modality, count in examples.items():
        for source, part in ((f"{modality}-a", count // 2), (f"{modality}-b", count - count // 2)):
            rows.append(
                {
                    "source": source,
                    "modality": modality,
                    "examples": part,
                    "epochs": 0.5,
                    "text_tokens": part * (34 if modality == "text" else 24) + seed,
                    "image_tokens": 9 * part if modality == "vision" else 0,
                    "supervised_tokens": part * (9 if modality == "text" else 3),
                    "padding_tokens": part * 2,
                    "steps": 30,
                }
            )
    total = {c: sum(r[c] for r in rows) for c in rows[0] if c not in {"source", "modality"}}
    rows.append({**total, "source": "total", "modality": "all", "steps": 30})
    return [{"cell": cell, "text_share": share, "seed": seed, **row} for row in rows]


def _clean(scores: pd.DataFrame) -> pd.DataFrame:
    """Ten items of `capital-text` are held by the sources of every cell that is tuned."""
    held = (scores["benchmark"] == "capital-text") & (scores["part"] == "test")
    held &= scores["cell"].str.startswith("share")
    removed = 10 * held.astype(int)
    return scores.assign(
        n=scores["n"] - removed, removed=removed, value=scores["value"] - 0.02 * held
    )


def _shared(grid: Grid) -> pd.DataFrame:
    counts = ("exact_text", "near_text", "exact_image", "near_image")
    rows = []
    for source in grid.sources:
        for benchmark in grid.chosen():
            hit = (source, benchmark) == ("text-a", "capital-text")
            found = dict.fromkeys(counts, 0) | ({"exact_text": 3, "near_text": 7} if hit else {})
            rows += [
                {"source": source, "benchmark": benchmark, "part": part, "items": n, **found}
                | {"fraction": 10 / n if hit else 0.0}
                for part, n in ITEMS.items()
            ]
    names = ["source", "benchmark", "part", "items", *counts, "fraction"]
    return pd.DataFrame(rows, columns=names)


def _changes(scores: pd.DataFrame) -> pd.DataFrame:
    """Of every 80 items 4 are lost and 10 gained."""
    tuned = scores[scores["cell"].str.startswith("share")]
    return tuned.assign(lost=tuned["n"] // 20, gained=tuned["n"] // 8)


def write_summary(folder: Path, grid: Grid) -> None:
    """Write scores, intervals, tokens and cells with their record."""
    cells = grid.cells()
    scores = pd.DataFrame(
        [
            row
            for cell, (share, _, done) in cells.items()
            for seed in done
            for row in _run_rows(cell, share, seed, grid)
        ]
    )
    tokens = [
        row
        for cell, (share, _, done) in cells.items()
        if share is not None
        for seed in done
        for row in _tokens(cell, share, seed)
    ]
    listing = [
        {
            "cell": cell,
            "kind": cell.split("_")[0] if share is None else "tuned",
            "text_share": share,
            "experiments": "" if share is None else "other" if cell in grid.others else "sweep",
            "seeds_planned": ";".join(map(str, planned)),
            "seeds_done": ";".join(map(str, done)),
        }
        for cell, (share, planned, done) in cells.items()
    ]
    intervals = _intervals(scores, {cell: share for cell, (share, _, _) in cells.items()})
    tables = {
        "scores": scores,
        "intervals": _banded(intervals) if grid.banded else intervals,
        "tokens": pd.DataFrame(tokens),
        "cells": pd.DataFrame(listing),
        "scores_clean": _clean(scores),
        "contamination": _shared(grid),
        "forgetting": _changes(scores),
    }
    if grid.further:
        tables |= {
            "signal": made_up.signal(scores),
            "ties": made_up.ties(scores),
            "losses": made_up.losses(cells),
            "answers": made_up.answers(cells, grid.benchmarks),
        }
        write_csv(folder / "compute.csv", made_up.compute(cells))
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)
    outputs = [folder / f"{name}.csv" for name in tables]
    write_record(folder, stage="collect", identity={}, code="0", inputs={}, outputs=outputs)


def identity(grid: Grid) -> dict[str, Any]:
    """The identity of the draw stage."""
    limited = () if grid.dev_seeds is None else ("blank", "real")
    return {
        "limits": [{"condition": c, "part": "dev", "seeds": list(grid.dev_seeds)} for c in limited],
        "order_not_controlled": [],
        "title": grid.title,
        "confidence": 0.95,
        "benchmarks": grid.chosen(),
        "study": "made-up",
        "design": DESIGN,
    }


def make_job(folder: Path, grid: Grid, out: str = "report") -> Job:
    """A draw job over a fresh summary folder."""
    if not (folder / "summary").exists():
        write_summary(folder / "summary", grid)
    inputs = {"summary": folder / "summary"}
    if grid.further:
        inputs["evidence"] = made_up.write_evidence(folder / "evidence", grid.cells())
    return Job("draw", identity(grid), "0", folder / out, inputs)


@pytest.fixture(scope="session")
def summary_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folder of a written summary, one for every grid; keywords change the grid (see Grid)."""
    known: dict[Grid, Path] = {}

    def build(**changes: Any) -> Path:
        grid = Grid(**changes)
        if grid not in known:
            known[grid] = tmp_path_factory.mktemp("summary")
            write_summary(known[grid], grid)
        return known[grid]

    return build


@pytest.fixture
def summary_of(summary_folder: Callable[..., Path]) -> Callable[..., Summary]:
    """Write and read a summary; keywords change the grid (see Grid)."""

    def build(evidence: Path | None = None, **changes: Any) -> Summary:
        return read_summary(summary_folder(**changes), identity(Grid(**changes)), evidence)

    return build


@pytest.fixture
def told(tmp_path: Path, summary_of: Callable[..., Summary]) -> Callable[..., Summary]:
    """A summary with verdicts; `claims` are rows of claims.csv, other keywords change the grid."""

    def build(claims: Sequence[Mapping[str, Any]] = made_up.CLAIMS, **changes: Any) -> Summary:
        folder = made_up.write_evidence(tmp_path / "evidence", Grid(**changes).cells(), claims)
        return summary_of(folder, **changes)

    return build


@pytest.fixture
def job_of(tmp_path: Path) -> Callable[..., Job]:
    """A draw job over a summary of its own; keywords change the grid (see Grid)."""
    return lambda **changes: make_job(tmp_path, Grid(**changes))
