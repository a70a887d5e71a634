"""From a study to its cells and runs.

A cell is a recipe; experiments are short deltas from the base recipe, and equal recipes are
one cell, trained once. A run is a cell and a seed. A stack is what one stage 1 stands on.
Not here: what cells are called (`mlan.config.cell_name`), what a job depends on
(`mlan.grid.jobs`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from mlan.config import Study
from mlan.config.cell_name import cell_name, changed
from mlan.config.explain import explain
from mlan.config.recipe import Recipe
from mlan.config.study import recipe_problems
from mlan.errors import ConfigError, nearest

UNTUNED = "untuned"


@dataclass(frozen=True)
class Cell:
    """One design point. `kind` is `tuned`, or `untuned` for a stack's stage-1 model."""

    name: str
    kind: str
    recipe: Recipe
    experiments: tuple[str, ...]
    seeds: tuple[int, ...]

    @property
    def text_share(self) -> float | None:
        """The share of a tuned cell's examples that are text-only."""
        return self.recipe.mixture.text_share if self.kind == "tuned" else None


class Cells:
    """All cells, runs and stacks of a study."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.config = study.config

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Cells by name: the tuned ones in the order of the file, then the untuned ones.

        Raises ConfigError with every mistake in the experiments.
        """
        problems: list[str] = []
        recipes: dict[str, Recipe] = {}
        members: dict[str, list[str]] = {}
        for name, experiment in self.config.experiments.items():
            for delta in _deltas(name, experiment, problems):
                recipe = self._recipe(name, delta, problems)
                if recipe is None or not experiment.default:
                    continue
                cell = cell_name(self.config.recipe, recipe)
                if recipes.setdefault(cell, recipe) != recipe:
                    problems.append(
                        f"experiments.{name}: cell {cell} would name two different recipes; "
                        "values that differ less than names show need another spacing"
                    )
                if name in members.setdefault(cell, []):
                    problems.append(
                        f"experiments.{name}: cell {cell} stands twice; each value may stand once"
                    )
                members[cell].append(name)
        if not recipes and not problems:
            problems.append("experiments: none is part of the default targets; name one to run")
        if problems:
            raise ConfigError(*(f"{self.study.path}: {line}" for line in dict.fromkeys(problems)))
        seeds = tuple(self.config.seeds)
        tuned = {
            cell: Cell(cell, "tuned", recipe, tuple(members[cell]), seeds)
            for cell, recipe in recipes.items()
        }
        return {**tuned, **self._untuned(recipes, members)}

    def _recipe(self, name: str, delta: Mapping[str, Any], problems: list[str]) -> Recipe | None:
        plain = self.config.recipe.model_dump()
        for key, value in delta.items():
            problem = _assign(plain, key, value)
            if problem:
                problems.append(f"experiments.{name}: {problem}")
                return None
        try:
            recipe = Recipe.model_validate(plain)
        except ValidationError as error:
            problems += [f"experiments.{name}: {line}" for line in explain(error, ("recipe",))]
            return None
        found = recipe_problems(self.config.data, recipe)
        problems += [f"experiments.{name}: {line}" for line in found]
        return None if found else recipe

    def _untuned(
        self, recipes: Mapping[str, Recipe], members: Mapping[str, list[str]]
    ) -> dict[str, Cell]:
        seeds = self.config.seeds if "align" in self.config.seed_varies else [0]
        cells: dict[str, Cell] = {}
        for name, recipe in recipes.items():
            rest = changed(self.config.recipe, recipe, only=("backbone.", "align."))
            cell = "_".join([UNTUNED, *rest])
            before = cells[cell].experiments if cell in cells else ()
            joined = tuple(dict.fromkeys((*before, *members[name])))
            cells[cell] = Cell(cell, "untuned", recipe, joined, tuple(seeds))
        return cells

    def runs(self) -> Iterator[tuple[str, int]]:
        """Every (cell, seed), seed by seed so that a whole curve is finished first."""
        seeds = sorted({seed for cell in self.cells.values() for seed in cell.seeds})
        for seed in seeds:
            for cell in self.cells.values():
                if seed in cell.seeds:
                    yield cell.name, seed

    def seeds_of(self, seed: int) -> dict[str, int]:
        """The seed of each part of a run: its own where the part varies, else 0."""
        return {
            part: seed if part in self.config.seed_varies else 0
            for part in ("draw", "order", "init", "align")
        }

    def stack(self, cell: str, seed: int) -> str:
        """Name of a run's stage 1: what differs from the base recipe, and its seed if it varies."""
        recipe = self.cells[cell].recipe
        name = "_".join(
            ["base", *changed(self.config.recipe, recipe, only=("backbone.", "align."))]
        )
        return f"{name}_seed{seed}" if "align" in self.config.seed_varies else name

    @cached_property
    def stacks(self) -> dict[str, tuple[Recipe, int]]:
        """Stage-1 recipes and seeds by stack name."""
        return {
            self.stack(cell, seed): (self.cells[cell].recipe, self.seeds_of(seed)["align"])
            for cell, seed in self.runs()
        }

    @cached_property
    def backbones(self) -> dict[str, Recipe]:
        """A recipe for each backbone, by the backbone's folder name."""
        return {self.backbone(recipe): recipe for recipe, _ in self.stacks.values()}

    @cached_property
    def sources(self) -> list[str]:
        """Sources that some cell of the grid trains on, in the order of the study file."""
        used = {
            name
            for cell in self.cells.values()
            if cell.kind == "tuned"
            for name in self.used_sources(cell.recipe)
        }
        return [name for name in self.config.data.sources if name in used]

    def backbone(self, recipe: Recipe) -> str:
        """Folder name of a recipe's backbone."""
        return f"{recipe.backbone.language_model}_{recipe.backbone.vision_tower}"

    def used_sources(self, recipe: Recipe) -> list[str]:
        """Sources that a recipe trains on: those of a modality with a share above zero."""
        mixture = recipe.mixture
        text = list(mixture.text) if mixture.text_share > 0 else []
        return text + (list(mixture.vision) if mixture.text_share < 1 else [])


def _deltas(name: str, experiment: Any, problems: list[str]) -> list[dict[str, Any]]:
    """All combinations of an experiment's axes, each with its constants."""
    for key, values in experiment.vary.items():
        if not values:
            problems.append(f"experiments.{name}.vary.{key}: empty; give at least one value")
        twice = sorted({str(v) for v in values if values.count(v) > 1})
        problems += [
            f"experiments.{name}.vary.{key} = {v}: stands twice; cells would be duplicates"
            for v in twice
        ]
        if key in experiment.set:
            problems.append(f"experiments.{name}.set.{key}: also in vary; it may stand in one")
    axes = [
        [(key, value) for place, value in enumerate(values) if value not in values[:place]]
        for key, values in experiment.vary.items()
    ]
    return [{**experiment.set, **dict(point)} for point in itertools.product(*axes)]


def _assign(plain: dict[str, Any], key: str, value: Any) -> str | None:
    """Set a dotted key of a recipe in place; return a problem if there is no such key."""
    *path, last = key.split(".")
    place: Any = plain
    for number, part in enumerate(path):
        if not isinstance(place, dict) or part not in place:
            return f"{key}: unknown recipe key {'.'.join(path[: number + 1])!r}; " + nearest(
                part, place if isinstance(place, dict) else ()
            )
        place = place[part]
    free = path[-1:] in (["text"], ["vision"])
    if not isinstance(place, dict) or (last not in place and not free):
        return f"{key}: unknown recipe key {last!r}; " + nearest(
            last, place if isinstance(place, dict) else ()
        )
    place[last] = value
    return None
