"""The identities of all jobs of a study, and which of them an edit changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlan.grid import Grid
from tests.config.example import plain_study, validated

Plain = dict[str, Any]
Identities = dict[tuple[str, ...], str]


def grid_of(plain: Plain, name: str = "example", folder: str = "config") -> Grid:
    return Grid(validated(plain, name, folder), "cpu")


def jobs(grid: Grid) -> Iterator[tuple[str, Plain]]:
    """Every job of a study as (stage, wildcards)."""
    data = grid.config.data
    yield "prepare_concepts", {}
    own = [n for n in data.sources if grid.source_images(n) == n]
    yield from (("prepare_images", {"set": n}) for n in [*data.images, *own])
    yield from (("fetch_model", {"model": n}) for n in grid.hub_models)
    yield from (("prepare_source", {"source": n}) for n in data.sources)
    yield from (("prepare_benchmark", {"benchmark": n}) for n in data.benchmarks)
    yield from (("prepare_backbone", {"backbone": n}) for n in grid.backbones)
    yield from (("align", {"stack": n}) for n in grid.stacks)
    for cell, seed in grid.runs():
        tuned = grid.cells[cell].kind == "tuned"
        for stage in ("mix", "tune", "predict", "score") if tuned else ("predict", "score"):
            yield stage, {"cell": cell, "seed": seed}
    yield "overlap", {}
    yield "collect", {}
    yield "claims", {}
    yield "draw", {}


def identities(plain: Plain, **where: str) -> Identities:
    grid = grid_of(plain, **where)
    return {
        (stage, *map(str, wildcards.values())): grid.identity(stage, **wildcards)
        for stage, wildcards in jobs(grid)
    }


def changed(edit: Callable[[Plain], Any]) -> set[tuple[str, ...]]:
    """Jobs of the example whose identity an edit changes, or that it adds."""
    plain = plain_study()
    before = identities(plain)
    edit(plain)
    after = identities(plain)
    return {job for job, identity in after.items() if before.get(job) != identity}
