"""The tiny study with planted scores: its summary as the collect stage writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mlan.evidence.results import Results, write_results
from mlan.grid import Grid
from mlan.records import RECORD, write_csv, write_record
from mlan.report.summary import COLUMNS
from tests.evidence import planted

# Truth by cell of the sweep: what text teaches, what pictures teach.
TRUTH = {"text": (0.3, 0.5, 0.7), "vision": (0.6, 0.62, 0.2)}
COUNTS = {"text_tokens": 100, "image_tokens": 0, "supervised_tokens": 40, "padding_tokens": 0}


def plant(
    grid: Grid, clusters: int = 200, seed: int = 0, truth: Mapping[str, tuple[float, ...]] = TRUTH
) -> Results:
    """Write blocks, sums and tables of a study's summary, and its record; return the results.

    The study's own measure finds what generation and the strict parser do.
    """
    entries = json.loads(grid.identity("collect"))["benchmarks"]
    cells = [cell for cell in grid.cells.values() if cell.kind == "tuned"]
    rng = np.random.default_rng(seed)
    planned = planted.cells([cell.text_share or 0.0 for cell in cells], cells[0].seeds)
    outcomes = {
        name: planted.drawn(
            rng, truth[entry["modality"]], len(cells[0].seeds), clusters, seed_sd=0.002
        )
        for name, entry in entries.items()
    }
    found = planted.results(planned, outcomes)
    folder = grid.folder("summary")
    folder.mkdir(parents=True, exist_ok=True)
    strict, primary = list(found.blocks.values()), grid.study.claims.primary
    own = [replace(b, name=(*b.name[:-2], primary.scorer, primary.parser)) for b in strict]
    write_results(folder, list(found.runs), list({b.name: b for b in strict + own}.values()))
    for name, columns in COLUMNS.items():
        rows = _tables(grid).get(name, [])
        write_csv(folder / f"{name}.csv", pd.DataFrame(rows, columns=columns.split()))
    outputs = [path for path in folder.iterdir() if path.name != RECORD]
    write_record(folder, stage="collect", identity={}, code="0", inputs={}, outputs=outputs)
    return found


def _tables(grid: Grid) -> dict[str, list[dict[str, Any]]]:
    tuned = [cell for cell in grid.cells.values() if cell.kind == "tuned"]
    seeds = ";".join(map(str, tuned[0].seeds))
    cells = [
        {
            "cell": cell.name,
            "kind": "tuned",
            "text_share": cell.text_share,
            "experiments": "sweep",
            "seeds_planned": seeds,
            "seeds_done": seeds,
        }
        for cell in tuned
    ]
    tokens = [
        {
            "cell": cell.name,
            "seed": seed,
            "source": modality,
            "modality": modality,
            "examples": round(100 * share),
            **{name: round(count * 100 * share) for name, count in COUNTS.items()},
            "image_tokens": round(10_000 * share) if modality == "vision" else 0,
            "steps": 4,
        }
        for cell in tuned
        for seed in cell.seeds
        for modality, share in (
            ("text", cell.text_share or 0.0),
            ("vision", 1 - (cell.text_share or 0.0)),
        )
    ]
    return {"cells": cells, "tokens": tokens}
