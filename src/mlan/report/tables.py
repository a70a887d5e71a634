"""Tables of scores and of training tokens, and what a table is.

A score is `value ± half-width` in per cent, half-width = (high - low) / 2 of the interval.
Digits follow the standard error (`decimals`): a digit that the error drowns is not printed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from mlan.report.summary import (
    AVERAGES,
    BASELINES,
    GROUP_PREFIX,
    MEASURES,
    TAGS,
    Cell,
    Key,
    Summary,
)
from mlan.report.tokens import Budget, cell_budgets

ABSENT = "–"
UNDECIDING = "‡"
SCORERS = {"strict": "generation, strict", "option": "option likelihood"}


@dataclass(frozen=True)
class Table:
    """A table as text; `words` counts the left-aligned columns, `blocks` starts a new block.

    `prose` are columns of whole sentences, broken into lines where the format can.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    words: int
    blocks: tuple[int, ...] = ()
    prose: tuple[int, ...] = ()

    @property
    def left(self) -> list[bool]:
        """Which columns are left-aligned."""
        return [i < self.words or i in self.prose for i in range(len(self.header))]


def decimals(standard_error_pct: float) -> int:
    """Return how many decimals of a percentage to print, 0 to 2.

    The rule of the Particle Data Group: the error keeps two digits if its first three are 100
    to 354, one if 355 to 949; from 950 it rounds up to 1000 and keeps two. An error of zero
    (all answers equal) gives 1. Source: Review of Particle Physics, Introduction, "Rounding".
    """
    if not math.isfinite(standard_error_pct) or standard_error_pct <= 0:
        return 1
    exponent = math.floor(math.log10(standard_error_pct))
    leading = round(standard_error_pct / 10.0 ** (exponent - 2))
    digits = 2 if leading <= 354 or leading >= 950 else 1
    position = exponent + (1 if leading >= 950 else 0)
    return min(2, max(0, digits - 1 - position))


def score_text(row: dict[str, Any] | None, confidence: float) -> str:
    """Return `value ± half-width` in per cent of an interval row; `–` if there is none.

    The standard error that sets the digits is the half-width over the normal quantile.
    """
    if row is None or not math.isfinite(row["value"]):
        return ABSENT
    value, half = 100 * row["value"], 50 * (row["high"] - row["low"])
    if not math.isfinite(half):
        return f"{value:.1f}"
    places = decimals(half / NormalDist().inv_cdf(0.5 + confidence / 2))
    return f"{value:.{places}f} ± {half:.{places}f}"


def p_text(p: float) -> str:
    """Return a p value with three decimals: `<.001` below, 1 where it is, `–` for none."""
    if not math.isfinite(p):
        return ABSENT
    return "<.001" if p < 0.001 else "1" if p >= 0.9995 else f"{p:.3f}".lstrip("0")


def scores_table(summary: Summary) -> Table:
    """Benchmarks and averages by cells, one block a scorer and modality. Part test, real image."""
    cells = columns(summary)
    rows: list[tuple[str, ...]] = []
    blocks: list[int] = []
    for scorer, label in SCORERS.items():
        for modality in AVERAGES:
            names = row_names(summary, modality)
            own = [_score_row(summary, name, scorer, label, cells) for name in names]
            own = [row for row in own if set(row[3:]) != {ABSENT}]
            if own and rows:
                blocks.append(len(rows))
            rows += own
    return Table(
        caption="Accuracy in per cent on the test part.",
        header=("benchmark", "scorer", "n", *(cell.label for cell in cells)),
        rows=tuple(rows),
        note=_scores_note(summary, cells),
        words=2,
        blocks=tuple(blocks),
    )


def columns(summary: Summary) -> list[Cell]:
    """The cells of a table of scores: models to compare with, then tuned ones."""
    baselines = [cell for cell in summary.cells if cell.place in BASELINES]
    return [*baselines, *summary.tuned]


def row_names(summary: Summary, modality: str) -> list[str]:
    """The rows of a table of scores: benchmarks of a modality, their groups, their average."""
    names = [b.name for b in summary.benchmarks if b.modality == modality]
    groups = [f"{GROUP_PREFIX}{tag}" for tag in TAGS] if modality == "vision" else []
    return [*names, *(g for g in groups if not is_single(summary, g)), AVERAGES[modality]]


def is_single(summary: Summary, name: str) -> bool:
    """Whether a name is a group of one benchmark, which has a row of its own."""
    return name.startswith(GROUP_PREFIX) and len(summary.members(name)) == 1


def _score_row(
    summary: Summary, name: str, scorer: str, label: str, cells: Sequence[Cell]
) -> tuple[str, ...]:
    found = [summary.interval(name, MEASURES[scorer], cell.name) for cell in cells]
    counts = sorted({int(row["n"]) for row in found if row is not None})
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}" if counts else ABSENT
    title = row_title(summary, name, MEASURES[scorer])
    return (title, label, n, *(score_text(row, summary.confidence) for row in found))


def row_title(summary: Summary, name: str, key: Key) -> str:
    """A benchmark's or group's name with its marks: not in the averages, cannot decide."""
    single = [b for b in summary.benchmarks if b.name == name]
    mark = " †" if single and not single[0].headline else ""
    return f"{name}{mark}{_signal_mark(summary, name, key)}"


def marked_name(summary: Summary, name: str, key: Key) -> str:
    """A benchmark's or group's name, marked where it cannot decide."""
    return f"{name}{_signal_mark(summary, name, key)}"


def _signal_mark(summary: Summary, name: str, key: Key) -> str:
    return f" {UNDECIDING}" if summary.decides(name, key) is False else ""


def undeciding_note(summary: Summary) -> str:
    """What the mark of a benchmark that cannot decide says; empty where nothing bears it."""
    if all(summary.table("signal")["decides"]):
        return ""
    return f" {UNDECIDING}: cannot tell the cells of the curve apart (table signal)."


def _scores_note(summary: Summary, cells: Sequence[Cell]) -> str:
    covers: dict[str, list[str]] = {}
    seeds: dict[str, list[str]] = {}
    for cell in cells:
        row = _any_interval(summary, cell)
        if row is not None:
            covers.setdefault(str(row["covers"]), []).append(cell.label)
            seeds.setdefault(str(int(row["seeds"])), []).append(cell.label)
    parts = [
        "n: items of the test part.",
        f"±: half of the {summary.level} interval, which covers {_by_cell(covers)}; "
        "to be cut where it passes 0 or 100.",
        f"Seeds: {_by_cell(seeds)}.",
    ]
    parts[-1] += not_run({c.label: summary.not_run(c, MEASURES["strict"]) for c in cells})
    parts[-1] += _not_controlled(summary, cells)
    if any(not benchmark.headline for benchmark in summary.benchmarks):
        parts.append("†: not in the averages.")
    parts.append("Averages weigh benchmarks equally; groups are of two or more vision benchmarks.")
    return " ".join(parts) + undeciding_note(summary)


def not_run(seeds: Mapping[str, str]) -> str:
    """Name the seeds that are missing, by label; empty if there is none."""
    missing = [f"{label}: seed {seed}" for label, seed in seeds.items() if seed]
    return f" Not run: {'; '.join(missing)}." if missing else ""


def _not_controlled(summary: Summary, cells: Sequence[Cell]) -> str:
    """Name the cells that an external command trained on these examples in an order of its own."""
    own = [cell.label for cell in cells if cell.name in summary.order_not_controlled]
    return f" Order not controlled: {', '.join(own)}." if own else ""


def _any_interval(summary: Summary, cell: Cell) -> dict[str, Any] | None:
    names = [*AVERAGES.values(), *(b.name for b in summary.benchmarks)]
    rows = (summary.interval(n, key, cell.name) for n in names for key in MEASURES.values())
    return next((row for row in rows if row is not None), None)


def _by_cell(groups: dict[str, list[str]]) -> str:
    """Return `seeds and items (untuned: items only)`: the commonest wording, then exceptions."""
    if not groups:
        return ABSENT
    common = max(groups, key=lambda text: len(groups[text]))
    rest = [f"{', '.join(groups[text])}: {text}" for text in groups if text != common]
    return common + (f" ({'; '.join(rest)})" if rest else "")


def tokens_table(summary: Summary) -> Table:
    """Training tokens of every cell, mean over its runs, and the share in three currencies."""
    missing = not_run({cell.label: cell.not_run for cell in summary.tuned})
    budgets = {budget.cell: budget for budget in cell_budgets(summary)}
    return Table(
        caption="Training tokens per cell.",
        header=(
            *("cell", "seeds", "examples", "LM tokens", "image tokens", "supervised tokens"),
            *("text share of examples (%)", "of LM tokens (%)", "of supervised tokens (%)"),
            *("padding tokens", "steps"),
        ),
        rows=tuple(_budget_row(cell.label, budgets.get(cell.name)) for cell in summary.tuned),
        note="Means over seeds. LM tokens: text and image tokens, padding excluded. Text share: "
        f"part of text-only examples in each count.{missing}"
        + _not_controlled(summary, summary.tuned),
        words=1,
    )


def _budget_row(label: str, budget: Budget | None) -> tuple[str, ...]:
    if budget is None:
        return (label, "0", *[ABSENT] * 9)
    return (
        *(label, str(budget.runs), f"{budget.examples:.0f}", f"{budget.lm_tokens:.0f}"),
        *(f"{budget.image_tokens:.0f}", f"{budget.supervised_tokens:.0f}"),
        *(_percent(budget.share_of_examples), _percent(budget.share_of_lm_tokens)),
        _percent(budget.share_of_supervised_tokens),
        *(f"{budget.padding_tokens:.0f}", f"{budget.steps:.0f}"),
    )


def _percent(part: float) -> str:
    return f"{100 * part:.1f}" if math.isfinite(part) else ABSENT


def grouped(table: Table) -> list[list[str]]:
    """Return the rows with separators in whole numbers of four digits or more, as counts are read.

    Columns of words keep what they have: a seed of a recipe is no count.
    """
    return [
        [
            f"{int(cell):,}" if not left and re.fullmatch(r"\d{4,}", cell) else cell
            for cell, left in zip(row, table.left, strict=True)
        ]
        for row in table.rows
    ]
