"""The way back as the page shows it: a place for every cell, and what its numbers stand on.

Model: each cell has an anchor, `cell-<name>`, with its runs: folder, command, and the digests of
plan, weights, answers and scores. Headings and first columns of tables that name a cell lead there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlan.report.page.facts import Facts
from mlan.report.page.trace import Run, Step, Trace
from mlan.report.summary import Summary

# Digits of a digest that are shown; the whole one is beside it for who hovers or copies.
SHORT = 12


@dataclass(frozen=True)
class RunBack:
    """One run: its folder, the command that makes it again, digests by what they are of."""

    seed: int
    place: str
    command: str
    digests: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CellBack:
    """One cell with its anchor, what is special about it, and its runs."""

    name: str
    anchor: str
    label: str
    differs: tuple[tuple[str, str], ...]
    runs: tuple[RunBack, ...]


@dataclass(frozen=True)
class Back:
    """Cells, the jobs that they share, code by stage, versions; `links`: text -> anchor."""

    cells: tuple[CellBack, ...]
    shared: tuple[Step, ...]
    last: tuple[Step, ...]
    codes: Mapping[str, list[str]]
    versions: Mapping[str, list[str]]
    links: Mapping[str, str]


def back(trace: Trace, facts: Facts, summary: Summary) -> Back:
    """Return the way back of every cell of the summary."""
    labels = {cell.name: cell.label for cell in summary.cells}
    cells = tuple(
        CellBack(
            name=name,
            anchor=anchor(name),
            label=label,
            differs=tuple((k, _shown(v)) for k, v in facts.cell(name).differs.items()),
            runs=tuple(_run(run, facts.study) for run in trace.runs if run.cell == name),
        )
        for name, label in labels.items()
    )
    links = {text: anchor(name) for name, label in labels.items() for text in (name, label)}
    return Back(cells, trace.shared, trace.last, trace.codes(), trace.versions(), links)


def anchor(cell: str) -> str:
    """Return the id of a cell's place on the page."""
    return f"cell-{cell}"


def _run(run: Run, study: str) -> RunBack:
    place = f"cells/{run.cell}/seed{run.seed}"
    digests = [(f"{name}/record.json", step.digest) for name, step in run.steps.items()]
    return RunBack(
        seed=run.seed,
        place=place,
        command=_command(run, study),
        digests=(*((("plan", run.plan),) if run.plan else ()), *reversed(digests)),
    )


def _command(run: Run, study: str) -> str:
    """What makes a run again; a model that is not tuned is only asked and scored again."""
    if "weights" in run.steps:
        return f"make cell STUDY={study} CELL={run.cell} SEED={run.seed}"
    answers = f"results/{study}/cells/{run.cell}/seed{run.seed}/predictions/record.json"
    return f"snakemake --cores all --config study={study} -R {answers} -- {answers}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
