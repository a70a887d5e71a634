"""Find the facts of a run's model card in the study, its records and its lock file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mlan.config.data import FactsSource
from mlan.config.files import FileSource
from mlan.config.hub import PREFIX, parse_file
from mlan.config.models import is_hub
from mlan.data.assets import ASSETS
from mlan.data.concepts import ASSETS as CONCEPT_ASSETS
from mlan.grid import Grid
from mlan.hub.lock import lock_path, read_lock
from mlan.mixture.forms import FORMS, Form, Picture, Special
from mlan.records import RECORD, checked, file_digest, read_record
from mlan.report.card import Card, Licence, Score
from mlan.report.summary import MEASURES, read_summary

# Embedded parts of a backbone and the assets that they are made of; toys take the tokenizer.
_PARTS = {
    "smollm2-135m-instruct": "smollm2",
    "toy-llama": "smollm2",
    "mobilenetv2": "mobilenetv2",
}
_EMBEDDED_TOWERS = ("mobilenetv2", "toy-tower")


def card_of(grid: Grid, cell: str, seed: int) -> Card:
    """Return what is known of a finished run; scores only where they have been collected."""
    recipe, tuned = grid.cells[cell].recipe, grid.cells[cell].kind == "tuned"
    models: list[str] = [recipe.backbone.language_model, recipe.backbone.vision_tower]
    books = grid.run_folder(cell, seed, "mixture") / "accounting.csv"
    weights = grid.run_folder(cell, seed, "weights")
    facts = read_record(weights)["facts"] if tuned else {}
    return Card(
        study=grid.study.name,
        description=grid.config.description,
        cell=cell,
        seed=seed,
        prompt=_prompt(FORMS[recipe.backbone.template]),
        recipe=recipe.model_dump(),
        accounting=pd.read_csv(checked(books), keep_default_na=False) if tuned else None,
        order_controlled=facts.get("order_controlled", True),
        base_models=[name.removeprefix(PREFIX) for name in models if name.startswith(PREFIX)],
        scores=list(_scores(grid, cell, seed)),
        confidence=grid.config.report.confidence,
        licences=[*_asset_licences(grid, cell), *_other_licences(grid, cell)],
        records=_records(grid, cell, seed),
        needs_mlan=recipe.backbone.vision_tower in _EMBEDDED_TOWERS,
    )


def _prompt(form: Form) -> str:
    text = ""
    for piece in (*form.opening, *form.show):
        if isinstance(piece, Picture):
            text += "<image>"
        else:
            text += piece.token if isinstance(piece, Special) else piece
    return text


def _scores(grid: Grid, cell: str, seed: int) -> Iterator[Score]:
    if not (grid.folder("summary") / RECORD).exists():
        return
    summary = read_summary(grid.folder("summary"), json.loads(grid.identity("draw")))
    for benchmark in summary.benchmarks:
        for measure in ("strict", "option"):
            row = summary.interval(benchmark.name, MEASURES[measure], cell)
            if row is None:
                continue
            runs = summary.scores(benchmark.name, MEASURES[measure])
            mine = [r["value"] for r in runs if r["cell"] == cell and int(r["seed"]) == seed]
            yield Score(
                benchmark=benchmark.name,
                measure=measure,
                n=int(row["n"]),
                run=float(mine[0]) if mine else None,
                cell=float(row["value"]),
                low=float(row["low"]),
                high=float(row["high"]),
                covers=str(row["covers"]),
            )


def _sources(grid: Grid, cell: str) -> list[str]:
    recipe = grid.cells[cell].recipe
    used = grid.used_sources(recipe) if grid.cells[cell].kind == "tuned" else []
    return [*used, *([recipe.align.captions] if recipe.align.captions else [])]


def _asset_licences(grid: Grid, cell: str) -> Iterator[Licence]:
    """Embedded works: parts of the backbone, facts and pictures."""
    recipe, data = grid.cells[cell].recipe, grid.config.data
    models: list[str] = [recipe.backbone.language_model, recipe.backbone.vision_tower]
    used = [_PARTS[name] for name in models if name in _PARTS]
    facts = [s for n in _sources(grid, cell) if isinstance(s := data.sources[n], FactsSource)]
    sets = [source.images for source in facts]
    if recipe.align.captions is None and recipe.align.existing is None:
        sets.append(recipe.align.images)
    if facts or any(sets):
        used += CONCEPT_ASSETS
    used += [data.images[name].style for name in sets if name is not None]
    for name in dict.fromkeys(used):
        yield Licence(name, ASSETS[name].licence, ASSETS[name].attribution)


def _other_licences(grid: Grid, cell: str) -> Iterator[Licence]:
    """Works of a hub, with the licence in the lock file, and files of one's own."""
    recipe = grid.cells[cell].recipe
    sources = {name: grid.config.data.sources[name] for name in _sources(grid, cell)}
    own = {name: source for name, source in sources.items() if isinstance(source, FileSource)}
    models = list(recipe.backbone.parts.values())
    hub = [name for name in models if name.startswith(PREFIX)]
    hub += [source.repository for source in own.values() if source.repository is not None]
    projector = recipe.align.existing
    if projector is not None and is_hub(projector):
        hub.append(str(parse_file(projector)[0]))
    elif projector is not None:
        yield Licence(Path(projector).name, "not known to mlan", "say whose it is")
    entries = read_lock(lock_path(grid.study))
    for name in dict.fromkeys(hub):
        licence = entries[name].licence if name in entries else "not known (not locked)"
        commit = grid.revisions[name].name.commit if name in grid.revisions else "unknown"
        yield Licence(name.partition("@")[0], licence, f"see its card; commit {commit}")
    for name, source in own.items():
        if source.repository is None:
            files = ", ".join(Path(file.path).name for file in source.files().values())
            yield Licence(f"{name} ({files})", "not known to mlan", "say whose it is")


def _records(grid: Grid, cell: str, seed: int) -> dict[str, str]:
    """Digests of the records that the model stands on, sources of the mixture included."""
    folders = {"backbone": grid.folder("backbone", grid.backbone(grid.cells[cell].recipe))}
    if grid.cells[cell].kind == "tuned":
        inputs = grid.inputs("tune", cell=cell, seed=seed)
        folders |= {**inputs, "weights": grid.run_folder(cell, seed, "weights")}
    else:
        folders["align"] = grid.folder("align", grid.stack(cell, seed))
    return {name: file_digest(folder / RECORD) for name, folder in folders.items()}
