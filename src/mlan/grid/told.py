"""What tables say of a study's design: the recipe as resolved, what varies, whose the data are.

Model: names and values only. Models and files of one's own are told by their names, since where
anything lies decides nothing. Not here: what a licence is (`mlan.report.materials`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlan.config.cell_name import leaves
from mlan.config.data import FactsSource
from mlan.config.models import is_embedded, is_hub
from mlan.config.recipe import Recipe
from mlan.grid.data_jobs import DataJobs


def told_design(grid: DataJobs) -> dict[str, Any]:
    """Return `recipe` (dotted key -> value), `differs` (cell -> its own values) and `sources`.

    A source has its `adapter`, the `style` of its pictures (or None), its `repository` on a hub
    (or None) and its `files` by name.
    """
    base = _told(grid.config.recipe)
    tuned = {cell.name: _told(cell.recipe) for cell in grid.cells.values() if cell.kind == "tuned"}
    return {
        "recipe": base,
        "differs": {
            name: {key: own.get(key) for key in {**base, **own} if base.get(key) != own.get(key)}
            for name, own in tuned.items()
        },
        "sources": {name: _source(grid, name) for name in grid.sources},
    }


def _told(recipe: Recipe) -> dict[str, Any]:
    return {key: _placeless(value) for key, value in leaves(recipe.model_dump()).items()}


def _placeless(value: Any) -> Any:
    """A value without the folder of a model or file of one's own."""
    if not isinstance(value, str) or is_embedded(value) or is_hub(value):
        return value
    return Path(value).name


def _source(grid: DataJobs, name: str) -> dict[str, Any]:
    source = grid.config.data.sources[name]
    if isinstance(source, FactsSource):
        style = grid.config.data.images[source.images].style if source.images else None
        return {"adapter": source.adapter, "style": style, "repository": None, "files": []}
    files = [Path(file.path).name for file in source.files().values()]
    # A hub's files are told by its repository.
    own = [] if source.repository else files
    return {
        "adapter": source.adapter,
        "style": None,
        "repository": source.repository,
        "files": own,
    }
