"""Table of what tuning gave and took, against each cell's model before stage 2."""

from __future__ import annotations

from typing import Any

from mlan.report.summary import AVERAGES, MEASURES, Summary
from mlan.report.tables import ABSENT, SCORERS, Table, not_run, row_names

MODALITY = "text"


def forgetting_table(summary: Summary) -> Table:
    """Text benchmarks by tuned cells: items lost and gained, per cent of all. Part test."""
    rows: list[tuple[str, ...]] = []
    blocks: list[int] = []
    for scorer, label in SCORERS.items():
        own = []
        for name in row_names(summary, MODALITY):
            changed = summary.change_rows.get((name, MEASURES[scorer]), [])
            if changed:
                texts = (_text([r for r in changed if r["cell"] == c.name]) for c in summary.tuned)
                own.append((name, label, str(int(changed[0]["n"])), *texts))
        if own and rows:
            blocks.append(len(rows))
        rows += own
    return Table(
        caption="Items of text benchmarks lost and gained in stage 2, per cent of all.",
        header=("benchmark", "scorer", "n", *(cell.label for cell in summary.tuned)),
        rows=tuple(rows),
        note="Lost / gained: right before stage 2 and wrong after it, and the other way round; "
        "their difference is the change of the accuracy. Before stage 2: the stage-1 model, which "
        "on text is the pretrained language model. Test part, means over seeds. "
        f"The {AVERAGES[MODALITY]} pools the items of its benchmarks."
        + not_run({cell.label: cell.not_run for cell in summary.tuned}),
        words=2,
        blocks=tuple(blocks),
    )


def _text(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ABSENT
    items = sum(row["n"] for row in rows)
    lost, gained = (100 * sum(row[name] for row in rows) / items for name in ("lost", "gained"))
    return f"{lost:.1f} / {gained:.1f}"
