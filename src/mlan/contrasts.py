"""Weights of linear contrasts over text shares: what a rule compares, as sums of scores.

Model: a rule of a claim is one number, sum_k w_k y_k, of the scores y_k at shares x_k, or several
of them. Weights here are lists beside the shares. Not here: cells, scores, and what follows from
the number (`mlan.evidence.claims`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

Weighted = list[tuple[float, float]]
"""(weight, text share) of each score."""


def slope(shares: Sequence[float]) -> Weighted:
    """Return the least-squares slope per unit of text share: w_k = (x_k - m) / sum (x - m)^2.

    `shares` are two or more and distinct.
    """
    mean = sum(shares) / len(shares)
    square = sum((x - mean) ** 2 for x in shares)
    return [((x - mean) / square, x) for x in shares]


def pairs(shares: Sequence[float]) -> list[Weighted]:
    """Return all differences between two shares, the larger share first."""
    return [[(1.0, b), (-1.0, a)] for a, b in itertools.combinations(sorted(shares), 2)]


def nearest_to_edge(edge: float, interior: Sequence[float]) -> float:
    """Return the interior share next to an edge."""
    return min(interior, key=lambda x: abs(x - edge))


def drop(edge: float, interior: Sequence[float]) -> Weighted:
    """Return what is lost from the interior share next to the edge to the edge."""
    return [(1.0, nearest_to_edge(edge, interior)), (-1.0, edge)]


def cliff(edge: float, interior: Sequence[float]) -> Weighted:
    """Return the drop at the edge minus the drop that the interior's line predicts over it.

    y_near - y_edge - b (x_near - x_edge), where b is the interior's least-squares slope; 0 for
    every straight line. `interior` are two or more shares without the edge.
    """
    near = nearest_to_edge(edge, interior)
    weights = {x: -(near - edge) * w for w, x in slope(interior)}
    weights[near] += 1.0
    return [*((w, x) for x, w in sorted(weights.items())), (-1.0, edge)]
