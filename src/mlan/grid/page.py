"""What the report page of a study depends on: its identity, its inputs, the pair it compares.

The page tells the design (cells, what differs between them, experiments that were left out) and
leads back to every run, so its identity holds what the study file says of these and nothing of
where anything lies. Runs are no inputs of their own: the summary's record names them by digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from mlan.config.cell_name import cell_name, leaves
from mlan.config.expand import expand
from mlan.config.models import is_folder
from mlan.config.recipe import Recipe
from mlan.grid.cells import Cell
from mlan.grid.command import to_run
from mlan.grid.data_jobs import DataJobs
from mlan.grid.materials import model_materials, study_materials
from mlan.records import RECORD

# What a study's claims say, as `resolved_claims` gives them; none where there is no file.
Claims = Sequence[Mapping[str, Any]]
_PRIMARY = "primary"
# What of the identity of figures and tables the page tells too.
_DRAWN = ("study", "title", "confidence", "benchmarks", "limits", "order_not_controlled")
# Sections of a recipe that decide a model before stage 2.
_BEFORE_TUNING = ("backbone.", "align.")


def page_identity(grid: DataJobs, drawn: Mapping[str, Any], claims: Claims) -> dict[str, Any]:
    """What decides the page besides its inputs; `drawn` is the identity of figures and tables."""
    config = grid.config
    materials = study_materials(grid)
    place = {material: n for n, material in enumerate(materials)}
    return {
        **{name: drawn[name] for name in _DRAWN},
        "description": config.description,
        # Pairs, since an identity keeps no order of names.
        "not_shown": [[name, text] for name, text in config.report.not_shown.items()],
        "primary": grid.study.claims.primary.model_dump(),
        "note": grid.study.claims.note or "",
        "device": grid.device,
        "seed_varies": list(config.seed_varies),
        "recipe": _told(config.recipe),
        "materials": [list(astuple(material)) for material in materials],
        "cells": [
            {
                "cell": cell.name,
                "kind": cell.kind,
                "experiments": list(cell.experiments),
                "differs": _differs(grid, cell),
                "made_of": [place[one] for one in model_materials(grid, cell.name)],
            }
            for cell in grid.cells.values()
        ],
        "experiments": _experiments(grid),
        "pair": list(compared(grid, claims)),
        "claim_cells": {str(claim["id"]): list(claim["cells"]) for claim in claims},
    }


def page_inputs(grid: DataJobs, claims: Claims, partial: bool = False) -> dict[str, Path]:
    """Summary, evidence, figures, items with their pictures, and answers of the two cells compared.

    With `partial`, answers only where both runs are scored.
    """
    benchmarks = grid.config.data.benchmarks
    images = sorted({found for name in benchmarks if (found := grid.benchmark_images(name))})
    return {
        "summary": grid.folder("summary"),
        "evidence": grid.folder("evidence"),
        "report": grid.folder("report"),
        **{f"items:{name}": grid.folder("data", "benchmarks", name) for name in benchmarks},
        **{f"images:{name}": grid.folder("data", "images", name) for name in images},
        **_answers(grid, compared(grid, claims), partial),
        **({"file:lock": grid.study.lock} if grid.study.lock.is_file() else {}),
    }


def _answers(grid: DataJobs, pair: Sequence[str], partial: bool) -> dict[str, Path]:
    found = {
        f"{stage}:{cell}": grid.run_folder(cell, min(grid.cells[cell].seeds), stage)
        for cell in pair
        for stage in ("predictions", "scores")
    }
    there = all((folder / RECORD).exists() for folder in found.values())
    return found if there or not partial else {}


def compared(grid: DataJobs, claims: Claims) -> tuple[str, ...]:
    """The two cells whose answers are shown side by side; none where there are not two.

    Those of the first primary claim that contrasts two cells, the one that it says is better
    last; else the ends of the curve, the fewest text examples first.
    """
    for claim in claims:
        cells = _ends(claim) if claim["family"] == _PRIMARY and claim["runnable"] else ()
        if len(cells) == 2 and all(cell in grid.cells for cell in cells):
            return cells
    tuned = [cell for cell in grid.cells.values() if cell.text_share is not None]
    curve = [cell for cell in tuned if cell.experiments[:1] == tuned[0].experiments[:1]]
    curve.sort(key=lambda cell: float(cell.text_share or 0))
    return (curve[0].name, curve[-1].name) if len(curve) > 1 else ()


def _ends(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """Minus and plus cell of a claim's contrast, if it is one of two cells."""
    if len(claim["contrasts"]) != 1:
        return ()
    terms = [(float(weight), str(cell)) for weight, cell, *_ in claim["contrasts"][0]["terms"]]
    return tuple(cell for _, cell in sorted(terms)) if len(terms) == 2 else ()


def _differs(grid: DataJobs, cell: Cell) -> dict[str, Any]:
    """Dotted recipe keys in which a cell differs from the base recipe, with its values.

    Of a model that is not tuned only the keys of its parts and of stage 1 mean anything.
    """
    base, own = leaves(_told(grid.config.recipe)), leaves(_told(cell.recipe))
    means = "" if cell.kind == "tuned" else _BEFORE_TUNING
    return {
        key: own.get(key)
        for key in sorted({*base, *own})
        if base.get(key) != own.get(key) and key.startswith(means)
    }


def _told(recipe: Recipe) -> dict[str, Any]:
    """A recipe without the places of models and projectors in folders of one's own."""
    told = recipe.model_dump()
    for section, keys in (("backbone", recipe.backbone.parts), ("align", ("from",))):
        for key in keys:
            if told[section].get(key) and is_folder(told[section][key]):
                told[section][key] = Path(told[section][key]).name
    return told


def _experiments(grid: DataJobs) -> list[dict[str, Any]]:
    """Experiments of the study file, those left out too: their cells, and what runs them."""
    recipes = expand(grid.config).recipes
    return [
        {
            "name": name,
            "description": entry.description,
            "cells": [cell_name(grid.config.recipe, recipe) for recipe in recipes[name]],
            "command": to_run(grid.study, [name]),
        }
        for name, entry in grid.config.experiments.items()
    ]
