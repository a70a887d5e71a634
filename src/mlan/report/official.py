"""The table of official numbers: public benchmarks by cells, as their own rules have them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from mlan.report.summary import BASELINES, Cell, Key, Summary
from mlan.report.tables import ABSENT, Table, marked_name, undeciding_note
from mlan.score.metrics import METRICS


def official_table(summary: Summary) -> Table:
    """Benchmarks and metrics by cells, means over seeds. Part test, real image.

    Empty where no benchmark has an official rule.
    """
    baselines = [cell for cell in summary.cells if cell.place in BASELINES]
    cells = [*baselines, *summary.tuned]
    rows = tuple(
        (
            *_names(summary, key),
            str(found["n"].iloc[0]),
            *(_mean(str(key[1]), found, c) for c in cells),
        )
        for key, found in summary.official.groupby(["benchmark", "metric"], sort=False)
    )
    return Table(
        caption="Official metrics on the test part, in per cent; perception and cognition of MME "
        "in points.",
        header=("benchmark", "metric", "n", *(cell.label for cell in cells)),
        rows=rows,
        note="n: items of the test part. Means over seeds; standard errors by run stand in "
        "scores.csv. Answers are read by the benchmark's own rule." + undeciding_note(summary)
        if rows
        else "No benchmark of this study has an official rule.",
        words=2,
    )


def _names(summary: Summary, key: Any) -> tuple[str, str]:
    benchmark, metric = map(str, key)
    return marked_name(summary, benchmark, Key("generate", "official")), metric


def _mean(metric: str, found: pd.DataFrame, cell: Cell) -> str:
    own: pd.Series[Any] = found["value"][found["cell"] == cell.name]
    # One undefined seed leaves the mean undefined.
    value = float(own.mean(skipna=False)) if len(own) else math.nan
    if math.isnan(value):
        return ABSENT
    percent = metric not in METRICS or METRICS[metric].percent
    return f"{100 * value:.1f}" if percent else f"{value:.0f}"
