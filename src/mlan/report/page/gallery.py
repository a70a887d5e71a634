"""Figures and tables on the page, as the stage that draws wrote them.

Whatever its record names is shown, in the order told here; a new figure needs no line here, only
a better title (`titles`). What was drawn from measured times is shown too, though no record vouches
for it. The numbers behind a figure stand below it. Not here: any number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlan.records import checked, read_record
from mlan.report.page.embed import Embedded, figure
from mlan.report.page.titles import FIGURES, SCORES, TABLES, title

# Drawn from measured times: beside the rest, in no record.
_MEASURED = ("figures/cost", "tables/compute")
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

    @property
    def measured(self) -> bool:
        """Whether it was drawn from measured times, which no record vouches for."""
        return f"figures/{self.name}" in _MEASURED


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
    def measured(self) -> bool:
        """Whether it holds measured times, which no record vouches for."""
        return f"tables/{self.name}" in _MEASURED

    @property
    def long(self) -> bool:
        """Whether it is folded up at first."""
        return len(self.rows) > _LONG


def figures(report: Path, scored: str = "") -> list[Figure]:
    """Return every figure of a report folder; `scored` ends the captions of those with scores.

    Raises IntegrityError.
    """
    names = _ordered(_named(report, "figures", ".svg"), [*FIGURES])
    return [_figure(report / "figures", name, scored) for name in names]


def _figure(folder: Path, name: str, scored: str) -> Figure:
    caption = FIGURES.get(name, ("", ""))[1]
    data = _sound(folder / f"{name}.csv").read_text(encoding="utf-8")
    return Figure(
        name=name,
        title=title("figure", name),
        caption=f"{caption} {scored}".strip() if name in SCORES else caption,
        alt=f"Figure: {caption or title('figure', name)} Its numbers are given below it.",
        image=figure(folder, name, _sound),
        data=data,
        rows=max(0, data.count("\n") - 1),
    )


def tables(report: Path) -> list[Table]:
    """Return every table of a report folder that has rows. Raises IntegrityError."""
    names = _ordered(_named(report, "tables", ".csv"), TABLES)
    found = [_table(report / "tables", name) for name in names if name not in _SHOWN_ABOVE]
    return [table for table in found if table.rows]


def _table(folder: Path, name: str) -> Table:
    """Header and rows are those of the CSV; caption and note those of the Markdown."""
    text = _sound(folder / f"{name}.csv").read_text(encoding="utf-8")
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    lines = _sound(folder / f"{name}.md").read_text(encoding="utf-8").strip().split("\n")
    prose = [line for line in lines if line and not line.startswith("|")]
    return Table(
        name=name,
        title=title("table", name),
        caption=prose[0],
        header=tuple(header),
        rows=tuple(map(tuple, rows)),
        note=" ".join(prose[1:]),
        numbers=tuple(
            n > 0 and all(_NUMBER.match(row[n]) for row in rows) for n in range(len(header))
        ),
    )


def _named(report: Path, folder: str, ending: str) -> list[str]:
    outputs: Mapping[str, str] = read_record(report)["outputs"]
    there = [f"{name}{ending}" for name in _MEASURED if (report / f"{name}{ending}").exists()]
    paths = [Path(name) for name in (*outputs, *there)]
    return [p.stem for p in paths if p.parts[0] == folder and p.suffix == ending]


def _sound(path: Path) -> Path:
    """A file that may be read. Raises IntegrityError for one that differs from its record."""
    return path if f"{path.parent.name}/{path.stem}" in _MEASURED else checked(path)


def _ordered(found: Sequence[str], known: Sequence[str]) -> list[str]:
    """Names in the order that is known, the others behind them by name."""
    first = [name for name in known if name in found]
    return [*first, *sorted(set(found) - set(first))]
