"""From a study to its cells and runs.

A cell is a recipe; equal recipes of several experiments are one cell, trained once. A run is
a cell and a seed. A stack is what one stage 1 stands on. Not here: how experiments become
recipes and what their cells are called (`mlan.config`), what a job depends on
(`mlan.grid.jobs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlan.config import Study
from mlan.config.cell_name import RELEASED as RELEASED
from mlan.config.cell_name import UNTUNED as UNTUNED
from mlan.config.cell_name import cell_name, changed, untuned_name
from mlan.config.expand import expand
from mlan.config.models import is_embedded, short_name
from mlan.config.recipe import Mixture, Recipe
from mlan.errors import ConfigError

# Before the name of an image set whose pictures stage 1 names.
STAGE_1 = "stage1:"


@dataclass(frozen=True)
class Cell:
    """One design point.

    `kind` is `tuned`, `untuned` for a stack's stage-1 model, or `released` for a published
    model, which is named by `model` and of whose recipe only template and precision count.
    """

    name: str
    kind: str
    recipe: Recipe
    experiments: tuple[str, ...]
    seeds: tuple[int, ...]
    model: str = ""

    @property
    def text_share(self) -> float | None:
        """The share of a tuned cell's examples that are text-only."""
        return self.recipe.mixture.text_share if self.kind == "tuned" else None

    @property
    def section(self) -> str:
        """The section of the study that names its models and template."""
        return self.name.replace("_", ".", 1) if self.kind == RELEASED else "recipe.backbone"

    @property
    def order_controlled(self) -> bool:
        """Whether the plan decides the order of examples; an external command has its own."""
        return self.kind != "tuned" or self.recipe.tune.command is None


class Cells:
    """All cells, runs and stacks of a study."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.config = study.config

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Cells by name: the tuned ones in the order of the file, the untuned, the released.

        Raises ConfigError for a study that was not loaded and has mistakes in experiments.
        """
        recipes: dict[str, Recipe] = {}
        members: dict[str, list[str]] = {}
        for name, found in self._expanded.items():
            for recipe in found if self.config.experiments[name].default else ():
                cell = cell_name(self.config.recipe, recipe)
                recipes.setdefault(cell, recipe)
                members.setdefault(cell, []).append(name)
        seeds = tuple(self.config.seeds)
        tuned = {
            cell: Cell(cell, "tuned", recipe, tuple(members[cell]), seeds)
            for cell, recipe in recipes.items()
        }
        return {**tuned, **self._untuned(recipes, members), **self._released()}

    def _released(self) -> dict[str, Cell]:
        cells = {}
        for name, entry in self.config.released.items():
            told = entry.model_dump(include={"template", "precision"})
            backbone = self.config.recipe.backbone.model_copy(update=told)
            recipe = self.config.recipe.model_copy(update={"backbone": backbone})
            cell = f"{RELEASED}_{name}"
            cells[cell] = Cell(cell, RELEASED, recipe, (), (0,), entry.model)
        return cells

    @cached_property
    def _expanded(self) -> dict[str, list[Recipe]]:
        expansion = expand(self.config)
        if expansion.problems:
            raise ConfigError(*(f"{self.study.path}: {p.line}" for p in expansion.problems))
        return expansion.recipes

    @cached_property
    def mixtures(self) -> dict[str, Mixture]:
        """The mixture of every tuned cell of the file by name, of experiments that are off too."""
        return {
            cell_name(self.config.recipe, recipe): recipe.mixture
            for found in self._expanded.values()
            for recipe in found
        }

    def _untuned(
        self, recipes: Mapping[str, Recipe], members: Mapping[str, list[str]]
    ) -> dict[str, Cell]:
        seeds = self.config.seeds if "align" in self.config.seed_varies else [0]
        cells: dict[str, Cell] = {}
        for name, recipe in recipes.items():
            cell = self.untuned(recipe)
            before = cells[cell].experiments if cell in cells else ()
            joined = tuple(dict.fromkeys((*before, *members[name])))
            cells[cell] = Cell(cell, "untuned", recipe, joined, tuple(seeds))
        return cells

    def untuned(self, recipe: Recipe) -> str:
        """Name of the cell of a recipe's stage-1 model."""
        return untuned_name(self.config.recipe, recipe)

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
            if self.cells[cell].kind != RELEASED
        }

    @property
    def sharing(self) -> dict[str, dict[str, list[Any]]]:
        """The `cells` and `seeds` of the runs that stand on each stack."""
        found: dict[str, dict[str, list[Any]]] = {
            stack: {"cells": [], "seeds": []} for stack in self.stacks
        }
        for cell, seed in self.runs():
            if self.cells[cell].kind != RELEASED:
                own = found[self.stack(cell, seed)]
                own["cells"] += [cell] if cell not in own["cells"] else []
                own["seeds"] += [seed] if seed not in own["seeds"] else []
        return found

    @cached_property
    def backbones(self) -> dict[str, dict[str, str]]:
        """The models of each backbone by part, by the backbone's folder name."""
        found = {}
        for cell in self.cells.values():
            parts = {RELEASED: cell.model} if cell.model else cell.recipe.backbone.parts
            found[self.backbone_of(cell)] = parts
        return found

    @cached_property
    def models(self) -> dict[str, str]:
        """The config key of every model that is not embedded, by the name that is written.

        That of a tokenizer only for what is no other part, of which more than words is read.
        """
        found: dict[str, str] = {}
        words: dict[str, str] = {}
        for cell in self.cells.values():
            for part, name in self.backbones[self.backbone_of(cell)].items():
                if not is_embedded(name):
                    key = "model" if part == RELEASED else part
                    own = words if part == "tokenizer" else found
                    own.setdefault(name, f"{cell.section}.{key}")
        return words | found

    @cached_property
    def sources(self) -> list[str]:
        """Sources that some stage of the grid trains on, in the order of the study file."""
        used: set[str | None] = {
            name
            for cell in self.cells.values()
            if cell.kind == "tuned"
            for name in self.used_sources(cell.recipe)
        }
        used |= {recipe.align.captions for recipe, _ in self.stacks.values()} - {None}
        return [name for name in self.config.data.sources if name in used]

    def seen_by(self, cell: str) -> list[str]:
        """What a cell's model has learnt from in this study: sources, also those of stage 1.

        The image set that stage 1 names is `stage1:<set>`. What models learnt before, published
        ones too, is not known here.
        """
        recipe, kind = self.cells[cell].recipe, self.cells[cell].kind
        if kind == RELEASED:
            return []
        seen = self.used_sources(recipe) if kind == "tuned" else []
        align = recipe.align
        if align.existing is None:
            seen.append(align.captions or f"{STAGE_1}{align.images}")
        return sorted(set(seen))

    def backbone(self, recipe: Recipe) -> str:
        """Folder name of a recipe's backbone."""
        return "_".join(map(short_name, recipe.backbone.parts.values()))

    def backbone_of(self, cell: Cell) -> str:
        """Folder name of a cell's backbone."""
        return f"{RELEASED}_{short_name(cell.model)}" if cell.model else self.backbone(cell.recipe)

    def used_sources(self, recipe: Recipe) -> list[str]:
        """Sources that a recipe trains on: those of a modality with a share above zero."""
        mixture = recipe.mixture
        text = list(mixture.text) if mixture.text_share > 0 else []
        return text + (list(mixture.vision) if mixture.text_share < 1 else [])
