"""Look at data and assets before any job: sizes of sources, budgets, checksums.

The budgets of cells that match down are told to the grid, for they decide what its jobs are.

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
from mlan.config.benchmarks import SetBenchmark
from mlan.config.claim_design import design
from mlan.config.data import FactsSource, Source
from mlan.config.fit_claims import claim_notes
from mlan.config.models import is_hub
from mlan.data.assets import ASSETS, locate, verify
from mlan.data.benchmarks import count_items
from mlan.data.concepts import build_concepts
from mlan.data.file_sources import album_of, read_source
from mlan.data.files import shards
from mlan.data.parts import read_parts
from mlan.data.rows import check_rejected
from mlan.data.sources import count_examples
from mlan.errors import ConfigError, DataError, IntegrityError
from mlan.grid import Grid
from mlan.mixture.backbones import files_read, model_problems, speaker, templates_of
from mlan.mixture.match import budget_notes, counts_of, epoch_notes, matched, shortages
from mlan.records import RECORD, canonical, digest, input_digest, read_record, write_json


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


def preflight(grid: Grid) -> list[str]:
    """Set the grid's budgets; return what a user should know about them, one line each.

    Raises ConfigError with every mistake that can be found before a job runs.
    """
    sizes = source_sizes(grid)
    grid.budgets = _budgets(grid, sizes)
    counts = {
        f"cell {cell.name}": counts_of(cell.recipe.mixture, grid.budgets.get(cell.name))
        for cell in grid.cells.values()
        if cell.kind == "tuned" and cell.recipe.mixture.arm == "instances"
    }
    for name, (recipe, _) in grid.stacks.items():
        align = recipe.align
        if align.captions is not None:
            once = sizes.get(align.captions, 0)
            uses = align.steps * align.batch if align.epochs is None else align.epochs * once
            counts[f"stage 1 of {name}"] = {align.captions: uses}
    return [
        *budget_notes(grid.mixtures, sizes, grid.budgets),
        *epoch_notes(counts, sizes),
        *claim_notes(grid.study.claims, design(grid.config)),
    ]


def _budgets(grid: Grid, sizes: dict[str, int]) -> dict[str, int]:
    """Instances of the cells that match down; of none of them while a source is not here."""
    down = {n: c.recipe.mixture for n, c in grid.cells.items() if c.recipe.mixture.match == "down"}
    if any(source not in sizes for mixture in down.values() for source in counts_of(mixture)):
        return {}
    return matched(grid.mixtures, sizes)


def _config(grid: Grid) -> dict[str, Any]:
    recipes = {name: cell.recipe.mixture.model_dump() for name, cell in grid.cells.items()}
    return {
        "data": grid.config.data.model_dump(),
        "mixtures": recipes,
        "matched": {name: m.model_dump() for name, m in grid.mixtures.items()},
        "backbones": grid.backbones,
        "projectors": sorted(str(r.align.existing) for r, _ in grid.stacks.values()),
        "templates": {n: [speaker(c), templates_of(c)] for n, c in grid.cells.items()},
        "folder": str(grid.study.path.parent),
        "examples": [c.model_dump() for c in grid.config.evaluate.conditions if c.shots],
    }


def _files(grid: Grid) -> dict[str, list[int]]:
    """Size and time of everything that is read; a touched file is examined again."""
    paths = [*(_located(name) for name in _assets(grid)), *files_read(grid)]
    for name in grid.config.data.from_files():
        paths += [p for file in grid.source_files(name).values() for p in shards(file)]
        paths += [grid.pictures(name), _prepared(grid, name) / RECORD]
    paths += [grid.hub_folder(name) / RECORD for name in grid.hub_sources]
    paths += _own_projectors(grid).values()
    stats = {str(p): p.stat() for p in paths if p is not None and p.exists()}
    return {name: [s.st_size, s.st_mtime_ns] for name, s in stats.items()}


def _located(name: str) -> Path | None:
    try:
        return locate(name)
    except DataError:
        return None


def _assets(grid: Grid) -> list[str]:
    """Assets that the study reads; a toy language model still uses the real tokenizer."""
    towers = {parts.get("vision_tower") for parts in grid.backbones.values()}
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
        if not _is_here(grid, name):
            continue  # its rows are counted when they are here
        try:
            sizes[name] = _size(grid, name, source, concepts)
        except DataError as error:
            problems += error.lines
    for name, benchmark in grid.config.data.benchmarks.items():
        if not _is_here(grid, name):
            continue
        try:
            if isinstance(benchmark, SetBenchmark):
                clusters = _dev_clusters(grid, name, benchmark)
            else:
                clusters = count_items(name, benchmark, concepts)["dev"]
            problems += _shots_problems(grid, name, clusters)
        except DataError as error:
            problems += error.lines
    problems += _budget_problems(grid, sizes)
    problems += model_problems(grid)
    problems += _projector_problems(grid)
    if problems:
        raise ConfigError(*(f"{grid.study.path}: {line}" for line in dict.fromkeys(problems)))
    return sizes


def _is_here(grid: Grid, name: str) -> bool:
    """Whether what an entry reads of a hub, if anything, was fetched as the study asks now."""
    if name not in grid.hub_sources:
        return True
    try:
        fetched = read_record(grid.hub_folder(name))["identity"]
    except IntegrityError:
        return False
    return canonical(fetched) == grid.identity("fetch", source=name)


def _size(grid: Grid, name: str, source: Source, concepts: pd.DataFrame) -> int:
    if isinstance(source, FactsSource):
        images = grid.config.data.images[source.images] if source.images else None
        return count_examples(name, source, concepts, images)
    prepared = _rows_prepared(grid, name)
    if prepared is not None:
        return prepared
    rows, dropped = read_source(name, source, grid.source_files(name))
    album_of(name, source, rows, grid.pictures(name))
    check_rejected(name, source, len(rows), dropped)
    return len(rows)


def _prepared(grid: Grid, source: str) -> Path:
    return grid.folder("data", "sources", source)


def _rows_prepared(grid: Grid, source: str) -> int | None:
    """Examples that a source was found to have when it was prepared, from what is here now.

    Then its pictures were decoded, too, which costs some a row. None if it has to be read.
    """
    try:
        record = read_record(_prepared(grid, source))
        files = {
            name: input_digest(path)
            for name, path in grid.inputs("prepare_source", source=source).items()
        }
    except (IntegrityError, OSError):
        return None
    identity = canonical(record["identity"]) == grid.identity("prepare_source", source=source)
    return int(record["facts"]["rows"]) if identity and record["inputs"] == files else None


def _dev_clusters(grid: Grid, name: str, benchmark: SetBenchmark) -> int:
    """How many clusters the dev part has; questions and pictures are checked on the way."""
    seed = grid.config.data.concepts.split_seed
    found = read_parts(name, benchmark, grid.source_files(name), seed)
    album_of(name, benchmark, found.items, grid.pictures(name))
    return len({item.cluster for item in found.items if item.part == "dev"})


def _shots_problems(grid: Grid, name: str, clusters: int) -> Iterator[str]:
    """Conditions that show more examples than the dev part has clusters beside the asked one's."""
    modality = grid.config.data.benchmarks[name].modality
    for number, condition in enumerate(grid.config.evaluate.conditions):
        left = clusters - ("dev" in condition.parts)
        asked = condition.image == "real" or modality == "vision"
        if asked and condition.shots > left:
            yield (
                f"evaluate.conditions.{number}.shots = {condition.shots}: the dev part of "
                f"data.benchmarks.{name} has {clusters} clusters, which leave {left} for examples"
            )


def _budget_problems(grid: Grid, sizes: dict[str, int]) -> Iterator[str]:
    tuned = [cell for cell in grid.cells.values() if cell.kind == "tuned"]
    # How many examples a budget of tokens takes is known when they are counted.
    counted = {c.name: c.recipe.mixture for c in tuned if c.recipe.mixture.arm == "instances"}
    refusing = {name: mixture for name, mixture in counted.items() if mixture.match == "refuse"}
    for short in shortages(refusing, sizes):
        yield (
            f"cell {short.cell}: asks {short.asked} examples of source {short.source!r}, which has "
            f"{short.size}; lower recipe.mixture.instances or set recipe.mixture.match: down or up"
        )
    for cell in tuned:
        if _budgets(grid, sizes).get(cell.name) == 0:
            yield f"cell {cell.name}: recipe.mixture.match = 'down' leaves no instance to train on"


def _projector_problems(grid: Grid) -> Iterator[str]:
    for path, file in sorted(_own_projectors(grid).items()):
        if not file.is_file():
            yield (
                f"recipe.align.from = {path!r}: no such file; paths are relative to the study file"
            )


def _own_projectors(grid: Grid) -> dict[str, Path]:
    """The user's own projector files by how the study writes them."""
    written = {recipe.align.existing for recipe, _ in grid.stacks.values()} - {None}
    own = [path for path in map(str, written) if not is_hub(path)]
    return {path: grid.study.resolve(path) for path in own}
