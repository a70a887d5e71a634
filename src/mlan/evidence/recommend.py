"""The answer: the cells that cannot be told from the best, by what vision and tokens are worth.

Model: U(cell) = w x vision average + (1 - w) x text average - price x LM tokens, with the user's
weight w on vision. A price is in points (a hundredth of the score) per million tokens. The tokens
of a cell are counted, not estimated, so a price shifts U and leaves its error alone. The set is
that of multiple comparisons with the best (`best`), for each weight and price by itself; the value
of the winner is cross-fitted (`crossfit`). Not here: which cells make a curve; what is said about
the set.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlan.errors import DataError
from mlan.evidence.best import against_best, comparisons
from mlan.evidence.budgets import Budget, cell_budgets
from mlan.evidence.crossfit import crossfitted
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Array, Sample, combine

COLUMNS = [
    *("weight_vision", "price_points", "cell", "text_share", "share_of_lm_tokens"),
    *("share_of_supervised_tokens", "lm_tokens", "utility", "low", "high", "in_set", "is_best"),
    *("crossfitted", "seeds", "covers"),
]
WEIGHTS = tuple(step / 10 for step in range(11))
# What the whole range of tokens of a study is made to cost, in points.
RANGE_COSTS = (0.0, 1.0, 5.0)
VISION, TEXT = "vision average", "text average"


def recommend_rows(
    results: Results,
    cells: Sequence[str],
    tokens: pd.DataFrame,
    key: Key | None = None,
    weights: Sequence[float] = WEIGHTS,
    prices: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of recommend.csv (`COLUMNS`): one a weight, price and cell.

    `cells` names the cells of the curve, of which the `comparable` ones are compared; fewer than
    two give no row. `tokens` is the table tokens.csv. `weights` are on vision, 0 to 1; `prices` in
    points per million LM tokens, `price_steps` by default. `crossfitted` stands
    in the row of the best cell only. Raises DataError for a weight or price that is none.
    """
    asked = key or Key()
    own = comparable(results, cells, tokens, asked)
    if len(own) < 2:
        return
    budgets = cell_budgets(tokens)
    millions_C = np.array([budgets[cell].lm_tokens / 1e6 for cell in own])
    chosen = price_steps(millions_C) if prices is None else tuple(prices)
    _check(weights, chosen)
    for weight in weights:
        at = _Weighed(weight, results, own, asked, confidence)
        for price in chosen:
            yield from _rows(at, [budgets[cell] for cell in own], price)


def price_steps(millions_C: Array) -> tuple[float, ...]:
    """Return prices at which the study's whole range of tokens costs 0, 1 and 5 points.

    Points per million tokens, three digits; only 0 where all cells take the same tokens.
    """
    reach = float(np.ptp(millions_C))
    if reach == 0:
        return (0.0,)
    return tuple(float(f"{cost / reach:.3g}") for cost in RANGE_COSTS)


def comparable(results: Results, cells: Sequence[str], tokens: pd.DataFrame, key: Key) -> list[str]:
    """Return the cells that have a score on both averages and counted tokens, in their order."""
    if not {VISION, TEXT} <= set(results.groups):
        return []
    counted = set(tokens["cell"])
    scores = (VISION, TEXT)
    return [c for c in cells if c in counted and all(results.has(c, s, key) for s in scores)]


def _check(weights: Sequence[float], prices: Sequence[float]) -> None:
    for weight in weights:
        if not 0 <= weight <= 1:
            raise DataError(f"weight = {weight:g}: the weight on vision must lie between 0 and 1")
    for price in prices:
        if not (price >= 0 and math.isfinite(price)):
            raise DataError(
                f"price = {price:g}: must be 0 or more, in points per million LM tokens"
            )


def _parts(weight: float) -> list[tuple[float, str]]:
    """The averages that count; one that weighs nothing is left out, with its clusters."""
    return [(w, score) for w, score in ((weight, VISION), (1 - weight, TEXT)) if w > 0]


def _score(results: Results, cell: str, weight: float, key: Key) -> Sample:
    return combine([(w, results.sample(cell, score, key)) for w, score in _parts(weight)])


class _Weighed:
    """Everything about one weight that no price changes: scores, comparisons, outcomes."""

    def __init__(
        self, weight: float, results: Results, cells: Sequence[str], key: Key, confidence: float
    ) -> None:
        self.weight = weight
        self.results = results
        self.scores = [_score(results, cell, weight, key) for cell in cells]
        self.compared = comparisons(self.scores, confidence)
        weight_of = _cluster_weights(results, weight, key)
        self._clusters = sorted(weight_of)
        self._weights_G = np.array([weight_of[cluster] for cluster in self._clusters])

    def worth(self, cost_C: Array) -> float:
        """The cross-fitted utility of the best cell; NaN if no seed is common to all cells."""
        seeds = sorted(set(self.scores[0].seeds).intersection(*(s.seeds for s in self.scores)))
        if not seeds:
            return math.nan
        aligned = [score.of(seeds) for score in self.scores]
        outcomes_CSG = np.array(
            [s.residuals + np.outer(s.values, self._weights_G) for s in aligned]
        )
        return crossfitted(outcomes_CSG, self._weights_G, self._clusters, -cost_C)


def _cluster_weights(results: Results, weight: float, key: Key) -> dict[str, float]:
    """What each cluster weighs in the score; adds up to 1."""
    found: dict[str, float] = {}
    for part, score in _parts(weight):
        block = results.block(score, key)
        for cluster, own in zip(block.clusters, block.weights, strict=True):
            found[cluster] = found.get(cluster, 0.0) + part * own
    return found


def _rows(at: _Weighed, budgets: Sequence[Budget], price: float) -> Iterator[dict[str, Any]]:
    cost_C = price / 100 * np.array([budget.lm_tokens / 1e6 for budget in budgets])
    utility_C = np.array([score.value for score in at.scores]) - cost_C
    # What a price adds to (other - own) is known exactly: it moves the bounds and nothing else.
    standing = against_best(at.compared.lower - (cost_C[None, :] - cost_C[:, None]))
    best = int(np.round(utility_C, 12).argmax())
    for i, budget in enumerate(budgets):
        yield {
            "weight_vision": at.weight,
            "price_points": price,
            "cell": budget.cell,
            "text_share": at.results.cells[budget.cell].text_share,
            "share_of_lm_tokens": budget.share_of_lm_tokens,
            "share_of_supervised_tokens": budget.share_of_supervised_tokens,
            "lm_tokens": budget.lm_tokens,
            "utility": utility_C[i],
            "low": standing[i].low,
            "high": standing[i].high,
            "in_set": standing[i].in_set,
            "is_best": i == best,
            "crossfitted": at.worth(cost_C) if i == best else math.nan,
            "seeds": at.compared.seeds[i],
            "covers": at.compared.covers[i],
        }
