"""The grid of a study: its cells and runs, and what every job of it depends on."""

from mlan.grid.cells import UNTUNED, Cell
from mlan.grid.jobs import Grid

__all__ = ["UNTUNED", "Cell", "Grid"]
