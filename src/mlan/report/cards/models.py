"""Model cards of a study's tuned cells, each of its first finished run.

Not here: what a card looks like (`mlan.report.card`), and weights, which `mlan export` writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from mlan.config.hub import PREFIX
from mlan.hub.lock import Locked
from mlan.mixture.forms import FORMS, Picture, Special
from mlan.records import checked
from mlan.report.card import Card, Score, model_card
from mlan.report.cards.licences import licences
from mlan.report.page.facts import Facts
from mlan.report.page.trace import Run, Trace
from mlan.report.summary import MEASURES, Summary

_EMBEDDED_TOWERS = ("mobilenetv2", "toy-tower")


def prompt_of(template: str) -> str:
    """Return the prompt of a question about a picture, `{}` for the question."""
    form, text = FORMS[template], ""
    for piece in (*form.opening, *form.show):
        if isinstance(piece, Picture):
            text += "<image>"
        else:
            text += piece.token if isinstance(piece, Special) else piece
    return text


def scores_of(summary: Summary, cell: str, seed: int) -> Iterator[Score]:
    """Yield each benchmark's accuracy of a run, with its cell's interval."""
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


def base_models(backbone: Mapping[str, str | None]) -> list[str]:
    """Return the models of a hub that a backbone stands on, as the hub names them."""
    names = [backbone[part] or "" for part in ("language_model", "vision_tower")]
    return [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]


def needs_mlan(vision_tower: str) -> bool:
    """Whether a model loads only after mlan has registered its tower."""
    return vision_tower in _EMBEDDED_TOWERS


def model_cards(
    summary: Summary, facts: Facts, trace: Trace, locked: Mapping[str, Locked], root: Path
) -> dict[str, str]:
    """Return the card of every tuned cell with a finished run, by cell; `root` holds the runs."""
    first: dict[str, Run] = {}
    for run in trace.runs:
        if "weights" in run.steps and "mixture" in run.steps:
            first.setdefault(run.cell, run)
    return {
        name: model_card(_card(run, summary, facts, locked, root)) for name, run in first.items()
    }


def _card(
    run: Run, summary: Summary, facts: Facts, locked: Mapping[str, Locked], root: Path
) -> Card:
    recipe, weights = facts.recipe_of(run.cell), run.steps["weights"]
    books = root / run.steps["mixture"].place / "accounting.csv"
    return Card(
        study=facts.study,
        description=facts.description,
        cell=run.cell,
        seed=run.seed,
        prompt=prompt_of(recipe["backbone"]["template"]),
        recipe=recipe,
        accounting=pd.read_csv(checked(books), keep_default_na=False),
        order_controlled=run.cell not in facts.order_not_controlled,
        base_models=base_models(recipe["backbone"]),
        scores=list(scores_of(summary, run.cell, run.seed)),
        confidence=summary.confidence,
        licences=licences(facts.cell(run.cell).made_of, locked),
        records={**weights.record["inputs"], "weights": weights.digest},
        needs_mlan=needs_mlan(recipe["backbone"]["vision_tower"]),
    )
