"""Figures and tables on the page, as the stage that draws wrote them.

Whatever its record names is shown, in the order told here; a new figure needs no line here, only
a better title. What was drawn from measured times stands apart, for no record names it. The numbers
behind a figure stand below it. Not here: any number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.records import checked, read_record
from mlan.report.page.embed import Embedded, figure
from mlan.report.page.numbers import listed
from mlan.report.summary import AVERAGES, Key, Summary

# Name of a figure -> title and how to read it, in the order of the page.
FIGURES = {
    "sweep": (
        "Score against text share",
        "Text and vision average over the share of text; faint lines are single seeds, dotted and "
        "dashed ones guessing and the model before tuning.",
    ),
    "recommend": (
        "Recommended share",
        "For each weight on vision the shares that may be the best (shaded) and the highest one, "
        "which jumps between shares that were tried.",
    ),
    "claims": (
        "Claims",
        "Estimate and interval of every claim, at the level of its own test; dotted: the margin.",
    ),
    "averages": (
        "Text against vision",
        "A small point is one run, a large one the mean of a cell; up and right is better in both.",
    ),
    "cliff": (
        "Cliff and plateau",
        "The line through the interior, carried on to the edge: a cliff is a drop below it. Grey: "
        "as high as the margin.",
    ),
    "published": (
        "Beside the published numbers",
        "This study above, the paper below, each on its own scale: compare shapes, not levels.",
    ),
    "tags": (
        "Vision by who can teach it",
        "Vision benchmarks by where stage 2 teaches the skill: only pictures, only text, either, "
        "nobody. The average mixes these.",
    ),
    "benchmarks": (
        "Every benchmark",
        "One panel a benchmark; ‡ marks those that cannot tell the shares apart.",
    ),
    "grid": (
        "Benchmarks by share",
        "Framed: not significantly below the highest of its row, in comparisons of all pairs; what "
        "ties depends on the noise of each pair. The answer asks less, only what may be the best, "
        "and so keeps other shares.",
    ),
    "format": (
        "Format and knowledge",
        "What strict and lenient reading and likelihood make of the same answers: where they part, "
        "the form of answers moves the score. Below: answers that could not be read.",
    ),
    "real_vs_blind": (
        "With and without the picture",
        "The same questions with their picture and with a blank one: what vision really adds.",
    ),
    "answers": (
        "Answers",
        "Unreadable and cut answers, yes-rate and length over the share of text; grey lines are "
        "single benchmarks.",
    ),
    "score_vs_tokens": (
        "Score against tokens",
        "Score over the tokens that the language model reads, image tokens counted; the line joins "
        "what no cheaper cell beats.",
    ),
    "loss": (
        "Training loss by source",
        "Loss of each source as its examples come; late steps rest on few examples and jump.",
    ),
    "forgetting": (
        "Gained and lost",
        "Items that tuning gained and lost against the model before stage 2.",
    ),
    "composition": ("Composition", "Tokens of one run by kind, mean over seeds."),
    "contamination": ("Shared items", "Test items that training sources hold too, in per cent."),
    "cost": (
        "Score against cost",
        "Score over operations and time of stage 2; the line joins what no cheaper cell beats.",
    ),
}
# Those that show scores of the test part with intervals: their captions say of how much.
_SCORES = (
    *("sweep", "averages", "published", "tags", "benchmarks", "grid", "format"),
    *("score_vs_tokens", "cost"),
)
# Drawn from measured times, and so in no record.
MEASURED_FIGURES, MEASURED_TABLES = ("cost",), ("compute",)
TABLES = (
    *("scores", "grid", "claims", "recommend", "signal", "official", "scores_clean"),
    *("contamination", "forgetting", "tokens", "data", "recipe"),
)
TABLE_TITLES = {
    "scores": "Scores",
    "official": "Scores by each benchmark's own rule",
    "scores_clean": "Scores without shared items",
    "contamination": "Shared items",
    "forgetting": "Gained and lost against stage 1",
    "tokens": "Training tokens",
    "signal": "Signal and noise",
    "grid": "Benchmarks by share",
    "data": "Data",
    "recipe": "Hyper-parameters",
    "compute": "Computing time",
}
# Rows of a table above which it is folded up at first.
_LONG = 45
# How a cell begins that holds a number, or none.
_NUMBER = re.compile(r"$|–$|[-+−<]?\s?[\d.]")
# Shown as the first thing of the page already.
_SHOWN_ABOVE = ("claims", "recommend")


@dataclass(frozen=True)
class Figure:
    """A figure with the table of its numbers as CSV text."""

    name: str
    title: str
    caption: str
    alt: str
    image: Embedded
    data: str
    rows: int


@dataclass(frozen=True)
class Table:
    """A table as text; `numbers` says of each column whether it holds numbers alone."""

    name: str
    title: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    numbers: tuple[bool, ...]

    @property
    def long(self) -> bool:
        """Whether it is folded up at first."""
        return len(self.rows) > _LONG


def basis(summary: Summary, key: Key) -> str:
    """Return the items, seeds and coverage behind the scores that figures show, as a sentence."""
    cells = [cell.name for cell in summary.tuned]
    averages, single = [*AVERAGES.values()], [one.name for one in summary.benchmarks]
    told = {
        words: [row for g in groups for c in cells if (row := summary.interval(g, key, c))]
        for words, groups in (("an average", averages), ("a benchmark", single))
    }
    rows = [row for found in told.values() for row in found]
    if not rows:
        return ""
    sizes = [f"{_span(found, 'n')} items {words}" for words, found in told.items() if found]
    seeds = _span(rows, "seeds")
    covers = "; ".join(dict.fromkeys(str(row["covers"]) for row in rows))
    return (
        f"{listed(sizes)}, {seeds} seed{'s' if seeds != '1' else ''}; {summary.level} intervals "
        f"cover {covers}."
    )


def _span(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    found = sorted({int(row[name]) for row in rows})
    return f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"


def figures(report: Path, scored: str = "") -> list[Figure]:
    """Return every figure of a report folder; `scored` ends the captions of those with scores.

    Raises IntegrityError.
    """
    names = _ordered(_named(report, "figures", ".svg"), [*FIGURES])
    return [_figure(report / "figures", name, scored) for name in names]


def measured(report: Path) -> tuple[list[Figure], list[Table]]:
    """Return the figures and tables of measured times, which no record vouches for."""
    drawn = [n for n in MEASURED_FIGURES if (report / "figures" / f"{n}.svg").exists()]
    told = [n for n in MEASURED_TABLES if (report / "tables" / f"{n}.csv").exists()]
    return (
        [_figure(report / "figures", name, recorded=False) for name in drawn],
        [_table(report / "tables", name, recorded=False) for name in told],
    )


def _figure(folder: Path, name: str, scored: str = "", *, recorded: bool = True) -> Figure:
    title, caption = FIGURES.get(name, (_words(name), ""))
    data = _read(folder / f"{name}.csv", recorded)
    return Figure(
        name=name,
        title=title,
        caption=f"{caption} {scored}".strip() if name in _SCORES else caption,
        alt=f"Figure: {caption or title} Its numbers are given below it.",
        image=figure(folder, name, recorded=recorded),
        data=data,
        rows=max(0, data.count("\n") - 1),
    )


def tables(report: Path) -> list[Table]:
    """Return every table of a report folder that has rows. Raises IntegrityError."""
    names = _ordered(_named(report, "tables", ".csv"), TABLES)
    found = [_table(report / "tables", name) for name in names if name not in _SHOWN_ABOVE]
    return [table for table in found if table.rows]


def _table(folder: Path, name: str, *, recorded: bool = True) -> Table:
    """Header and rows are those of the CSV; caption and note those of the Markdown."""
    text = _read(folder / f"{name}.csv", recorded)
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    lines = _read(folder / f"{name}.md", recorded).strip().split("\n")
    prose = [line for line in lines if line and not line.startswith("|")]
    return Table(
        name=name,
        title=TABLE_TITLES.get(name, _words(name)),
        caption=prose[0],
        header=tuple(header),
        rows=tuple(map(tuple, rows)),
        note=" ".join(prose[1:]),
        numbers=tuple(
            n > 0 and all(_NUMBER.match(row[n]) for row in rows) for n in range(len(header))
        ),
    )


def _read(path: Path, recorded: bool) -> str:
    return (checked(path) if recorded else path).read_text(encoding="utf-8")


def _named(report: Path, folder: str, ending: str) -> list[str]:
    outputs: Mapping[str, str] = read_record(report)["outputs"]
    paths = [Path(name) for name in outputs]
    return [p.stem for p in paths if p.parts[0] == folder and p.suffix == ending]


def _ordered(found: Sequence[str], known: Sequence[str]) -> list[str]:
    """Names in the order that is known, the others behind them by name."""
    first = [name for name in known if name in found]
    return [*first, *sorted(set(found) - set(first))]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
