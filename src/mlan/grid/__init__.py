"""The grid of a study: its cells and runs, and what every job of it depends on."""

from mlan.grid.cells import RELEASED, UNTUNED, Cell
from mlan.grid.jobs import Grid

__all__ = ["RELEASED", "UNTUNED", "Cell", "Grid"]
