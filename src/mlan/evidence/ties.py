"""Which cells of a curve are tied with the best one, for every benchmark and group.

Model: all pairs of cells are compared at once (`joint`), paired by seed and by cluster of items.
A cell is tied with the best if its distance from it is not significant at the level that holds for
all pairs together: whichever cell came out best, the family of pairs holds it, so that picking it
costs nothing more. Not here: the best cell for a user's weights and prices.

Reference: Tukey's all pairwise comparisons, by max-t as in Hothorn, Bretz and Westfall (2008).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from mlan.evidence.joint import joint
from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Sample, combine

COLUMNS = [
    *("benchmark", "modality", "scorer", "parser", "cell", "value", "best_cell", "below_best"),
    *("p", "tied", "seeds"),
]
MEASURES = (Key("generate", "strict"), Key("label_logit", "argmax"))


def tie_rows(
    results: Results, cells: Sequence[str], confidence: float = 0.95
) -> Iterator[dict[str, Any]]:
    """Yield a row (`COLUMNS`) for every benchmark and group, measure and cell of the curve.

    `below_best` is the distance to the best cell, `p` its adjusted two-sided p value (1 for the
    best itself). Cells without scores are left out; where fewer than two have any there is no row.
    Raises DataError as `joint` does.
    """
    modalities = {name[0]: block.labels["modality"] for name, block in results.blocks.items()}
    modalities |= {name: group.modality for name, group in results.groups.items()}
    for score, modality in modalities.items():
        for key in MEASURES:
            found = {
                cell: results.sample(cell, score, key)
                for cell in cells
                if results.has(cell, score, key)
            }
            labels = {"benchmark": score, "modality": modality}
            measure = {"scorer": key.scorer, "parser": key.parser}
            for row in ties(found, confidence) if len(found) > 1 else ():
                yield {**labels, **measure, **row}


def ties(samples: Mapping[str, Sample], confidence: float = 0.95) -> Iterator[dict[str, Any]]:
    """Yield the cells with their distance to the best and whether it is significant.

    Where the data cannot say (one cluster, no variation, no common seed) p is NaN and cells are
    tied if they are equal.
    """
    best = max(samples, key=lambda cell: samples[cell].value)
    pairs = [pair for pair in combinations(samples, 2) if _comparable(*(samples[c] for c in pair))]
    family = joint([combine([(1, samples[a]), (-1, samples[b])]) for a, b in pairs], confidence)
    p_values = {
        frozenset(pair): family.adjusted(found.p_different())
        for pair, found in zip(pairs, family.intervals, strict=True)
    }
    for cell, sample in samples.items():
        # Rounded, so that equal means that were added up in another order are equal.
        below = round(samples[best].value - sample.value, 12)
        p = 1.0 if cell == best else p_values.get(frozenset((cell, best)), math.nan)
        yield {
            "cell": cell,
            "value": sample.value,
            "best_cell": best,
            "below_best": below,
            "p": p,
            "tied": below == 0 if math.isnan(p) else p > 1 - confidence,
            "seeds": len(sample.seeds),
        }


def _comparable(one: Sample, other: Sample) -> bool:
    return one.fixed or other.fixed or bool(set(one.seeds) & set(other.seeds))
