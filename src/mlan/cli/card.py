"""Find the facts of a run's model card in the study, its records and its lock file."""

from __future__ import annotations

import json

import pandas as pd

from mlan.grid import Grid
from mlan.grid.materials import model_materials
from mlan.hub.lock import lock_path, read_lock
from mlan.records import RECORD, checked, file_digest, read_record
from mlan.report.card import Card, Score
from mlan.report.cards.licences import licences
from mlan.report.cards.models import base_models, needs_mlan, prompt_of, scores_of
from mlan.report.summary import read_summary


def card_of(grid: Grid, cell: str, seed: int) -> Card:
    """Return what is known of a finished run; scores only where they have been collected."""
    recipe, tuned = grid.cells[cell].recipe, grid.cells[cell].kind == "tuned"
    books = grid.run_folder(cell, seed, "mixture") / "accounting.csv"
    weights = grid.run_folder(cell, seed, "weights")
    facts = read_record(weights)["facts"] if tuned else {}
    return Card(
        study=grid.study.name,
        description=grid.config.description,
        cell=cell,
        seed=seed,
        prompt=prompt_of(recipe.backbone.template),
        recipe=recipe.model_dump(),
        accounting=pd.read_csv(checked(books), keep_default_na=False) if tuned else None,
        order_controlled=facts.get("order_controlled", True),
        base_models=base_models(recipe.backbone.model_dump()),
        scores=_scores(grid, cell, seed),
        confidence=grid.config.report.confidence,
        licences=licences(model_materials(grid, cell), read_lock(lock_path(grid.study))),
        records=_records(grid, cell, seed),
        needs_mlan=needs_mlan(recipe.backbone.vision_tower),
    )


def _scores(grid: Grid, cell: str, seed: int) -> list[Score]:
    if not (grid.folder("summary") / RECORD).exists():
        return []
    summary = read_summary(grid.folder("summary"), json.loads(grid.identity("draw")))
    return list(scores_of(summary, cell, seed))


def _records(grid: Grid, cell: str, seed: int) -> dict[str, str]:
    """Digests of the records that the model stands on, sources of the mixture included."""
    folders = {"backbone": grid.folder("backbone", grid.backbone(grid.cells[cell].recipe))}
    if grid.cells[cell].kind == "tuned":
        inputs = grid.inputs("tune", cell=cell, seed=seed)
        folders |= {**inputs, "weights": grid.run_folder(cell, seed, "weights")}
    else:
        folders["align"] = grid.folder("align", grid.stack(cell, seed))
    return {name: file_digest(folder / RECORD) for name, folder in folders.items()}
