"""Plans of a study built in memory: what `mix` will write, before anything has run.

Sources that are prepared already are read; the others are built from the embedded facts or
your own files, without drawing a picture. Not here: a photo of yours that exists but
cannot be decoded is found when it is prepared, so a plan may count it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from tokenizers import Tokenizer

from mlan.cli.assumed import assumed_accounting
from mlan.cli.progress import Seen
from mlan.config.data import Concepts, FactsSource, OwnSource
from mlan.config.recipe import Recipe
from mlan.cost.shapes import Shapes
from mlan.data.concepts import build_concepts
from mlan.data.file_sources import album_of, read_source
from mlan.data.images import build_index
from mlan.data.rows import build_examples, check_rejected
from mlan.data.sources import build_facts_source
from mlan.errors import ConfigError, DataError
from mlan.grid import Cell, Grid
from mlan.mixture.accounting import account
from mlan.mixture.backbones import is_here, speaker, tokenizer_of
from mlan.mixture.plan import build_plan
from mlan.mixture.template import Template, load_tokenizer
from mlan.records import checked, read_checked


class Planner:
    """Builds plans of a grid's cells. `seen` tells which jobs are done (`progress.look`)."""

    def __init__(self, grid: Grid, seen: dict[Path, Seen]) -> None:
        self._grid, self._seen = grid, seen
        self._frames: dict[str, pd.DataFrame] = {}

    def is_done(self, folder: Path) -> bool:
        """Whether a job's folder holds what the study asks for now."""
        return folder in self._seen and self._seen[folder].state == "done"

    @property
    def rows(self) -> dict[str, int]:
        """Sizes of the sources that were read."""
        return {name: len(frame) for name, frame in self._frames.items()}

    def is_unread(self, cell: Cell) -> bool:
        """Whether a plan cannot be built yet: a source or the tokenizer is still on a hub."""
        used = set(self._grid.used_sources(cell.recipe)) & set(self._grid.hub_sources)
        fetched = all(self.is_done(self._grid.hub_folder(name)) for name in used)
        prepared = self.is_done(self._grid.folder("backbone", self._grid.backbone_of(cell)))
        return not (fetched and (prepared or is_here(self._grid, speaker(cell))))

    def assumed(self, cell: Cell) -> pd.DataFrame:
        """Return what a cell's plan will amount to at typical lengths, one line a source."""
        return assumed_accounting(Shapes(self._grid).of_cell(cell))

    def plan(self, cell: str, seed: int) -> pd.DataFrame:
        """Return the plan of a run, as its `plan.parquet` holds it.

        Raises DataError or ConfigError when the study's data cannot give it.
        """
        folder = self._grid.run_folder(cell, seed, "mixture")
        if self.is_done(folder):
            return read_checked(folder / "plan.parquet")
        recipe = self._grid.cells[cell].recipe
        identity = json.loads(self._grid.identity("mix", cell=cell, seed=seed))
        return build_plan(
            identity["mixture"],
            identity["tune"],
            identity["seeds"],
            {name: self.source(name) for name in self._grid.used_sources(recipe)},
            self.template(recipe),
            self.image_tokens(recipe),
        )

    def accounting(self, cell: str, plan: pd.DataFrame) -> pd.DataFrame:
        """Return what a plan amounts to, one line a source."""
        used = self._grid.used_sources(self._grid.cells[cell].recipe)
        return account(plan, {name: len(self.source(name)) for name in used})

    def source(self, name: str) -> pd.DataFrame:
        """Return a source's examples."""
        if name not in self._frames:
            self._frames[name] = self._read_or_build(name)
        return self._frames[name]

    def template(self, recipe: Recipe) -> Template:
        """Return a recipe's conversation template."""
        return Template(
            recipe.backbone.template, self._tokenizer(recipe), self.image_tokens(recipe)
        )

    def image_tokens(self, recipe: Recipe) -> int:
        """Return the tokens of one picture."""
        path = self._grid.folder("backbone", self._grid.backbone(recipe))
        if not self.is_done(path):
            return Shapes(self._grid).of_recipe(recipe).tower.tokens
        config = json.loads(checked(path / "config.json").read_text(encoding="utf-8"))
        return int(config["image_seq_length"])

    def _tokenizer(self, recipe: Recipe) -> Tokenizer:
        folder = self._grid.folder("backbone", self._grid.backbone(recipe))
        if self.is_done(folder):
            return load_tokenizer(folder)
        name = recipe.backbone.speaker
        if not is_here(self._grid, name):
            raise ConfigError(
                f"{self._grid.study.path}: {self._grid.models[name]} = {name!r}: not fetched yet; "
                f"run snakemake --cores all --config study={self._grid.study.name} prepare"
            )
        return tokenizer_of(self._grid, name)

    @property
    def _concepts(self) -> pd.DataFrame:
        return _built(self._grid.config.data.concepts)

    def _read_or_build(self, name: str) -> pd.DataFrame:
        folder = self._grid.folder("data", "sources", name)
        if self.is_done(folder):
            return read_checked(folder / "examples.parquet")
        source = self._grid.config.data.sources[name]
        if name in self._grid.hub_sources and not self.is_done(self._grid.hub_folder(name)):
            raise ConfigError(
                f"{self._grid.study.path}: data.sources.{name}.repository: not fetched yet; run "
                f"snakemake --cores all --config study={self._grid.study.name} prepare"
            )
        try:
            if isinstance(source, FactsSource):
                return build_facts_source(name, source, self._concepts, self._index(source))
            return self._own(name, source)
        except DataError as error:
            raise ConfigError(*(f"{self._grid.study.path}: {e}" for e in error.lines)) from None

    def _index(self, source: FactsSource) -> pd.DataFrame | None:
        if source.images is None:
            return None
        return build_index(
            source.images, self._grid.config.data.images[source.images], self._concepts
        )

    def _own(self, name: str, source: OwnSource) -> pd.DataFrame:
        rows, dropped = read_source(name, source, self._grid.source_files(name))
        place = self._grid.pictures(name)
        album = album_of(name, source, rows, place)
        if album is not None:
            usable = [row for row in rows if row.embedded or not album.problem(row.image)]
            missing = len(rows) - len(usable)
            if missing > source.max_rejected * (len(rows) + len(dropped)):
                raise DataError(
                    f"data.sources.{name}: {missing} of {len(rows) + len(dropped)} rows name a "
                    f"picture that is not in {place}; max_rejected = {source.max_rejected:g}"
                )
            rows = usable
        check_rejected(name, source, len(rows), dropped)
        return build_examples(name, source, rows)


@cache
def _built(concepts: Concepts) -> pd.DataFrame:
    return build_concepts(concepts)


def shares(accounting: pd.DataFrame) -> dict[str, float]:
    """Return the text-only part of a mixture counted in three ways.

    `examples`: of examples; `tokens`: of all tokens that the language model reads (pictures'
    included, padding left out); `supervised_tokens`: of the tokens that it learns to predict.
    """
    tokens = accounting["text_tokens"] + accounting["image_tokens"]
    columns: dict[str, Any] = {
        "examples": accounting["examples"],
        "tokens": tokens,
        "supervised_tokens": accounting["supervised_tokens"],
    }
    text = accounting["modality"] == "text"
    return {name: float(c[text].sum() / c.sum()) for name, c in columns.items()}
