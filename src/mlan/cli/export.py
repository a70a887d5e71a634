"""`mlan export`: a run as a model folder that transformers loads."""

from __future__ import annotations

from pathlib import Path

from mlan.cli.study import check_cell, open_grid
from mlan.cli.words import console
from mlan.errors import MlanError
from mlan.grid import RELEASED


def run(study: str, cell: str, seed: int | None, out: Path) -> None:
    """Write the model of a finished run and say how it is loaded."""
    from mlan.train.export import export_run

    grid = open_grid(study)
    number = check_cell(grid, cell, seed)
    if grid.cells[cell].kind == RELEASED:
        raise MlanError(f"cell = {cell!r}: is {grid.cells[cell].model} as it was released")
    inputs = grid.inputs("predict", cell=cell, seed=number)
    tune = grid.cells[cell].recipe.tune.model_dump()
    export_run(out, inputs["backbone"], inputs["align"], inputs.get("weights"), tune)
    load = f"LlavaForConditionalGeneration.from_pretrained({str(out)!r})"
    console().print(f"{out} is written; load it with: import mlan.model; {load}", soft_wrap=True)
