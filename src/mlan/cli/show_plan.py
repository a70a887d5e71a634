"""`mlan show plan`: the first rows of a run's plan as text, the supervised tokens marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import pandas as pd
from rich.console import Console
from rich.text import Text

from mlan.cli.planning import Planner
from mlan.cli.progress import look
from mlan.cli.study import check_cell, open_grid
from mlan.cli.words import console
from mlan.cost import tasks
from mlan.mixture.template import IMAGE_TOKEN, Encoded, Template

_MARK = "bold green"


def run(study: str, cell: str, seed: int | None, rows: int) -> None:
    """Print the first rows of the plan of a cell's run."""
    grid = open_grid(study)
    seed = check_cell(grid, cell, seed, tuned=True)
    planner = Planner(grid, look(grid, tasks(grid)))
    plan = planner.plan(cell, seed)
    template = planner.template(grid.cells[cell].recipe)
    screen = console()
    steps = int(plan["step"].max()) + 1
    screen.print(
        f"{cell}, seed {seed}: {len(plan)} examples in {steps} steps; supervised tokens ", end=""
    )
    screen.print(Text("like this", _MARK) if screen.is_terminal else "[[like this]]", markup=False)
    for line in _first(plan, rows):
        example = _example(planner.source(line["source"]), line["example"])
        encoded = template.encode(list(example["turns"]), picture=line["image"] != "")
        screen.print()
        screen.print(_head(line), style="dim", markup=False, soft_wrap=True)
        _print_text(screen, template, encoded)


def _first(plan: pd.DataFrame, rows: int) -> list[dict[str, Any]]:
    """All lines of the first rows, counted over steps."""
    number = plan.groupby(["step", "row"], sort=False).ngroup()
    return [{str(k): v for k, v in row.items()} for row in plan[number < rows].to_dict("records")]


def _example(frame: pd.DataFrame, example: str) -> dict[str, Any]:
    row = frame[frame["id"] == example].iloc[0]
    return {str(k): v for k, v in row.items()}


def _head(line: dict[str, Any]) -> str:
    where = f"step {line['step']}, row {line['row']}, position {line['position']}"
    tokens = f"{line['tokens']} tokens, {line['supervised_tokens']} supervised"
    return f"{where} | {line['example']} | {tokens} | weight {line['weight']:.4g} each"


def _print_text(screen: Console, template: Template, encoded: Encoded) -> None:
    shown = Text()
    for text, learnt in segments(template, encoded):
        if screen.is_terminal:
            shown.append(text, _MARK if learnt else None)
        else:
            shown.append(f"[[{text}]]" if learnt else text)
    screen.print(shown, soft_wrap=True)


def segments(template: Template, encoded: Encoded) -> Iterator[tuple[str, bool]]:
    """Yield decoded text and whether it is learnt, cut exactly where that changes.

    A run of image tokens is written `<image x9>`.
    """
    pairs = zip(encoded.ids, encoded.supervised, strict=True)
    for learnt, group in groupby(pairs, key=lambda pair: pair[1]):
        yield _text(template, [token for token, _ in group]), learnt


def _text(template: Template, ids: Sequence[int]) -> str:
    parts = []
    for is_image, group in groupby(ids, key=lambda token: template.decode([token]) == IMAGE_TOKEN):
        tokens = list(group)
        parts.append(f"<image x{len(tokens)}>" if is_image else template.decode(tokens))
    return "".join(parts)
