"""P values of several claims, of equivalence, and the interval of a plain proportion.

Each is a formula on numbers that exist already; none looks at outcomes. Not here: several
correlated numbers of one kind (`joint`), and what makes a family of claims.

References: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979); Schuirmann, A
Comparison of the Two One-Sided Tests Procedure (1987); Wilson, Probable Inference (1927).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from mlan.errors import DataError
from mlan.evidence.intervals import Interval


def holm(p: Sequence[float], size: int | None = None) -> list[float]:
    """Return p values adjusted by Holm's step-down procedure, in their order.

    `size` is the size of the family where more claims belong to it than are in `p`: each of the
    others counts as one that is not rejected. A p value of NaN, which the data did not give, counts
    so too and stays NaN. Raises DataError for a p value outside [0, 1] and a size below that of p.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if wrong := [one for one in p if not (math.isnan(one) or 0 <= one <= 1)]:
        raise DataError(f"p value {wrong[0]}: must lie between 0 and 1")
    total = len(p) if size is None else size
    if total < len(p):
        raise DataError(f"a family of {total} claims cannot hold {len(p)}")
    adjusted, least = [math.nan] * len(p), 0.0
    known = [place for place, one in enumerate(p) if not math.isnan(one)]
    for rank, place in enumerate(sorted(known, key=lambda place: p[place])):
        least = max(least, min(1.0, (total - rank) * p[place]))
        adjusted[place] = least
    return adjusted


def tost(found: Interval, margin: float) -> float:
    """Return the p value of two one-sided tests that |number| < margin; NaN as `p_above`.

    It is at most alpha exactly if the interval at confidence 1 - 2 alpha lies within the margin.
    Raises DataError for a margin that is not positive.
    """
    if not margin > 0:
        raise DataError(f"margin {margin} of an equivalence: must be above 0")
    return float(np.maximum(found.p_above(-margin), found.p_below(margin)))


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a proportion of `n` independent trials.

    For rates near 0 and 1 (invalid answers), where a symmetric interval leaves [0, 1]; it knows
    of no clusters and no seeds. Raises DataError for no trial, for successes outside [0, n] and
    for a confidence outside (0, 1).
    """
    if not (n > 0 and 0 <= successes <= n):
        raise DataError(f"{successes} successes of {n} trials make no proportion")
    if not 0 < confidence < 1:
        raise DataError(f"confidence = {confidence}: must lie between 0 and 1")
    rate, z = successes / n, float(ndtri((1 + confidence) / 2))
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
