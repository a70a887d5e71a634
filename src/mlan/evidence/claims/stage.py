"""Stage `claims`: the summary of all runs becomes verdicts, `evidence/claims.csv`.

Model: everything is read from the summary folder; what is claimed, how it stands in the ledger and
the planned cells are the job's identity. Not here: the statistics (`rules`, `verdicts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.evidence.blocks import Cell
from mlan.evidence.claims.verdicts import COLUMNS, verdict_rows
from mlan.evidence.groups import groups
from mlan.evidence.results import Results, read_results
from mlan.records import checked, write_csv
from mlan.stage import Job


def claims(job: Job) -> None:
    """Write claims.csv, one row a claim (`verdicts.COLUMNS`).

    Inputs: `summary`. Raises DataError, IntegrityError.
    """
    identity, summary = job.identity, job.inputs["summary"]
    rows = verdict_rows(
        identity["claims"],
        _results(summary, identity),
        _tokens(summary),
        post_hoc=identity["post_hoc"],
        withdrawn=identity["withdrawn"],
        partial=identity["partial"],
    )
    tables = {"claims": (rows, COLUMNS)}
    outputs = []
    for name, (found, columns) in tables.items():
        outputs.append(job.out / f"{name}.csv")
        write_csv(outputs[-1], pd.DataFrame(list(found), columns=columns))
    job.finish(outputs)


def _results(summary: Path, identity: Mapping[str, Any]) -> Results:
    return read_results(
        summary, [_cell(entry) for entry in identity["cells"]], groups(identity["benchmarks"])
    )


def _cell(entry: Mapping[str, Any]) -> Cell:
    return Cell(
        name=entry["cell"],
        kind=entry["kind"],
        text_share=entry["text_share"],
        experiments=tuple(entry["experiments"]),
        seeds=tuple(entry["seeds"]),
    )


def _tokens(summary: Path) -> dict[tuple[str, int], float]:
    """Tokens that the language model reads in tuning, by cell and seed; padding is left out."""
    rows = pd.read_csv(checked(summary / "tokens.csv"), keep_default_na=False)
    rows = rows[rows["source"] == "total"]
    read = rows["text_tokens"] + rows["image_tokens"]
    return {
        (str(cell), int(seed)): float(count)
        for cell, seed, count in zip(rows["cell"], rows["seed"], read, strict=True)
    }
