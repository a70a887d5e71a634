"""`mlan export-mix`: a run's mixture as files for another trainer."""

from __future__ import annotations

from pathlib import Path

from mlan.cli.planning import Planner
from mlan.cli.progress import look
from mlan.cli.study import check_cell, open_grid
from mlan.cli.words import console
from mlan.cost import tasks
from mlan.errors import DataError
from mlan.mixture.portable import PICTURES, Format, export_mixture


def run(study: str, cell: str, seed: int | None, out: Path, form: Format) -> None:
    """Write the examples and pictures of a run's plan; the run need not have been computed."""
    grid = open_grid(study)
    number = check_cell(grid, cell, seed, tuned=True)
    planner = Planner(grid, look(grid, tasks(grid)))
    plan = planner.plan(cell, number)
    used = sorted(set(plan["source"]))
    sets = {grid.source_images(name) for name in used if (plan["image"] != "").any()} - {None}
    images = {str(name): grid.folder("data", "images", name) for name in sets}
    for name, folder in sorted(images.items()):
        if not planner.is_done(folder):
            raise DataError(
                f"image set {name!r} is not prepared; run snakemake --cores all "
                f"--config study={study} prepare"
            )
    path = export_mixture(out, plan, {name: planner.source(name) for name in used}, images, form)
    pictures = int((plan["image"] != "").sum())
    where = f"; pictures in {out / PICTURES}" if pictures else ""
    console().print(
        f"{path}: {len(plan)} examples in training order, {pictures} with a picture{where}",
        soft_wrap=True,
    )
