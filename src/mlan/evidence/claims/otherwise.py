"""A claim's value measured or averaged otherwise: sensitivities beside its number.

Model: the same contrasts of the same cells, with leniently read answers or likelihoods of options
in place of what the claim names, or with its averages under other weights (`averages`). Above
chance a value has another unit, a part of the room above guessing, and is not held against the
margin. None of them decides. Not here: p values; the averages of the cells (`sensitivity`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlan.errors import DataError
from mlan.evidence.averages import OTHERS, Averages, Weighting
from mlan.evidence.claims.rules import value
from mlan.evidence.claims.terms import Contrast, sample_of
from mlan.evidence.samples import Sample, combine

MEASURES = {"value_lenient": ("generate", "lenient"), "value_option": ("label_logit", "argmax")}
WEIGHTINGS = {f"value_{weighting}": weighting for weighting in OTHERS}
COLUMNS = (*MEASURES, *WEIGHTINGS)


def otherwise(
    claim: Mapping[str, Any], contrasts: Sequence[Contrast], averages: Averages
) -> dict[str, float]:
    """Return a value for every one of `COLUMNS`.

    NaN where something was not measured so or a weighting is undefined; for all where the claim
    compares different measures, which would become one; for weightings where it names anything but
    averages or compares different conditions, whose weights would differ.
    """
    terms = [term for contrast in contrasts for term in contrast.terms]
    found = dict.fromkeys(COLUMNS, math.nan)
    if len({measure for contrast in contrasts for measure in contrast.measures}) == 1:
        for name, measure in MEASURES.items():
            changed = [contrast.measured(*measure) for contrast in contrasts]
            found[name] = _value(claim, changed, lambda c: sample_of(averages.results, c))
    averaged = {term.score for term in terms} <= set(averages.results.groups)
    if averaged and len({term.key for term in terms}) == 1:
        for name, weighting in WEIGHTINGS.items():
            found[name] = _value(claim, contrasts, _weighed(averages, weighting))
    return found


def _weighed(averages: Averages, weighting: Weighting) -> Callable[[Contrast], Sample]:
    def sample(contrast: Contrast) -> Sample:
        terms = contrast.terms
        return combine(
            [(t.weight, averages.sample(t.cell, t.score, t.key, weighting)) for t in terms]
        )

    return sample


def _value(
    claim: Mapping[str, Any],
    contrasts: Sequence[Contrast],
    sample: Callable[[Contrast], Sample],
) -> float:
    found: dict[str, list[Sample]] = {}
    try:
        for contrast in contrasts:
            found.setdefault(contrast.role, []).append(sample(contrast))
    except DataError:
        return math.nan
    return value(claim, found)
