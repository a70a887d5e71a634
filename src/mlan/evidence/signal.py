"""Signal and noise of every benchmark: can it tell the cells of a curve apart at all?

Model: the signal is the spread of the cells' means (largest less smallest), the noise is what a
cell's score varies by from seed to seed, pooled over cells; `ratio` is one over the other, and p
asks whether all cells are equal: the smallest p value of all pairs of cells, adjusted for their
number (`cell_pairs`). With few seeds the spread of equal cells is not small (nine cells of three
seeds spread by 1.7 of the noise), which p allows for and the ratio does not: a benchmark decides if
both say so.
Not here: which cells make a curve; what follows from a benchmark that does not decide.

Reference: Heineman et al., Signal and Noise (2025), arXiv 2508.13144: relative dispersion over
relative standard deviation, which is the ratio here, as both are relative to one mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlan.evidence.cell_pairs import CellPairs
from mlan.evidence.intervals import NO_VARIATION, ONE_CLUSTER
from mlan.evidence.samples import Sample

COLUMNS = [
    *("benchmark", "modality", "scorer", "parser", "cells", "seeds", "spread"),
    *("best_cell", "worst_cell", "seed_sd", "ratio", "p", "decides", "why"),
]
# sqrt(2) z(.95): from here on, one run of the best cell beats one run of the worst in at least
# 95 of 100 cases, so that a study of one seed would have ordered the two.
RATIO = 2.33
ONE_SEED = "one seed: what varies between seeds is not known"


def signal(pairs: CellPairs, confidence: float = 0.95) -> dict[str, Any]:
    """Return what signal.csv (`COLUMNS`) says of one score on two or more cells.

    `spread` and `seed_sd` are in the unit of the score, `seeds` is that of the cell with the
    fewest. `ratio` is NaN with one seed, infinite where seeds agree and cells do not.
    """
    samples = pairs.samples
    means = {cell: sample.value for cell, sample in samples.items()}
    best, worst = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    spread = round(means[best] - means[worst], 12)
    seed_sd = pooled_seed_sd(list(samples.values()))
    ratio, p = _ratio(spread, seed_sd), pairs.smallest_p
    return {
        "cells": len(samples),
        "seeds": min(len(sample.seeds) for sample in samples.values()),
        "spread": spread,
        "best_cell": best,
        "worst_cell": worst,
        "seed_sd": seed_sd,
        "ratio": ratio,
        "p": p,
        "decides": bool(p <= 1 - confidence and ratio >= RATIO),
        "why": _silent(pairs) if math.isnan(p) else _why(p, ratio, confidence),
    }


def pooled_seed_sd(samples: Sequence[Sample]) -> float:
    """Standard deviation of a score over the seeds of a cell, squares pooled over cells.

    sqrt(sum_c sum_s (v_cs - v_c)^2 / sum_c (S_c - 1)); NaN if no cell has two seeds.
    """
    squares = sum(float(((s.values - s.value) ** 2).sum()) for s in samples)
    df = sum(len(s.seeds) - 1 for s in samples)
    # Rounded as a spread is: seeds that agree differ by rounding at most.
    return round(math.sqrt(squares / df), 12) if df else math.nan


def _ratio(spread: float, seed_sd: float) -> float:
    if seed_sd == 0:
        return math.inf if spread > 0 else math.nan
    return spread / seed_sd


def _silent(pairs: CellPairs) -> str:
    """Why no pair of cells has a p value."""
    if not pairs.p:
        return "no two cells have a seed in common"
    words = {ONE_CLUSTER: "one cluster of items", NO_VARIATION: "no variation between cells"}
    return words.get(pairs.covers, pairs.covers)


def _why(p: float, ratio: float, confidence: float) -> str:
    """Why a benchmark does not decide; empty if it does."""
    if math.isnan(ratio):
        return ONE_SEED
    reasons = []
    if p > 1 - confidence:
        reasons.append("cells cannot be told apart")
    if ratio < RATIO:
        reasons.append(f"spread below {RATIO:g} times the noise of a seed")
    return "; ".join(reasons)
