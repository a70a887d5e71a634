"""Stage `claims`: the summary of all runs becomes verdicts, the answer, and what could be seen.

Model: everything is read from the summary folder; what is claimed, how it stands in the ledger and
the planned cells are the job's identity. Not here: the statistics (`rules`, `verdicts`,
`mlan.evidence.recommend`, `mlan.evidence.sensitivity`, `mlan.evidence.planned_power`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.evidence.averages import Averages
from mlan.evidence.blocks import Cell
from mlan.evidence.budgets import read_tokens
from mlan.evidence.claims.families import Standing
from mlan.evidence.claims.verdicts import COLUMNS, verdict_rows
from mlan.evidence.curves import curve
from mlan.evidence.groups import groups
from mlan.evidence.planned_power import COLUMNS as POWER
from mlan.evidence.planned_power import power_rows
from mlan.evidence.recommend import COLUMNS as RECOMMEND
from mlan.evidence.recommend import otherwise_rows, recommend_rows
from mlan.evidence.results import Key, Results, read_results
from mlan.evidence.sensitivity import COLUMNS as SENSITIVITY
from mlan.evidence.sensitivity import sensitivity_rows
from mlan.evidence.variance_parts import Assumed, Finished, planned_of
from mlan.records import write_csv
from mlan.stage import Job


def claims(job: Job) -> None:
    """Write claims.csv, power.csv (a row a claim), recommend.csv (a row a weight, price and cell),
    recommend_otherwise.csv (the answer by other measures), sensitivity.csv (a row an average,
    weighting and cell).

    Inputs: `summary`. Raises DataError, IntegrityError.
    """
    identity, summary = job.identity, job.inputs["summary"]
    results, tokens = _results(summary, identity), read_tokens(summary)
    standing = Standing.of(identity)
    rows = verdict_rows(
        identity["claims"],
        results,
        _read_in_tuning(tokens),
        standing=standing,
        partial=identity["partial"],
    )
    swept = [cell.name for cell in curve(results.cells.values())]
    primary, confidence = Key(**identity["primary"]), identity["confidence"]
    answer = recommend_rows(results, swept, tokens, primary, confidence=confidence)
    otherwise = otherwise_rows(results, swept, tokens, primary, confidence)
    sensitivity = sensitivity_rows(Averages(results, swept), primary, confidence)
    sources = (Finished(results), Assumed())
    power = power_rows(identity["claims"], sources, planned_of(results), standing)
    tables = {
        "claims": (rows, COLUMNS),
        "recommend": (answer, RECOMMEND),
        "recommend_otherwise": (otherwise, ["scorer", "parser", *RECOMMEND]),
        "sensitivity": (sensitivity, SENSITIVITY),
        "power": (power, POWER),
    }
    outputs = []
    for name, (found, columns) in tables.items():
        outputs.append(job.out / f"{name}.csv")
        write_csv(outputs[-1], pd.DataFrame(list(found), columns=columns))
    job.finish(outputs)


def _results(summary: Path, identity: Mapping[str, Any]) -> Results:
    return read_results(
        summary, [Cell.of(entry) for entry in identity["cells"]], groups(identity["benchmarks"])
    )


def _read_in_tuning(tokens: pd.DataFrame) -> dict[tuple[str, int], float]:
    """Tokens that the language model reads in tuning, by cell and seed; padding is left out."""
    rows = tokens[tokens["source"] == "total"]
    read = rows["text_tokens"] + rows["image_tokens"]
    return {
        (str(cell), int(seed)): float(count)
        for cell, seed, count in zip(rows["cell"], rows["seed"], read, strict=True)
    }
