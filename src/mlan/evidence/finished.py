"""The results of a study as its summary folder alone tells them, without the study's file.

Model: cells.csv and benchmarks.csv of the summary name what the study planned, so that one study
can be planned with what another one saw. Not here: what the numbers are used for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from mlan.evidence.blocks import Cell
from mlan.evidence.groups import groups
from mlan.evidence.results import BLOCKS, Results, read_results
from mlan.records import RECORD, checked

SUMMARY = "summary"


def other_studies(own: Path) -> list[Path]:
    """Return the folders of all other studies beside `own` that have results, by name."""
    found = (path for path in own.parent.glob("*") if path != own and is_finished(path))
    return sorted(found)


def is_finished(study: Path) -> bool:
    """Whether a study's folder has results of finished runs."""
    return all((study / SUMMARY / name).exists() for name in (RECORD, BLOCKS))


def read_finished(study: Path) -> Results:
    """Read the results in a study's folder. Raises IntegrityError for a file that was changed."""
    folder = study / SUMMARY
    cells = [_cell(row) for row in _rows(folder / "cells.csv")]
    benchmarks = {
        row["benchmark"]: {**row, "headline": row["headline"] == "True"}
        for row in _rows(folder / "benchmarks.csv")
    }
    return read_results(folder, cells, groups(benchmarks))


def _rows(path: Path) -> list[dict[str, Any]]:
    frame = pd.read_csv(checked(path), keep_default_na=False, dtype=str)
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _cell(row: dict[str, Any]) -> Cell:
    return Cell(
        name=row["cell"],
        kind=row["kind"],
        text_share=float(row["text_share"]) if row["text_share"] else None,
        experiments=tuple(filter(None, row["experiments"].split(";"))),
        seeds=tuple(int(seed) for seed in row["seeds_planned"].split(";") if seed),
    )
