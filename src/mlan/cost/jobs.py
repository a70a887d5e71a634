"""The jobs of a study, as the workflow will run them: one task per folder that a job owns.

Found by following `Grid.inputs` from the last jobs backwards, so that a data set which no cell
uses is no task, as in the workflow. Not here: which of them are done (`mlan.cli.progress`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.grid import Grid
from mlan.weights import KEPT

# Stages in the order of the workflow, and how a table names them.
STAGES = (
    "fetch",
    "fetch_model",
    "prepare_concepts",
    "prepare_images",
    "prepare_source",
    "prepare_benchmark",
    "prepare_backbone",
    "align",
    "mix",
    "tune",
    "predict",
    "score",
    "overlap",
    "collect",
    "claims",
    "draw",
    "page",
    "prune",
)
# Stages that run a model.
MODEL_STAGES = ("align", "tune", "predict")
# The folder of each stage within a run's own.
RUN_FOLDERS = {
    "mix": "mixture",
    "tune": "weights",
    "predict": "predictions",
    "score": "scores",
    "prune": KEPT,
}


@dataclass(frozen=True)
class Task:
    """One job: its stage and wildcards as `Grid.inputs` takes them, and the folder it owns."""

    stage: str
    wildcards: dict[str, Any]
    folder: Path
    inputs: dict[str, Path]

    @property
    def name(self) -> str:
        """Stage and wildcards in words, e.g. `tune text50 seed 0`."""
        values = [f"seed {v}" if k == "seed" else str(v) for k, v in self.wildcards.items()]
        return " ".join([self.stage, *values])


def tasks(grid: Grid) -> dict[Path, Task]:
    """Return every job of a whole run by its folder, producers before consumers."""
    known = {folder: (stage, wildcards) for stage, wildcards, folder in _all(grid)}
    found: dict[Path, Task] = {}

    def visit(folder: Path) -> None:
        if folder in found or folder not in known:
            return
        stage, wildcards = known[folder]
        inputs = grid.inputs(stage, **wildcards)
        for path in inputs.values():
            visit(path)
        found[folder] = Task(stage, wildcards, folder, inputs)

    visit(grid.folder("page"))
    for cell, seed in grid.runs() if grid.prunes else ():
        if grid.cells[cell].kind == "tuned":
            visit(grid.run_folder(cell, seed, KEPT))
    return found


def _all(grid: Grid) -> Iterator[tuple[str, dict[str, Any], Path]]:
    """Yield stage, wildcards and folder of every job that could be asked for."""
    data = grid.config.data
    own = [name for name, entry in data.from_files().items() if entry.modality == "vision"]
    yield "prepare_concepts", {}, grid.folder("data", "concepts")
    for name in (*data.images, *own):
        yield "prepare_images", {"set": name}, grid.folder("data", "images", name)
    for name in grid.hub_sources:
        yield "fetch", {"source": name}, grid.hub_folder(name)
    for name in (*grid.hub_models, *grid.hub_projectors):
        yield "fetch_model", {"model": name}, grid.folder("models", name)
    for name in data.sources:
        yield "prepare_source", {"source": name}, grid.folder("data", "sources", name)
    for name in data.benchmarks:
        yield "prepare_benchmark", {"benchmark": name}, grid.folder("data", "benchmarks", name)
    for name in grid.backbones:
        yield "prepare_backbone", {"backbone": name}, grid.folder("backbone", name)
    for name in grid.stacks:
        yield "align", {"stack": name}, grid.folder("align", name)
    for cell, seed in grid.runs():
        for stage, folder in RUN_FOLDERS.items():
            yield stage, {"cell": cell, "seed": seed}, grid.run_folder(cell, seed, folder)
    yield "overlap", {}, grid.folder("data", "contamination")
    yield "collect", {}, grid.folder("summary")
    yield "claims", {}, grid.folder("evidence")
    yield "draw", {}, grid.folder("report")
    yield "page", {}, grid.folder("page")
