"""`mlan export`: a run as a model folder that transformers loads."""

from __future__ import annotations

import json
from pathlib import Path

from mlan.cli.card import card_of
from mlan.cli.study import check_cell, open_grid
from mlan.cli.words import console
from mlan.errors import MlanError
from mlan.grid import RELEASED
from mlan.report.card import model_card


def run(study: str, cell: str, seed: int | None, out: Path) -> None:
    """Write the model of a finished run and say how it is loaded."""
    from mlan.train.export import export_run

    grid = open_grid(study)
    number = check_cell(grid, cell, seed)
    if grid.cells[cell].kind == RELEASED:
        raise MlanError(f"cell = {cell!r}: is {grid.cells[cell].model} as it was released")
    inputs = grid.inputs("predict", cell=cell, seed=number)
    tune = json.loads(grid.identity("predict", cell=cell, seed=number))["tune"] or {}
    card = card_of(grid, cell, number)
    texts = {"README.md": model_card(card)}
    export_run(out, inputs["backbone"], inputs["align"], inputs.get("weights"), tune, texts)
    first = "import mlan.model; " if card.needs_mlan else ""
    load = f"{first}LlavaForConditionalGeneration.from_pretrained({str(out)!r})"
    console().print(
        f"{out} is written; README.md is its card; load it with: {load}", soft_wrap=True
    )
