"""P values of several hypotheses, adjusted so that the chance of any false rejection is kept.

Not here: numbers whose correlation is known (`joint`).
Reference: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(p: Sequence[float], size: int | None = None) -> list[float]:
    """Return Holm's adjusted p values, in the order given.

    `size` is the number of hypotheses where it is more than there are p values (some were
    withdrawn, or say nothing). NaN stays NaN and counts as one that is never rejected.
    """
    total = len(p) if size is None else size
    found = [math.nan] * len(p)
    largest = 0.0
    known = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, (total - rank) * value))
        found[place] = largest
    return found
