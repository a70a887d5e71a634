"""What a study is made of that others made: models, facts, pictures, files, by the names it uses.

Model: a material is one work and how the study names it. Whose it is and under which licence is
not known here (`mlan.report.cards.licences`), and whether a file is there is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlan.config.benchmarks import SetBenchmark
from mlan.config.data import FactsSource
from mlan.config.files import FileData
from mlan.config.hub import parse_file
from mlan.config.models import is_embedded, is_hub
from mlan.grid.cells import RELEASED
from mlan.grid.data_jobs import DataJobs

Kind = Literal["model", "facts", "pictures", "hub", "files"]


@dataclass(frozen=True)
class Material:
    """One work. `name` is an embedded model, a drawing style, a hub's name, or a file's.

    `commit` is that of a hub's name, empty for anything else.
    """

    kind: Kind
    name: str
    commit: str = ""


def model_materials(grid: DataJobs, cell: str) -> list[Material]:
    """What a cell's model is derived from: its parts, and all that this study trained it on."""
    return list(dict.fromkeys(_of_model(grid, cell)))


def study_materials(grid: DataJobs) -> list[Material]:
    """What a whole study uses: all its models and sources, and the items of its benchmarks."""
    found = [one for cell in grid.cells for one in _of_model(grid, cell)]
    for name, benchmark in grid.config.data.benchmarks.items():
        if isinstance(benchmark, SetBenchmark):
            found.append(_read(grid, name, benchmark))
        else:
            found += _embedded(grid, benchmark.images)
    return list(dict.fromkeys(found))


def _of_model(grid: DataJobs, cell: str) -> Iterator[Material]:
    own = grid.cells[cell]
    for name in grid.backbones[grid.backbone_of(own)].values():
        if is_embedded(name):
            yield Material("model", name)
        else:
            yield _hub(grid, name) if is_hub(name) else Material("files", Path(name).name)
    if own.kind == RELEASED:
        return
    align = own.recipe.align
    trained = grid.used_sources(own.recipe) if own.kind == "tuned" else []
    for name in [*trained, *([align.captions] if align.captions else [])]:
        source = grid.config.data.sources[name]
        if isinstance(source, FactsSource):
            yield from _embedded(grid, source.images)
        else:
            yield _read(grid, name, source)
    if align.existing is not None:
        hub = is_hub(align.existing)
        named = str(parse_file(align.existing)[0]) if hub else Path(align.existing).name
        yield _hub(grid, named) if hub else Material("files", named)
    elif align.captions is None:
        yield from _embedded(grid, align.images)


def _embedded(grid: DataJobs, images: str | None) -> Iterator[Material]:
    """Facts about concepts, and the style in which they are drawn."""
    yield Material("facts", "concepts")
    if images is not None:
        yield Material("pictures", grid.config.data.images[images].style)


def _hub(grid: DataJobs, written: str) -> Material:
    known = grid.revisions.get(written)
    return Material("hub", written, known.commit if known else "unknown")


def _read(grid: DataJobs, name: str, own: FileData) -> Material:
    """A source or benchmark that is read from files."""
    if own.repository is not None:
        return _hub(grid, own.repository)
    files = ", ".join(Path(file.path).name for file in own.files().values())
    return Material("files", f"{name} ({files})")
