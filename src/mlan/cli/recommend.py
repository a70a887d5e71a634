"""`mlan recommend`: the text shares that cannot be told from the best."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from mlan.cli.collected import Collected, collected, measured_key
from mlan.cli.study import open_grid
from mlan.cli.words import console, count, show, table
from mlan.errors import MlanError
from mlan.evidence.recommend import MEASURES, WEIGHTS, comparable, recommend_rows
from mlan.evidence.results import Key
from mlan.grid import Grid
from mlan.report.answer import answer, basis, points, shares_pct, shares_short, value_name

Row = Mapping[str, Any]

_WEIGHT, _PRICE = 0.5, 0.0
_MEANINGS = ("text_share", "share_of_lm_tokens", "share_of_supervised_tokens")


def run(
    study: str,
    weight: float | None,
    price: float | None,
    scorer: str | None,
    parser: str | None,
    as_json: bool,
) -> None:
    """Print the answer at a weight and price, then the answers at all weights.

    `price` is in points per million LM tokens; without one the answer is that of free tokens, and
    those at the study's own prices (`price_steps`) follow.
    """
    grid = open_grid(study)
    found = collected(grid)
    key = measured_key(found.results, grid.study.claims.primary, scorer, parser)
    chosen = (_WEIGHT if weight is None else weight, _PRICE if price is None else price)
    rows = _rows(grid, found, key, {*WEIGHTS, chosen[0]}, None if price is None else [price])
    at = [row for row in rows if (row["weight_vision"], row["price_points"]) == chosen]
    confidence = grid.config.report.confidence
    lines = [*basis(at, confidence), *_holds_for(grid, found, key)]
    lines += _other_readings(grid, found, key, *chosen)
    if as_json:
        told = {
            "study": grid.study.name,
            **vars(key),
            "confidence": confidence,
            "weight_vision": chosen[0],
            "price_points": chosen[1],
            "answer": answer(at),
            "basis": lines,
            "rows": [_plain(row) for row in rows],
        }
        print(json.dumps(told, indent=1, allow_nan=False))
        return
    screen = console()
    for line in (answer(at), "", *lines, ""):
        screen.print(line, markup=False)
    _show_cells(screen, at)
    for each in dict.fromkeys(row["price_points"] for row in rows):
        _show_weights(screen, [row for row in rows if row["price_points"] == each])


def _rows(
    grid: Grid, found: Collected, key: Key, weights: Iterable[float], prices: list[float] | None
) -> list[Row]:
    own = comparable(found.results, found.curve, found.summary.tokens, key)
    if len(own) < 2:
        raise MlanError(
            f"study {grid.study.name!r}: {len(own)} of {len(found.curve)} cells of the curve have "
            f"vision and text scores ({key.scorer}/{key.parser}); at least two can be compared"
        )
    return list(
        recommend_rows(
            *(found.results, found.curve, found.summary.tokens, key, sorted(weights), prices),
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


def _other_readings(
    grid: Grid, found: Collected, key: Key, weight: float, price: float
) -> Iterator[str]:
    """Yield what the set would be by the study's measure and `MEASURES`, where they tell one."""
    primary = grid.study.claims.primary
    told = []
    for scorer, parser in dict.fromkeys([(primary.scorer, primary.parser), *MEASURES]):
        other = Key(scorer, parser)
        if other == key:
            continue
        try:
            rows = _rows(grid, found, other, [weight], [price])
        except MlanError:
            continue  # measured of too few cells
        kept = [row for row in rows if row["in_set"]]
        every = ", all that were tried" if len(kept) == len(rows) else ""
        told.append(f"{shares_pct(kept, rows)} ({other.scorer} read as {other.parser}{every})")
    if told:
        yield f"Read otherwise, the shares that cannot be told from the best: {'; '.join(told)}."


def _plain(row: Row) -> dict[str, Any]:
    """A row as JSON holds it: what is not known is null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else _native(value)
        for name, value in row.items()
    }


def _native(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _show_cells(screen: Console, rows: Sequence[Row]) -> None:
    value = value_name(rows[0])
    heads = ("examples %", "LM %", "supervised %", "LM tokens", value, "own - best other")
    shown = table("cell", *heads, "may be best")
    for row in rows:
        parts = [f"{100 * row[name]:.1f}" for name in _MEANINGS]
        bounds = f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f}"
        kept = "best" if row["is_best"] else "yes" if row["in_set"] else "no"
        worth = f"{100 * row['utility']:.1f}"
        shown.add_row(row["cell"], *parts, count(row["lm_tokens"]), worth, bounds, kept)
    title = f"Text share of examples, LM tokens and supervised tokens; {value}; simultaneous bounds"
    show(screen, title, shown)


def _show_weights(screen: Console, rows: Sequence[Row]) -> None:
    """The best and the set at every weight for one price, in the three meanings of share."""
    value = value_name(rows[0])
    heads = ("best", "may be best: examples %", "LM %", "supervised %", value, "cross-fitted")
    shown = table("weight", *heads)
    for column in shown.columns[2:5]:
        column.no_wrap = False  # a long list goes on below
    for weight in dict.fromkeys(row["weight_vision"] for row in rows):
        own = [row for row in rows if row["weight_vision"] == weight]
        best = next(row for row in own if row["is_best"])
        kept = [row for row in own if row["in_set"]]
        fitted = 100 * best["crossfitted"]
        shown.add_row(
            *(f"{weight:g}", shares_pct([best], own)),
            *(shares_short(kept, own, meaning) for meaning in _MEANINGS),
            *(f"{100 * best['utility']:.1f}", f"{fitted:.1f}" if math.isfinite(fitted) else "-"),
        )
    price = rows[0]["price_points"]
    cost = f"a million LM tokens costs {points(price)}" if price else "tokens cost nothing"
    show(screen, f"Text shares that may be best, by the weight on vision; {cost}", shown)
