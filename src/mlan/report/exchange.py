"""Mixtures and scores in the form that mixture tools read: `ratios.csv` and `metrics.csv`.

Model: one row a run, named `cell:seed` in the column `run`, on which the two are joined; in ratios
one column a source that some run learns from, with its part of the run (a row adds up to 1), once
of the examples and once of the LM tokens; in metrics one column a benchmark. Scores are
proportions, the higher the better: a tool that minimises wants 1 - score. Rows are the tuned runs
that have both. Not here: what a tool makes of them.

Form: the input of olmix (Chen et al., 2026, README, "Input format") and, before it, RegMix.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlan.records import write_csv
from mlan.report.summary import MEASURES, Summary

RUN = "run"
FILES = ("ratios", "ratios_tokens", "metrics")
_UNITS = {"ratios": ("examples",), "ratios_tokens": ("text_tokens", "image_tokens")}


def write_exchange(summary: Summary, folder: Path) -> list[Path]:
    """Write the three files (`FILES`) and return their paths."""
    tables = exchange_tables(summary)
    paths = [folder / f"{name}.csv" for name in FILES]
    for path, name in zip(paths, FILES, strict=True):
        write_csv(path, tables[name])
    return paths


def exchange_tables(summary: Summary) -> dict[str, pd.DataFrame]:
    """Return ratios by examples and by LM tokens and metrics, each with the same runs."""
    found = {name: _ratios(summary, *columns) for name, columns in _UNITS.items()}
    metrics = _metrics(summary)
    runs = [
        f"{cell.name}:{seed}"
        for cell in summary.tuned
        for seed in sorted(cell.done)
        if f"{cell.name}:{seed}" in metrics.index and f"{cell.name}:{seed}" in found["ratios"].index
    ]
    tables = {**found, "metrics": metrics}
    return {name: table.loc[runs].reset_index(names=RUN) for name, table in tables.items()}


def _ratios(summary: Summary, *columns: str) -> pd.DataFrame:
    """Parts of each run (index) by source, in the order of their names."""
    tokens = summary.tokens
    # A source may be called `total`; the row of a whole run has the modality `all`.
    own = tokens[tokens["modality"].isin(["text", "vision"])]
    counts = pd.DataFrame(
        {
            RUN: own["cell"].astype(str) + ":" + own["seed"].astype(str),
            "source": own["source"].replace({RUN: f"source {RUN}"}),
            "count": own[list(columns)].sum(axis=1),
        }
    )
    table = counts.pivot_table(
        index=RUN, columns="source", values="count", aggfunc="sum", fill_value=0
    )
    table.columns.name = None
    return table.div(table.sum(axis=1), axis=0)


def _metrics(summary: Summary) -> pd.DataFrame:
    """Strict scores on the test part of each run (index) by benchmark; NaN where it has none."""
    rows = [
        {RUN: f"{row['cell']}:{row['seed']}", "benchmark": benchmark.name, "value": row["value"]}
        for benchmark in summary.benchmarks
        for row in summary.scores(benchmark.name, MEASURES["strict"])
    ]
    table = pd.DataFrame(rows, columns=[RUN, "benchmark", "value"])
    wide = table.pivot_table(index=RUN, columns="benchmark", values="value", sort=False)
    wide.columns.name = None
    return wide
