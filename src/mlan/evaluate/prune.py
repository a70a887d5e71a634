"""Stage `prune`: drop a scored run's weights as the study's `keep` says.

It runs last and decides nothing: the records of the weights, the answers and the scores stay.
What is about to be dropped is written down first, so that a job killed half-way leaves nothing
unexplained, and the same job goes on from there.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlan.errors import DataError
from mlan.records import checked, input_digest, read_record, write_json
from mlan.stage import Job
from mlan.weights import ADAPTER, DROPPED, LANGUAGE, PROJECTOR_FILE, dropped

# The score that `best` compares: what was asked with its picture, answered in the asked format.
_DEV = {
    "part": "dev",
    "condition": "real",
    "scorer": "generate",
    "parser": "strict",
    "metric": "accuracy",
}
_AVERAGES = ("text average", "vision average")


def prune(job: Job) -> None:
    """Delete weights of a run and write dropped.json: file -> the `keep` that dropped it.

    job.identity: keep, cell, cells (tuned ones in the order of the grid). job.inputs: weights,
    predictions, scores; summary for `best`. Raises DataError while answers or scores stand on
    other weights than these.
    """
    weights, keep = job.inputs["weights"], job.identity["keep"]
    _check_scored(job.inputs)
    going = _going(job)
    told = {**dict.fromkeys(going, keep), **dropped(weights)}
    write_json(job.out / DROPPED, told)
    freed = sum((weights / n).stat().st_size for n in going if (weights / n).exists())
    for name in going:
        (weights / name).unlink(missing_ok=True)
    facts = {"keep": keep, "dropped": sorted(told)}
    job.finish([job.out / DROPPED], facts=facts, run={"freed_bytes": freed})


def _check_scored(inputs: dict[str, Path]) -> None:
    """Raise DataError unless scores stand on the answers, and answers on the weights."""
    for upper, lower in (("scores", "predictions"), ("predictions", "weights")):
        stands_on = read_record(inputs[upper])["inputs"].get(lower)
        if stands_on != input_digest(inputs[lower]):
            raise DataError(
                f"{inputs[upper]}: of other {lower} than {inputs[lower]} holds; nothing dropped"
            )


def _going(job: Job) -> list[str]:
    """Names of the files to drop."""
    record = read_record(job.inputs["weights"])
    files = {ADAPTER, LANGUAGE, PROJECTOR_FILE} & set(record["outputs"])
    keep = job.identity["keep"]
    if keep == "adapters":
        # An external command has no such key; it returns all weights.
        full = record["identity"].get("tune", {}).get("language_model", "full") == "full"
        files &= {LANGUAGE} if full else set()
    elif keep == "best" and job.identity["cell"] == _best(job):
        files = set()
    return sorted(files)


def _best(job: Job) -> str:
    """The cell with the highest dev average of all runs, the first of equals.

    Estimand: mean over seeds of the mean of the text and the vision average (headline
    benchmarks with equal weight) on the dev parts, strict answers, real pictures.
    """
    summary = job.inputs["summary"]
    facts = read_record(summary)["facts"]
    if facts["runs_done"] != facts["runs_planned"]:
        raise DataError(f"{summary}: not of all runs, so no cell is the best yet; nothing dropped")
    scores = pd.read_csv(checked(summary / "scores.csv"), keep_default_na=False)
    rows = scores[scores["benchmark"].isin(_AVERAGES)]
    for column, value in _DEV.items():
        rows = rows[rows[column] == value]
    # Other rows of the column may be empty: a metric that is not defined.
    means = rows["value"].astype(float).groupby(rows["cell"]).mean()
    cells: list[str] = job.identity["cells"]
    return max(cells, key=lambda cell: float(means.loc[cell]))
