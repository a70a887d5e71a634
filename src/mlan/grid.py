"""From a study to its grid: cells, runs, their names, and what each stage depends on.

A cell is a recipe; experiments are short deltas from the base recipe, and equal recipes are
one cell, trained once. A run is a cell and a seed. This module answers, for every rule, "what
decides this job's result?" (its identity, as canonical JSON) and "which folders does it read?".
Names are for people and paths; they are no part of an identity.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlan.config import Study
from mlan.config.data import BenchmarkItems, ConversationsSource, FactsSource
from mlan.config.load import explain
from mlan.config.recipe import Recipe
from mlan.config.study import recipe_problems
from mlan.errors import ConfigError, nearest
from mlan.records import canonical

UNTUNED = "untuned"
_TUNE_PLAN_KEYS = ("examples_per_step", "rows", "loss_unit", "microbatch")
_PLAN_ONLY_KEYS = ("loss_unit", "microbatch", "examples_per_step", "rows")


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


class Grid:
    """All cells and runs of a study, and the identity and inputs of every job."""

    def __init__(self, study: Study, device: str, results: Path = Path("results")) -> None:
        self.study = study
        self.config = study.config
        self.device = device
        self.root = results / study.name

    # --- cells and runs -------------------------------------------------------------------

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
                cell = self._cell_name(recipe)
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

    def _cell_name(self, recipe: Recipe) -> str:
        share = f"text{100 * recipe.mixture.text_share:g}"
        rest = self._changed(recipe, skip=("mixture.text_share",))
        return "_".join([share.replace(".", "p"), *rest])

    def _changed(
        self, recipe: Recipe, skip: tuple[str, ...] = (), only: tuple[str, ...] = ("",)
    ) -> list[str]:
        base, mine = _leaves(self.config.recipe.model_dump()), _leaves(recipe.model_dump())
        keys = sorted({*base, *mine})
        shared = Counter(key.rpartition(".")[2] for key in keys)
        return [
            _slug(f"{_short(key, shared)}-{mine.get(key, 'none')}")
            for key in keys
            if base.get(key) != mine.get(key) and key not in skip and key.startswith(only)
        ]

    def _untuned(
        self, recipes: Mapping[str, Recipe], members: Mapping[str, list[str]]
    ) -> dict[str, Cell]:
        seeds = self.config.seeds if "align" in self.config.seed_varies else [0]
        cells: dict[str, Cell] = {}
        for name, recipe in recipes.items():
            rest = self._changed(recipe, only=("backbone.", "align."))
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
        name = "_".join(["base", *self._changed(recipe, only=("backbone.", "align."))])
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
            for name in self._used_sources(cell.recipe)
        }
        return [name for name in self.config.data.sources if name in used]

    def backbone(self, recipe: Recipe) -> str:
        """Folder name of a recipe's backbone."""
        return f"{recipe.backbone.language_model}_{recipe.backbone.vision_tower}"

    # --- folders --------------------------------------------------------------------------

    def folder(self, *parts: object) -> Path:
        """A folder below the study's results."""
        return self.root.joinpath(*map(str, parts))

    def run_folder(self, cell: str, seed: int, stage: str) -> Path:
        """The folder of one stage of one run."""
        return self.folder("cells", cell, f"seed{seed}", stage)

    # --- identity and inputs of every stage -----------------------------------------------

    def identity(self, stage: str, **wildcards: Any) -> str:
        """Canonical JSON of what decides a job's result, besides its inputs and its code."""
        return canonical(getattr(self, f"_identity_{stage}")(**wildcards))

    def inputs(self, stage: str, **wildcards: Any) -> dict[str, Path]:
        """Folders (or files) that a job reads, by name."""
        found: dict[str, Path] = getattr(self, f"_inputs_{stage}")(**wildcards)
        return found

    def _identity_prepare_concepts(self) -> dict[str, Any]:
        return {"concepts": self.config.data.concepts.model_dump()}

    def _inputs_prepare_concepts(self) -> dict[str, Path]:
        return {}

    def _identity_prepare_images(self, set: str) -> dict[str, Any]:
        size = self.config.data.image_size
        if set in self.config.data.images:
            fields = self.config.data.images[set].model_dump()
            return {"name": set, "image_set": fields, "image_size": size}
        # Scripts know no study file; the folder is no input, since its pictures have no record.
        folder = self.study.resolve(self._own(set).image_folder or "")
        fields = {**self._source_fields(set), "image_folder": str(folder)}
        return {"name": set, "source": fields, "image_size": size}

    def _inputs_prepare_images(self, set: str) -> dict[str, Path]:
        if set in self.config.data.images:
            return {"concepts": self.folder("data", "concepts")}
        return {"file": self.study.resolve(self._own(set).path)}

    def _source_fields(self, source: str) -> dict[str, Any]:
        """A source's config without the places of its files."""
        config = self.config.data.sources[source]
        fields = config.model_dump()
        if isinstance(config, ConversationsSource):
            # The file itself is an input; its place decides nothing, its name is for messages.
            fields["path"] = Path(config.path).name
            fields["image_folder"] = None
        return fields

    def _own(self, source: str) -> ConversationsSource:
        config = self.config.data.sources[source]
        assert isinstance(config, ConversationsSource)
        return config

    def _identity_prepare_source(self, source: str) -> dict[str, Any]:
        return {"name": source, "source": self._source_fields(source)}

    def _inputs_prepare_source(self, source: str) -> dict[str, Path]:
        config = self.config.data.sources[source]
        images = self.source_images(source)
        inputs = {"images": self.folder("data", "images", images)} if images else {}
        if isinstance(config, FactsSource):
            return {"concepts": self.folder("data", "concepts"), **inputs}
        return {"file": self.study.resolve(self._own(source).path), **inputs}

    def source_images(self, source: str) -> str | None:
        """The image set of a source: the named one, or one of its own for your own data."""
        config = self.config.data.sources[source]
        if isinstance(config, FactsSource):
            return config.images
        return source if config.modality == "vision" else None

    def _identity_prepare_benchmark(self, benchmark: str) -> dict[str, Any]:
        fields = set(BenchmarkItems.model_fields)
        items = self.config.data.benchmarks[benchmark].model_dump(include=fields)
        return {"name": benchmark, "benchmark": items}

    def _inputs_prepare_benchmark(self, benchmark: str) -> dict[str, Path]:
        images = self.config.data.benchmarks[benchmark].images
        inputs = {"images": self.folder("data", "images", images)} if images else {}
        return {"concepts": self.folder("data", "concepts"), **inputs}

    def _identity_prepare_backbone(self, backbone: str) -> dict[str, Any]:
        config = self.backbones[backbone].backbone
        return {
            "backbone": config.model_dump(include={"language_model", "vision_tower"}),
            "image_size": self.config.data.image_size,
        }

    def _inputs_prepare_backbone(self, backbone: str) -> dict[str, Path]:
        return {}

    def _identity_align(self, stack: str) -> dict[str, Any]:
        recipe, seed = self.stacks[stack]
        return {
            "align": recipe.align.model_dump(),
            "template": recipe.backbone.template,
            "precision": recipe.backbone.precision,
            "device": self.device,
            "seed": seed,
        }

    def _inputs_align(self, stack: str) -> dict[str, Path]:
        recipe, _ = self.stacks[stack]
        return {
            "backbone": self.folder("backbone", self.backbone(recipe)),
            "concepts": self.folder("data", "concepts"),
            "images": self.folder("data", "images", recipe.align.images),
            "naming_images": self.folder("data", "images", recipe.align.naming_images),
        }

    def _identity_mix(self, cell: str, seed: int) -> dict[str, Any]:
        recipe = self.cells[cell].recipe
        seeds = self.seeds_of(seed)
        return {
            "mixture": recipe.mixture.model_dump(),
            "tune": recipe.tune.model_dump(include=set(_TUNE_PLAN_KEYS)),
            "template": recipe.backbone.template,
            "seeds": {part: seeds[part] for part in ("draw", "order")},
        }

    def _inputs_mix(self, cell: str, seed: int) -> dict[str, Path]:
        recipe = self.cells[cell].recipe
        return {
            "backbone": self.folder("backbone", self.backbone(recipe)),
            **self._source_inputs(recipe),
        }

    def _used_sources(self, recipe: Recipe) -> list[str]:
        mixture = recipe.mixture
        text = list(mixture.text) if mixture.text_share > 0 else []
        return text + (list(mixture.vision) if mixture.text_share < 1 else [])

    def _source_inputs(self, recipe: Recipe) -> dict[str, Path]:
        return {
            f"source:{name}": self.folder("data", "sources", name)
            for name in self._used_sources(recipe)
        }

    def _identity_tune(self, cell: str, seed: int) -> dict[str, Any]:
        recipe = self.cells[cell].recipe
        seeds = self.seeds_of(seed)
        return {
            "tune": recipe.tune.model_dump(exclude=set(_PLAN_ONLY_KEYS)),
            "layout": recipe.tune.rows.layout,
            "template": recipe.backbone.template,
            "precision": recipe.backbone.precision,
            "device": self.device,
            "seeds": {part: seeds[part] for part in ("init", "order")},
        }

    def _inputs_tune(self, cell: str, seed: int) -> dict[str, Path]:
        recipe = self.cells[cell].recipe
        images = {self.source_images(name) for name in self._used_sources(recipe)} - {None}
        return {
            "backbone": self.folder("backbone", self.backbone(recipe)),
            "align": self.folder("align", self.stack(cell, seed)),
            "mixture": self.run_folder(cell, seed, "mixture"),
            **self._source_inputs(recipe),
            **{f"images:{s}": self.folder("data", "images", s) for s in sorted(map(str, images))},
        }

    def _identity_predict(self, cell: str, seed: int) -> dict[str, Any]:
        recipe = self.cells[cell].recipe
        benchmarks = self.config.data.benchmarks
        tuned = self.cells[cell].kind == "tuned"
        return {
            "benchmarks": {n: {"modality": b.modality} for n, b in benchmarks.items()},
            "evaluate": self.config.evaluate.model_dump(),
            "template": recipe.backbone.template,
            "precision": recipe.backbone.precision,
            "tune": recipe.tune.model_dump(include={"language_model", "lora"}) if tuned else None,
            "device": self.device,
            "image_size": self.config.data.image_size,
        }

    def _inputs_predict(self, cell: str, seed: int) -> dict[str, Path]:
        recipe = self.cells[cell].recipe
        benchmarks = self.config.data.benchmarks
        images = sorted({b.images for b in benchmarks.values() if b.images})
        inputs = {
            "backbone": self.folder("backbone", self.backbone(recipe)),
            "align": self.folder("align", self.stack(cell, seed)),
            **{f"items:{n}": self.folder("data", "benchmarks", n) for n in benchmarks},
            **{f"images:{s}": self.folder("data", "images", s) for s in images},
        }
        if self.cells[cell].kind == "tuned":
            inputs["weights"] = self.run_folder(cell, seed, "weights")
        return inputs

    def _identity_score(self, cell: str, seed: int) -> dict[str, Any]:
        benchmarks = self.config.data.benchmarks
        return {"benchmarks": {n: {"modality": b.modality} for n, b in benchmarks.items()}}

    def _inputs_score(self, cell: str, seed: int) -> dict[str, Path]:
        items = {
            f"items:{n}": self.folder("data", "benchmarks", n) for n in self.config.data.benchmarks
        }
        return {"predictions": self.run_folder(cell, seed, "predictions"), **items}

    def _benchmark_groups(self) -> dict[str, Any]:
        return {
            name: b.model_dump(include={"modality", "taught_by", "headline"})
            for name, b in self.config.data.benchmarks.items()
        }

    def _identity_collect(self) -> dict[str, Any]:
        return {
            "cells": [
                {
                    "cell": cell.name,
                    "kind": cell.kind,
                    "text_share": cell.text_share,
                    "experiments": list(cell.experiments),
                    "seeds": list(cell.seeds),
                }
                for cell in self.cells.values()
            ],
            "benchmarks": self._benchmark_groups(),
            "confidence": self.config.report.confidence,
        }

    def _inputs_collect(self, partial: bool = False) -> dict[str, Path]:
        """Scores and plans of all runs; with `partial`, only of those that are finished."""
        inputs = {}
        for cell, seed in self.runs():
            scores = self.run_folder(cell, seed, "scores")
            if partial and not (scores / "record.json").exists():
                continue
            inputs[f"scores:{cell}:{seed}"] = scores
            if self.cells[cell].kind == "tuned":
                inputs[f"mixture:{cell}:{seed}"] = self.run_folder(cell, seed, "mixture")
        return inputs

    def _identity_draw(self) -> dict[str, Any]:
        return {
            "study": self.study.name,
            "title": self.config.report.title,
            "confidence": self.config.report.confidence,
            "benchmarks": self._benchmark_groups(),
        }

    def _inputs_draw(self) -> dict[str, Path]:
        return {"summary": self.folder("summary")}


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


def _leaves(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _leaves(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _short(key: str, shared: Mapping[str, int]) -> str:
    """A dotted key's last part, with its section where another section has the same."""
    section, _, last = key.rpartition(".")
    return last if shared[last] == 1 else f"{section.rpartition('.')[2]}-{last}"


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-." else "-" for c in text.lower()).replace(".", "p")
