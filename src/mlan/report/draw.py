"""The stage that draws: the summary folder in, figures and tables out.

The set of files is always the same; a figure whose data is absent says so instead of missing.
What is drawn from measured times (`UNRECORDED`) stands beside the rest but in no record: it differs
from run to run, as compute.csv does.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mlan.hub.lock import read_lock
from mlan.report.answers import draw_answers
from mlan.report.averages import draw_averages
from mlan.report.claims import claims_table
from mlan.report.cliff import draw_cliff
from mlan.report.contamination import clean_table, contamination_table, draw_contamination
from mlan.report.controls import draw_real_vs_blind
from mlan.report.cost import compute_table, draw_cost
from mlan.report.exchange import write_exchange
from mlan.report.forest import draw_claims
from mlan.report.forgetting import draw_forgetting, forgetting_table
from mlan.report.grid import draw_grid, grid_table
from mlan.report.loss import draw_loss
from mlan.report.materials import data_table, recipe_table
from mlan.report.official import official_table
from mlan.report.points import frame
from mlan.report.published import draw_published
from mlan.report.recommend import draw_recommend, recommend_table
from mlan.report.sensitivity import sensitivity_table
from mlan.report.signal import signal_table
from mlan.report.style import house_style, save, save_data
from mlan.report.summary import Summary, read_summary
from mlan.report.sweep import draw_benchmarks, draw_format, draw_sweep, draw_tags
from mlan.report.table_files import write_table
from mlan.report.tables import Table, scores_table, tokens_table
from mlan.report.tokens import draw_composition, draw_score_vs_tokens
from mlan.stage import Job

Draw = Callable[[Summary], tuple[Figure, Sequence[Any]]]
FIGURES: dict[str, Draw] = {
    "sweep": draw_sweep,
    "tags": draw_tags,
    "benchmarks": draw_benchmarks,
    "published": draw_published,
    "averages": draw_averages,
    "cliff": draw_cliff,
    "claims": draw_claims,
    "recommend": draw_recommend,
    "grid": draw_grid,
    "format": draw_format,
    "real_vs_blind": draw_real_vs_blind,
    "answers": draw_answers,
    "score_vs_tokens": draw_score_vs_tokens,
    "composition": draw_composition,
    "contamination": draw_contamination,
    "forgetting": draw_forgetting,
    "loss": draw_loss,
}
TABLES: dict[str, Callable[[Summary], Table]] = {
    "claims": claims_table,
    "recommend": recommend_table,
    "scores": scores_table,
    "grid": grid_table,
    "signal": signal_table,
    "sensitivity": sensitivity_table,
    "official": official_table,
    "tokens": tokens_table,
    "data": data_table,
    "recipe": recipe_table,
    "contamination": contamination_table,
    "scores_clean": clean_table,
    "forgetting": forgetting_table,
}
# Of measured times: never the same twice.
UNRECORDED: tuple[dict[str, Draw], dict[str, Callable[[Summary], Table]]] = (
    {"cost": draw_cost},
    {"compute": compute_table},
)


def draw(job: Job) -> None:
    """Draw every figure and table of the summary folder into `job.out`.

    Inputs: `summary`, `evidence`, `file:lock` if something is locked. Writes
    `figures/*.pdf|svg|png|csv`, `tables/*.csv|md|tex` and `exchange/*.csv`, then the record.
    Raises IntegrityError or DataError for a summary that cannot be read.
    """
    # At INFO the PDF writer's font library names every glyph that it embeds.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    summary = _summary(job)
    figures, tables, exchange = (job.out / name for name in ("figures", "tables", "exchange"))
    for folder in (figures, tables, exchange):
        shutil.rmtree(folder, ignore_errors=True)  # nothing of an earlier version stays
    outputs = [
        *(
            path
            for name, compose in FIGURES.items()
            for path in _draw(summary, figures, name, compose)
        ),
        *(
            path
            for name, tabulate in TABLES.items()
            for path in write_table(tabulate(summary), tables, name)
        ),
        *write_exchange(summary, exchange),
    ]
    for name, compose in UNRECORDED[0].items():
        _draw(summary, figures, name, compose)
    for name, tabulate in UNRECORDED[1].items():
        write_table(tabulate(summary), tables, name)
    not_run = {cell.name: cell.not_run for cell in summary.cells if cell.not_run}
    job.finish(outputs, facts={"not_run": not_run})


def _summary(job: Job) -> Summary:
    summary = read_summary(job.inputs["summary"], job.identity, job.inputs.get("evidence"))
    lock = job.inputs.get("file:lock")
    entries = read_lock(lock) if lock is not None else {}
    licences = {name: entry.licence for name, entry in entries.items()}
    return replace(summary, design={**summary.design, "licences": licences})


def _draw(summary: Summary, folder: Path, name: str, compose: Draw) -> list[Path]:
    with house_style():
        figure, points = compose(summary)
    return [*save(figure, folder, name), save_data(frame(points), folder, name)]
