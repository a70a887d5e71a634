"""Figures and tables on the page, as the stage that draws wrote them.

Whatever its record names is shown, in the order told here, and what is drawn from measured times,
which no record vouches for; a new figure needs no line here, only a better title. The numbers
behind a figure stand below it. Not here: any number.
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

# Name of a figure -> title and what it shows, in the order of the page.
FIGURES = {
    "sweep": ("Score against text share", "Text and vision averages over the share of text."),
    "recommend": ("Recommended share", "Shares that cannot be told from the best, by weight."),
    "claims": ("Claims", "Estimate, interval and margin of every claim."),
    "averages": ("Text against vision", "Text average against vision average, a point a run."),
    "cliff": ("Cliff and plateau", "The interior's line, its continuation to the edge, the edge."),
    "published": ("Beside the published numbers", "The published points beside this study's."),
    "tags": ("Vision by who can teach it", "Vision scores by what taught the skill."),
    "benchmarks": ("Every benchmark", "Score of each benchmark over the share of text."),
    "grid": ("Benchmarks by share", "Score of each benchmark at each share, ties to the best."),
    "format": ("Format and knowledge", "Strict and lenient reading and likelihood of options."),
    "real_vs_blind": ("With and without the picture", "Real image against a blank one."),
    "answers": ("Answers", "Invalid answers, yes-rate and length by share."),
    "score_vs_tokens": ("Score against tokens", "Scores over training tokens."),
    "loss": ("Training loss by source", "Loss of each source over the steps."),
    "forgetting": ("Gained and lost", "Items gained and lost against the model before stage 2."),
    "composition": ("Composition", "Examples and tokens by kind in every cell."),
    "contamination": ("Shared items", "Test items that training sources hold too."),
    "cost": ("Score against cost", "Scores over operations and hours of training."),
}
TABLES = (
    *("scores", "grid", "claims", "recommend", "sensitivity", "signal", "official"),
    *("scores_clean", "contamination", "forgetting", "tokens", "data", "recipe", "compute"),
)
TABLE_TITLES = {
    "claims": "Claims with their verdicts",
    "recommend": "Recommended share by weight and price",
    "scores": "Scores",
    "official": "Scores by each benchmark's own rule",
    "scores_clean": "Scores without shared items",
    "contamination": "Shared items",
    "forgetting": "Gained and lost against stage 1",
    "tokens": "Training tokens",
    "signal": "Signal and noise",
    "sensitivity": "Averages under other weights",
    "grid": "Benchmarks by share",
    "data": "Data",
    "recipe": "Hyper-parameters",
    "compute": "Computing time",
}
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


def title(kind: str, name: str) -> str:
    """Return the title of a `figure` or a `table`; of a new one its name in words."""
    if kind == "figure":
        return FIGURES.get(name, (_words(name), ""))[0]
    return TABLE_TITLES.get(name, _words(name))


def figures(report: Path) -> list[Figure]:
    """Return every figure of a report folder. Raises IntegrityError."""
    names = _ordered(_named(report, "figures", ".svg"), [*FIGURES])
    return [_figure(report / "figures", name) for name in names]


def _figure(folder: Path, name: str) -> Figure:
    caption = FIGURES.get(name, ("", ""))[1]
    data = _sound(folder / f"{name}.csv").read_text(encoding="utf-8")
    return Figure(
        name=name,
        title=title("figure", name),
        caption=caption,
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
    measured = [f"{name}{ending}" for name in _MEASURED if (report / f"{name}{ending}").exists()]
    paths = [Path(name) for name in (*outputs, *measured)]
    return [p.stem for p in paths if p.parts[0] == folder and p.suffix == ending]


def _sound(path: Path) -> Path:
    """A file that may be read. Raises IntegrityError for one that differs from its record."""
    return path if f"{path.parent.name}/{path.stem}" in _MEASURED else checked(path)


def _ordered(found: Sequence[str], known: Sequence[str]) -> list[str]:
    """Names in the order that is known, the others behind them by name."""
    first = [name for name in known if name in found]
    return [*first, *sorted(set(found) - set(first))]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
