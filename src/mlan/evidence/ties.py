"""Which cells of a curve are tied with the best one, for every benchmark and group.

Model: all pairs of cells are compared at once (`cell_pairs`).
A cell is tied with the best if its distance from it is not significant at the level that holds for
all pairs together: whichever cell came out best, the family of pairs holds it, so that picking it
costs nothing more. Not here: the best cell for a user's weights and prices.

Reference: Tukey's all pairwise comparisons, by max-t as in Hothorn, Bretz and Westfall (2008).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from mlan.evidence.cell_pairs import CellPairs
from mlan.evidence.results import Key

COLUMNS = [
    *("benchmark", "modality", "scorer", "parser", "cell", "value", "best_cell", "below_best"),
    *("p", "tied", "seeds"),
]
MEASURES = (Key("generate", "strict"), Key("label_logit", "argmax"))


def ties(pairs: CellPairs, confidence: float = 0.95) -> Iterator[dict[str, Any]]:
    """Yield what ties.csv (`COLUMNS`) says of every cell.

    `below_best` is the distance to the best cell, `p` its adjusted two-sided p value (1 for the
    best itself). Where the data cannot say (one cluster, no variation, no common seed) p is NaN
    and cells are tied if they are equal.
    """
    samples = pairs.samples
    best = max(samples, key=lambda cell: samples[cell].value)
    for cell, sample in samples.items():
        # Rounded, so that equal means that were added up in another order are equal.
        below = round(samples[best].value - sample.value, 12)
        p = 1.0 if cell == best else pairs.p_of(cell, best)
        yield {
            "cell": cell,
            "value": sample.value,
            "best_cell": best,
            "below_best": below,
            "p": p,
            "tied": below == 0 if math.isnan(p) else p > 1 - confidence,
            "seeds": len(sample.seeds),
        }
