"""The stage that draws: the summary folder in, figures and tables out.

The set of files is always the same; a figure whose data is absent says so instead of missing.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mlan.report.contamination import clean_table, contamination_table, draw_contamination
from mlan.report.controls import draw_real_vs_blind
from mlan.report.exchange import write_exchange
from mlan.report.forgetting import forgetting_table
from mlan.report.official import official_table
from mlan.report.points import frame
from mlan.report.style import house_style, save, save_data
from mlan.report.summary import Summary, read_summary
from mlan.report.sweep import draw_benchmarks, draw_format, draw_sweep, draw_tags
from mlan.report.tables import scores_table, tokens_table, write_table
from mlan.report.tokens import draw_composition, draw_score_vs_tokens
from mlan.stage import Job

FIGURES: dict[str, Callable[[Summary], tuple[Figure, Sequence[Any]]]] = {
    "sweep": draw_sweep,
    "tags": draw_tags,
    "benchmarks": draw_benchmarks,
    "format": draw_format,
    "real_vs_blind": draw_real_vs_blind,
    "score_vs_tokens": draw_score_vs_tokens,
    "composition": draw_composition,
    "contamination": draw_contamination,
}
TABLES = {
    "scores": scores_table,
    "official": official_table,
    "tokens": tokens_table,
    "contamination": contamination_table,
    "scores_clean": clean_table,
    "forgetting": forgetting_table,
}


def draw(job: Job) -> None:
    """Draw every figure and table of the summary folder into `job.out`.

    Writes `figures/*.pdf|svg|png|csv`, `tables/*.csv|md|tex` and `exchange/*.csv`, then the record.
    Raises IntegrityError or DataError for a summary that cannot be read.
    """
    # At INFO the PDF writer's font library names every glyph that it embeds.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    summary = read_summary(job.inputs["summary"], job.identity)
    outputs: list[Path] = []
    folders = {name: job.out / name for name in ("figures", "tables", "exchange")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)  # nothing of an earlier version stays
    for name, compose in FIGURES.items():
        with house_style():
            figure, points = compose(summary)
        outputs += save(figure, folders["figures"], name)
        outputs.append(save_data(frame(points), folders["figures"], name))
    for name, tabulate in TABLES.items():
        outputs += write_table(tabulate(summary), folders["tables"], name)
    outputs += write_exchange(summary, folders["exchange"])
    not_run = {cell.name: cell.not_run for cell in summary.cells if cell.not_run}
    job.finish(outputs, facts={"not_run": not_run})
