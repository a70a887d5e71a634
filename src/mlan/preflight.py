"""Look at data and assets before any job: sizes of sources, budgets, checksums.

Everything here would fail later, in some job; it is asked at the start so that all mistakes
come at once, in seconds. The answer is remembered in the study's state folder under a key of
all that it depends on, so that a later start costs a file read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.code import code_digest
from mlan.config.data import FactsSource, FileSource, Source
from mlan.data.assets import ASSETS, locate, verify
from mlan.data.benchmarks import count_items
from mlan.data.concepts import build_concepts
from mlan.data.file_sources import check_pictures, read_source
from mlan.data.rows import check_rejected
from mlan.data.sources import count_examples
from mlan.errors import ConfigError, DataError
from mlan.grid import Grid
from mlan.mixture.counts import mixture_counts
from mlan.mixture.template import Template
from mlan.mixture.tokenizer import embedded_tokenizer
from mlan.records import RECORD, digest, write_json


def source_sizes(grid: Grid) -> dict[str, int]:
    """Return how many examples each source has, by name.

    Raises ConfigError with one line per mistake in sources, benchmarks or budgets.
    """
    path = grid.folder("state") / "preflight.json"
    key = digest([_config(grid), _files(grid), code_digest(Path(__file__))])
    known = _remembered(path)
    if known.get("key") != key:
        known = {"key": key, "sizes": _examine(grid)}
        write_json(path, known)
    sizes: dict[str, int] = known["sizes"]
    return sizes


def preflight(grid: Grid) -> None:
    """Raise ConfigError with every mistake that can be found before a job runs."""
    source_sizes(grid)


def _config(grid: Grid) -> dict[str, Any]:
    recipes = {name: cell.recipe.mixture.model_dump() for name, cell in grid.cells.items()}
    backbones = sorted(grid.backbones)
    return {
        "data": grid.config.data.model_dump(),
        "mixtures": recipes,
        "backbones": backbones,
        "templates": _templates(grid),
        "folder": str(grid.study.path.parent),
    }


def _templates(grid: Grid) -> list[str]:
    return sorted({cell.recipe.backbone.template for cell in grid.cells.values()})


def _files(grid: Grid) -> dict[str, list[int]]:
    """Size and time of everything that is read; a touched file is examined again."""
    paths = [_located(name) for name in _assets(grid)]
    for name, source in grid.config.data.sources.items():
        if isinstance(source, FileSource):
            paths += grid.source_files(name).values()
    stats = {str(p): p.stat() for p in paths if p is not None and p.exists()}
    return {name: [s.st_size, s.st_mtime_ns] for name, s in stats.items()}


def _located(name: str) -> Path | None:
    try:
        return locate(name)
    except DataError:
        return None


def _assets(grid: Grid) -> list[str]:
    """Assets that the study reads; a toy language model still uses the real tokenizer."""
    towers = {r.backbone.vision_tower for r in grid.backbones.values()}
    return [name for name in ASSETS if name != "mobilenetv2" or "mobilenetv2" in towers]


def _remembered(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def _examine(grid: Grid) -> dict[str, int]:
    verify(_assets(grid))
    problems: list[str] = []
    sizes: dict[str, int] = {}
    concepts = build_concepts(grid.config.data.concepts)
    for name, source in grid.config.data.sources.items():
        if name in grid.hub_sources and not (grid.hub_folder(name) / RECORD).exists():
            continue  # its rows are counted when they are here
        try:
            sizes[name] = _size(grid, name, source, concepts)
        except DataError as error:
            problems += error.lines
    for name, benchmark in grid.config.data.benchmarks.items():
        try:
            count_items(name, benchmark, concepts)
        except DataError as error:
            problems += error.lines
    problems += _budget_problems(grid, sizes)
    problems += _template_problems(grid)
    if problems:
        raise ConfigError(*(f"{grid.study.path}: {line}" for line in dict.fromkeys(problems)))
    return sizes


def _size(grid: Grid, name: str, source: Source, concepts: pd.DataFrame) -> int:
    if isinstance(source, FactsSource):
        images = grid.config.data.images[source.images] if source.images else None
        return count_examples(name, source, concepts, images)
    rows, dropped = read_source(name, source, grid.source_files(name))
    folder = source.image_folder
    check_pictures(name, source, rows, None if folder is None else grid.study.resolve(folder))
    check_rejected(name, source, len(rows), dropped)
    return len(rows)


def _budget_problems(grid: Grid, sizes: dict[str, int]) -> Iterator[str]:
    for cell in grid.cells.values():
        mixture = cell.recipe.mixture
        if cell.kind != "tuned" or mixture.repeat:
            continue
        counts = mixture_counts(mixture.instances, mixture.text_share, mixture.text, mixture.vision)
        for source, count in counts.items():
            if source in sizes and count > sizes[source]:
                yield (
                    f"cell {cell.name}: asks {count} examples of source {source!r}, which has "
                    f"{sizes[source]}; lower recipe.mixture.instances or set "
                    "recipe.mixture.repeat: true"
                )


def _template_problems(grid: Grid) -> Iterator[str]:
    """All embedded language models share one tokenizer."""
    tokenizer = embedded_tokenizer()
    for name in _templates(grid):
        try:
            Template(name, tokenizer, image_tokens=1)
        except ConfigError as error:
            yield from error.lines
