"""`mlan show diff`: the items that one run answers rightly and another one does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.text import Text

from mlan.cli.study import check_cell, open_grid
from mlan.cli.words import console, show, table
from mlan.data.items import read_items
from mlan.errors import MlanError, nearest
from mlan.evidence.forgetting import changes
from mlan.grid import Grid
from mlan.records import RECORD, read_checked

# What is compared: greedy answers to the test part, read strictly, with the real picture.
_PART, _CONDITION, _PARSER = "test", "real", "strict"


@dataclass(frozen=True)
class Run:
    """One run that is scored."""

    cell: str
    seed: int
    folder: Path


def run(
    study: str, cell_a: str, cell_b: str, seed: int | None, benchmark: str | None, rows: int
) -> None:
    """Print counts per benchmark, then the items that differ."""
    grid = open_grid(study)
    first, second = (_scored(grid, cell, seed) for cell in (cell_a, cell_b))
    names = list(grid.config.data.benchmarks)
    if benchmark is not None and benchmark not in names:
        raise MlanError(f"benchmark = {benchmark!r}: unknown; {nearest(benchmark, names)}")
    chosen = names if benchmark is None else [benchmark]
    both = {name: compare(grid, name, first, second) for name in chosen}
    screen = console()
    _show_counts(screen, first, second, both)
    for name, frame in both.items():
        _show_items(screen, name, frame[frame["right_a"] != frame["right_b"]], first, second, rows)


def _scored(grid: Grid, cell: str, seed: int | None) -> Run:
    kept = check_cell(grid, cell, seed if cell in grid.cells and _varies(grid, cell) else None)
    folder = grid.run_folder(cell, kept, "scores")
    if not (folder / RECORD).exists():
        raise MlanError(f"cell {cell!r}, seed {kept}: not scored yet; see `mlan status`")
    return Run(cell, kept, folder)


def _varies(grid: Grid, cell: str) -> bool:
    """The untuned model has one run for all seeds unless stage 1 varies with them."""
    return grid.cells[cell].kind == "tuned" or len(grid.cells[cell].seeds) > 1


def compare(grid: Grid, benchmark: str, first: Run, second: Run) -> pd.DataFrame:
    """Return one line an item: item, question, gold, and of both runs answer and rightness."""
    items = read_items(grid.folder("data", "benchmarks", benchmark))
    found = items[items["part"] == _PART][["id", "question", "options", "golds"]]
    found = found.rename(columns={"id": "item"})
    for run, letter in ((first, "a"), (second, "b")):
        found = found.merge(_answers(run, benchmark, letter), on="item", validate="one_to_one")
    return found


def _answers(run: Run, benchmark: str, letter: str) -> pd.DataFrame:
    scores = read_checked(run.folder / "items.parquet")
    keep = (
        (scores["benchmark"] == benchmark)
        & (scores["part"] == _PART)
        & (scores["condition"] == _CONDITION)
        & (scores["parser"] == _PARSER)
    )
    right = scores[keep][["item", "correct"]].assign(correct=scores["correct"] > 0)
    path = run.folder.parent / "predictions" / f"{benchmark}.parquet"
    given = read_checked(path)
    given = given[given["condition"] == _CONDITION][["item", "text"]]
    names = {"correct": f"right_{letter}", "text": f"answer_{letter}"}
    return right.merge(given, on="item", validate="one_to_one").rename(columns=names)


def _show_counts(screen: Console, first: Run, second: Run, both: dict[str, pd.DataFrame]) -> None:
    a, b = _label(first), _label(second)
    title = f"A = {a}, B = {b}; {_PART} items, greedy answers read strictly"
    heads = ("items", "A right", "B right", "only A", "only B", "B - A")
    shown = table("benchmark", *heads)
    for name, frame in both.items():
        right_a, right_b = frame["right_a"], frame["right_b"]
        changed = changes(right_a, right_b)
        right = (changed.kept_right + changed.lost, changed.kept_right + changed.gained)
        numbers = (changed.n, *right, changed.lost, changed.gained)
        shown.add_row(name, *map(str, numbers), f"{changed.net:+d}")
    show(screen, title, shown)


def _label(run: Run) -> str:
    return f"{run.cell} seed {run.seed}"


def _show_items(
    screen: Console, name: str, frame: pd.DataFrame, first: Run, second: Run, rows: int
) -> None:
    if frame.empty:
        return
    shown = frame if rows == 0 else frame.head(rows)
    screen.print(f"[bold]{name}[/bold]")
    for row in shown.to_dict("records"):
        options = ", ".join(row["options"])
        question = f"{row['question']} ({options})" if options else row["question"]
        screen.print(Text(question), soft_wrap=True)
        screen.print(Text(f"  gold     {', '.join(dict.fromkeys(row['golds']))}"))
        for letter in ("a", "b"):
            right = bool(row[f"right_{letter}"])
            mark = Text("right" if right else "wrong", "green" if right else "red")
            answer = str(row[f"answer_{letter}"]) or "(nothing)"
            screen.print(Text(f"  {letter.upper()} ") + mark + Text(f"  {answer}"), soft_wrap=True)
    if len(shown) < len(frame):
        screen.print(f"and {len(frame) - len(shown)} more (--rows 0 shows all)")
    screen.print()
