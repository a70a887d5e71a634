"""Open a study as the workflow does, for commands that look and never run anything."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mlan.config import Study, load_study
from mlan.device import resolve_device
from mlan.errors import ConfigError, MlanError, nearest
from mlan.grid import Grid
from mlan.hub import known_revisions, revisions_in
from mlan.preflight import preflight


def open_grid(
    study: str,
    seeds: str | None = None,
    experiments: str | None = None,
    *,
    locked_only: bool = True,
) -> Grid:
    """Return the grid of a study by name or path.

    Without `locked_only`, names of a hub may still be neither pinned nor locked.

    Raises ConfigError with every mistake in the file or the selection.
    """
    if not Path("config").is_dir() and not Path(study).is_file():
        raise ConfigError(
            f"no folder config here ({os.getcwd()}); go to the one with the Snakefile"
        )
    loaded = load_study(study, seeds=seeds, experiments=experiments)
    root = Path("results") / loaded.name
    known = revisions_in(loaded, root) if locked_only else known_revisions(loaded, root)
    grid = Grid(loaded, _device(loaded), revisions=known)
    if any(cell.recipe.mixture.match == "down" for cell in grid.cells.values()):
        preflight(grid)  # sizes of sources decide what the jobs are
    return grid


def _device(study: Study) -> str:
    """The study's kind of device. A host without a GPU may look at a study that ran on one."""
    try:
        return resolve_device(study.config.device, Path("results") / study.name)
    except ConfigError:
        return "cuda"


def check_cell(grid: Grid, cell: str, seed: int | None, *, tuned: bool = False) -> int:
    """Return the seed to look at: `seed`, or the cell's first.

    Raises MlanError naming the nearest cell or the seeds there are; with `tuned`, also for
    an untuned cell.
    """
    names = [c.name for c in grid.cells.values() if c.kind == "tuned" or not tuned]
    if cell not in names:
        if cell in grid.cells:
            raise MlanError(f"cell = {cell!r}: is not tuned, so it has no plan")
        raise MlanError(f"cell = {cell!r}: no such cell; {nearest(cell, names)}")
    seeds = grid.cells[cell].seeds
    if seed is None:
        return seeds[0]
    if seed not in seeds:
        allowed = ", ".join(map(str, seeds))
        raise MlanError(f"seed = {seed}: cell {cell!r} has no such seed; allowed: {allowed}")
    return seed


def recorded_facts(folder: Path) -> dict[str, object]:
    """Return the facts of a record, empty if there is none."""
    try:
        facts: dict[str, object] = json.loads((folder / "record.json").read_text())["facts"]
    except (OSError, ValueError, KeyError):
        return {}
    return facts
