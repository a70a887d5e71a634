"""The Pareto front of cost against score: what no other cell beats on both."""

from __future__ import annotations

from collections.abc import Sequence


def front(places: Sequence[tuple[float, float]]) -> list[int]:
    """Return which (cost, score) are not beaten, by rising cost.

    A place is beaten by one that costs no more and scores no less, and is better in one of the
    two; of equal places all stay.
    """
    kept = [
        i
        for i, (cost, score) in enumerate(places)
        if not any(c <= cost and s >= score and (c < cost or s > score) for c, s in places)
    ]
    return sorted(kept, key=lambda i: places[i])


def steps(places: Sequence[tuple[float, float]], end: float) -> tuple[list[float], list[float]]:
    """Return the corners of the front's staircase, which goes on to the cost `end`.

    Between two cells nothing cheaper than the dearer one reaches its score.
    """
    xs: list[float] = []
    ys: list[float] = []
    for i in front(places):
        cost, score = places[i]
        if ys:
            xs.append(cost)
            ys.append(ys[-1])
        xs.append(cost)
        ys.append(score)
    if xs:
        xs.append(max(end, xs[-1]))
        ys.append(ys[-1])
    return xs, ys
