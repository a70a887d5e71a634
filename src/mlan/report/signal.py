"""Table of signal and noise: which benchmarks can tell the cells of the curve apart."""

from __future__ import annotations

import math
from typing import Any

from mlan.report.summary import MEASURES, Key, Summary
from mlan.report.tables import ABSENT, Table, is_single, marked_name, p_text

_MEASURES = {(key.scorer, key.parser): name for name, key in MEASURES.items()}
_LABELS = {
    "strict": "generation, strict",
    "lenient": "generation, lenient",
    "option": "option likelihood",
}


def signal_table(summary: Summary) -> Table:
    """Spread over shares against spread over seeds, a row a benchmark, scorer and parser."""
    found = summary.table("signal").to_dict("records")
    rows = [
        {str(k): v for k, v in row.items()}
        for row in found
        if not is_single(summary, row["benchmark"])
    ]
    return Table(
        caption="Signal and noise of the benchmarks over the curve, test part.",
        header=("benchmark", "scorer", "cells", "seeds", "spread (points)", "best", "worst",
                "seed sd (points)", "ratio", "p", "decides"),
        rows=tuple(_row(summary, row) for row in rows),
        note="Spread: best less worst cell mean. Seed sd: of one run's score between seeds, pooled "
        "over cells. Ratio: spread over seed sd. p: all cells equal, all pairs together."
        if rows
        else "Empty: signal and noise were not computed.",
        words=2,
        prose=(10,),
    )  # fmt: skip


def _row(summary: Summary, row: dict[str, Any]) -> tuple[str, ...]:
    labels = {cell.name: cell.label for cell in summary.cells}
    measure = _MEASURES.get((row["scorer"], row["parser"]))
    scorer = _LABELS[measure] if measure else f"{row['scorer']}, {row['parser']}"
    why = row["why"] if isinstance(row["why"], str) else ""
    return (
        marked_name(summary, row["benchmark"], Key(row["scorer"], row["parser"])),
        scorer,
        *(str(row["cells"]), str(row["seeds"])),
        _number(100 * row["spread"], 1),
        *(labels.get(row[name], str(row[name])) for name in ("best_cell", "worst_cell")),
        *(_number(100 * row["seed_sd"], 1), _number(row["ratio"], 1), p_text(row["p"])),
        "yes" if row["decides"] else f"no: {why}" if why else "no",
    )


def _number(value: float, places: int) -> str:
    return f"{value:.{places}f}" if math.isfinite(value) else ABSENT
