"""`mlan recommend`: the text shares that cannot be told from the best."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from mlan.cli.collected import Collected, collected, measured_key
from mlan.cli.study import open_grid
from mlan.cli.words import console, count, show, table
from mlan.errors import MlanError
from mlan.evidence.recommend import WEIGHTS, comparable, recommend_rows
from mlan.evidence.results import Key
from mlan.grid import Grid
from mlan.report.answer import answer, basis, shares_pct

Row = Mapping[str, Any]

_WEIGHT = 0.5


def run(
    study: str,
    weight: float | None,
    price: float,
    scorer: str,
    parser: str | None,
    as_json: bool,
) -> None:
    """Print the answer at a weight and price, then the answers at all weights."""
    grid = open_grid(study)
    found = collected(grid)
    key = measured_key(found.results, scorer, parser)
    chosen = _WEIGHT if weight is None else weight
    confidence = grid.config.report.confidence
    rows = _rows(grid, found, key, chosen, price)
    at = [row for row in rows if row["weight_vision"] == chosen]
    lines = [*basis(at, confidence), *_holds_for(grid, found, key)]
    if as_json:
        told = {
            "study": grid.study.name,
            **vars(key),
            "confidence": confidence,
            "weight_vision": chosen,
            "price": price,
            "answer": answer(at),
            "basis": lines,
            "rows": [_plain(row) for row in rows],
        }
        print(json.dumps(told, indent=1, allow_nan=False))
        return
    screen = console()
    for line in (answer(at), "", *lines, ""):
        screen.print(line, markup=False)
    if weight is not None:
        _show_cells(screen, at)
    _show_weights(screen, rows, price)


def _rows(grid: Grid, found: Collected, key: Key, weight: float, price: float) -> list[Row]:
    own = comparable(found.results, found.curve, found.summary.tokens, key)
    if len(own) < 2:
        raise MlanError(
            f"study {grid.study.name!r}: {len(own)} of {len(found.curve)} cells of the curve have "
            f"vision and text scores ({key.scorer}/{key.parser}); at least two can be compared"
        )
    weights = sorted({*WEIGHTS, weight})
    return list(
        recommend_rows(
            *(found.results, found.curve, found.summary.tokens, key, weights, [price]),
            confidence=grid.config.report.confidence,
        )
    )


def _holds_for(grid: Grid, found: Collected, key: Key) -> list[str]:
    backbone = grid.config.recipe.backbone
    lines = [
        f"Test items, {key.scorer} read as {key.parser}. It holds for {backbone.language_model} "
        f"with {backbone.vision_tower}, and for this study's sources, budget and benchmarks."
    ]
    missing = [f"{c.name}: {c.not_run}" for c in found.summary.tuned if c.not_run]
    return [*lines, f"Seeds not run: {'; '.join(missing)}."] if missing else lines


def _plain(row: Row) -> dict[str, Any]:
    """A row as JSON holds it: what is not known is null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else _native(value)
        for name, value in row.items()
    }


def _native(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _show_cells(screen: Console, rows: Sequence[Row]) -> None:
    heads = ("examples %", "LM %", "learnt %", "LM tokens", "points", "own - best other")
    shown = table("cell", *heads, "may be best")
    for row in rows:
        columns = ("text_share", "share_of_lm_tokens", "share_of_supervised_tokens")
        parts = [f"{100 * row[name]:.1f}" for name in columns]
        bounds = f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f}"
        kept = "best" if row["is_best"] else "yes" if row["in_set"] else "no"
        points = f"{100 * row['utility']:.1f}"
        shown.add_row(row["cell"], *parts, count(row["lm_tokens"]), points, bounds, kept)
    title = "Text share of examples, LM tokens and learnt tokens; utility; simultaneous bounds"
    show(screen, title, shown)


def _show_weights(screen: Console, rows: Sequence[Row], price: float) -> None:
    shown = table("weight on vision", "best", "cannot be told from it", "points", "cross-fitted")
    for weight in dict.fromkeys(row["weight_vision"] for row in rows):
        own = [row for row in rows if row["weight_vision"] == weight]
        best = next(row for row in own if row["is_best"])
        kept = [row for row in own if row["in_set"]]
        fitted = 100 * best["crossfitted"]
        shown.add_row(
            *(f"{weight:g}", shares_pct([best], own), shares_pct(kept, own)),
            *(f"{100 * best['utility']:.1f}", f"{fitted:.1f}" if math.isfinite(fitted) else "-"),
        )
    cost = f", {100 * price:.3g} points a million LM tokens" if price else ""
    show(screen, f"Text share of examples by the weight on vision{cost}", shown)
