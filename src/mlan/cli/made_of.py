"""What a study, a cell or a run is made of: its configuration, data and code, to be compared.

Model: configuration is a flat map of dotted keys, data a digest a folder (of the files that its
record names), code the digests that stage's records carry. Nothing is read but the study file and
records. Not here: scores (`mlan.evidence.compare`), how it is shown (`diff`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.cli.study import check_cell, open_grid
from mlan.errors import IntegrityError, MlanError, UnknownStudyError
from mlan.evidence.compute import STAGES
from mlan.grid import Grid
from mlan.grid.cells import RELEASED
from mlan.records import canonical, read_record

ABSENT, NOT_MADE = "-", "not made"
# What a study says that no result depends on.
_WORDS = ("description", "report", "recipe", "experiments", "seeds", "threads", "gpus", "keep")
# What counts of the recipe of a model before tuning, and of a published one; else all of it.
_COUNTS: dict[str, Any] = {
    "untuned": {"backbone", "align"},
    RELEASED: {"backbone": {"template", "precision"}},
}


@dataclass(frozen=True)
class Named:
    """A study, one of its cells, or one of its runs."""

    grid: Grid
    cell: str | None = None
    seed: int | None = None

    @property
    def kind(self) -> str:
        """What is named."""
        return "study" if self.cell is None else "cell" if self.seed is None else "run"

    @property
    def label(self) -> str:
        """How it is written."""
        parts = (self.grid.study.name, self.cell, self.seed)
        return ":".join(str(part) for part in parts if part is not None)

    @property
    def runs(self) -> list[tuple[str, int]]:
        """The runs that it holds."""
        return [
            (cell, seed)
            for cell, seed in self.grid.runs()
            if self.cell in (None, cell) and self.seed in (None, seed)
        ]


def named(text: str, study: str | None) -> Named:
    """Return what `study`, `study:cell` or `study:cell:seed` names, the study perhaps given apart.

    Raises MlanError for another form, an unknown study, cell or seed; ConfigError for a study's
    own mistakes.
    """
    parts = text.split(":") if study is None else [study, *text.split(":")]
    if len(parts) > 3 or not all(parts) or (len(parts) == 3 and not parts[2].isdigit()):
        raise MlanError(f"{text!r}: name a study, study:cell or study:cell:seed")
    try:
        grid = open_grid(parts[0])
    except UnknownStudyError as error:
        if study is not None or len(parts) == 3:
            raise
        raise MlanError(f"{error} (a cell: study:{text}, or {text} and --study)") from None
    if len(parts) == 1:
        return Named(grid)
    seed = int(parts[2]) if len(parts) == 3 else None
    check_cell(grid, parts[1], seed)
    return Named(grid, parts[1], seed)


def configuration(side: Named, *, across: bool) -> dict[str, Any]:
    """Return everything that was chosen, by dotted key; `across` studies, all of the study."""
    plain = side.grid.config.model_dump(mode="json")
    if side.cell is None:
        return _leaves(plain) | {"device": side.grid.device}
    cell = side.grid.cells[side.cell]
    recipe = cell.recipe.model_dump(mode="json", include=_COUNTS.get(cell.kind))
    chosen: dict[str, Any] = {"recipe": recipe, "kind": cell.kind}
    if cell.model:
        chosen["model"] = cell.model
    if side.seed is not None:
        chosen["seed"] = side.seed
    if across:
        chosen |= {key: value for key, value in plain.items() if key not in _WORDS}
        chosen["device"] = side.grid.device
    return _leaves(chosen)


def _leaves(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping) and value:
            flat |= _leaves(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return both values of every key that is not the same; `-` where a side has none."""
    keys = dict.fromkeys([*a, *b])
    both = {key: (a.get(key, ABSENT), b.get(key, ABSENT)) for key in keys}
    return {key: pair for key, pair in both.items() if pair[0] != pair[1]}


def data(side: Named) -> dict[str, str]:
    """Return a digest of every source, benchmark, stage 1 and mixture, or that it is not made."""
    folders = {f"benchmark {name}": folder for name, folder in benchmark_folders(side.grid).items()}
    used = dict.fromkeys(name for cell, _ in side.runs for name in _sources(side.grid, cell))
    folders |= {f"source {name}": side.grid.folder("data", "sources", name) for name in used}
    for cell, seed in side.runs:
        # Two cells are compared mixture by mixture, so the cell is named for a study alone.
        whose = f"{cell} seed {seed}" if side.kind == "study" else f"seed {seed}"
        name = f"mixture {whose}" if side.kind != "run" else "mixture"
        if side.grid.cells[cell].kind == "tuned":
            folders[name] = side.grid.run_folder(cell, seed, "mixture")
    stacks = {_stack(side.grid, cell, seed) for cell, seed in side.runs} - {""}
    for stack in sorted(stacks):
        name = "stage 1" if len(stacks) == 1 else f"stage 1 {stack}"
        folders[name] = side.grid.folder("align", stack)
    return {name: content_digest(folder) for name, folder in folders.items()}


def benchmark_folders(grid: Grid) -> dict[str, Path]:
    """The folder of every benchmark's items."""
    return {n: grid.folder("data", "benchmarks", n) for n in grid.config.data.benchmarks}


def _sources(grid: Grid, cell: str) -> list[str]:
    found = grid.cells[cell]
    return list(grid.used_sources(found.recipe)) if found.kind == "tuned" else []


def _stack(grid: Grid, cell: str, seed: int) -> str:
    return "" if grid.cells[cell].model else grid.stack(cell, seed)


def content_digest(folder: Path) -> str:
    """Return a short digest of a folder's files as its record names them; `NOT_MADE` without."""
    try:
        outputs = read_record(folder)["outputs"]
    except IntegrityError:
        return NOT_MADE
    return hashlib.sha256(canonical(outputs).encode()).hexdigest()[:12]


def code(side: Named) -> dict[str, str]:
    """Return the code that each stage ran with, every digest that occurs, and mlan's versions."""
    found: dict[str, set[str]] = {}
    folders = [side.grid.run_folder(cell, seed, s) for cell, seed in side.runs for s in STAGES]
    for folder in [*folders, side.grid.folder("summary")]:
        try:
            record = read_record(folder)
        except IntegrityError:
            continue
        found.setdefault(str(record.get("stage")), set()).add(str(record.get("code"))[:12])
        for name, version in record.get("versions", {}).items():
            found.setdefault(f"version of {name}", set()).add(str(version))
    return {stage: ", ".join(sorted(digests)) for stage, digests in found.items()}
