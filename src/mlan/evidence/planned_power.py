"""What every claim of a study can detect as it is planned: the rows of power.csv.

Model: a claim is tested at the first level of Holm in its family, alpha / claims, as if no other
claim were supported before it; so its power is at least what is said. Of a rule that asks for a
bound the smallest true value is told, of one that asks for `no difference` the smallest margin. A
token ratio is exact and has no row. Where the claims file pools the seed variance, `df` is that of
the pooled one. `registered` is as in claims.csv. Not here: the statistic (`power`), variances
(`variance_parts`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlan.evidence.claims.families import Standing
from mlan.evidence.power import Parts, Test, detectable, planned_error, power, seeds_needed
from mlan.evidence.variance_parts import Planned, Source

Plain = Mapping[str, Any]
Row = dict[str, Any]

COLUMNS = [
    *("id", "family", "rule", "level", "standard_error", "df", "detects", "detectable"),
    *("expected", "power_at_expected", "seeds", "seeds_needed", "n", "clusters", "components"),
    *("pooled_over", "registered"),
]
# The role of the number that must exceed the margin, by rule.
_EXCEEDS = {
    "superiority": "difference",
    "non_inferiority": "difference",
    "interaction": "difference",
    "cliff": "cliff",
    "trend": "slope",
    "saturation": "gain",
}
_WITHIN = {"equivalence": "difference", "interaction": "difference"}
UNKNOWN = "not known"


def power_rows(
    claims: Sequence[Plain],
    sources: Sequence[Source],
    planned: Planned,
    standing: Standing | None = None,
) -> Iterator[Row]:
    """Yield a row of power.csv for every claim with a p value, in the order of the claims.

    `claims` are resolved (`mlan.grid.claims`); the first source that knows all of a claim tells
    its variances, `components` names it. Of a claim that is not runnable, or that no source
    knows, numbers are NaN and `components` says why. `pooled_over` counts the cells over which the
    seed variance is pooled, 0 where it is the claim's own. `seeds_needed` is NaN where no number
    up to 99 is enough or nothing is expected. Without `standing` all claims stood before scores.
    """
    standing = standing or Standing()
    tested = [claim for claim in claims if claim["rule"] != "token_ratio"]
    for claim in tested:
        said = {key: claim[key] for key in ("id", "family", "rule", "expected")}
        said |= {"registered": standing.registered(claim)}
        row = {**dict.fromkeys(COLUMNS, math.nan), **said, "detects": "", "components": UNKNOWN}
        if not claim["runnable"]:
            yield {**row, "components": claim["why"]}
            continue
        level = claim["alpha"] / standing.size(claim, tested)
        yield {**row, **_numbers(claim, sources, planned, level)}


def test_of(claim: Plain, parts: Sequence[Parts], level: float) -> Test:
    """Return what a claim asks of its numbers (`numbers_of`), whose parts are given."""
    weights_PC = _weights([one["terms"] for one in numbers_of(claim)])
    exceeds = within = None
    if _is_bounded(claim):
        margin = claim["gain_margin"] if claim["rule"] == "saturation" else claim["margin"]
        exceeds = -margin if claim["rule"] == "non_inferiority" else margin
    if claim["rule"] == "saturation" or exceeds is None:
        within = claim["margin"]
    return Test(tuple(parts), weights_PC, exceeds, within, level, _pooled(claim))


def _pooled(claim: Plain) -> int:
    """Over how many cells the claim's seed variance is pooled; 0 for its own."""
    return len(claim["pooled_over"]) if claim["seed_variance"] == "pooled" else 0


def numbers_of(claim: Plain) -> list[Plain]:
    """Return the contrasts that decide a claim: first the one that must exceed, then pairs."""
    roles = [_EXCEEDS[claim["rule"]]] if _is_bounded(claim) else []
    roles += {"plateau": ["pair"], "saturation": ["pair"]}.get(claim["rule"], [])
    roles = roles or [_WITHIN[claim["rule"]]]
    return [one for role in roles for one in claim["contrasts"] if one["role"] == role]


def _is_bounded(claim: Plain) -> bool:
    return claim["rule"] in _EXCEEDS and claim["direction"] != "equal"


def _numbers(claim: Plain, sources: Sequence[Source], planned: Planned, level: float) -> Row:
    numbers, seeds = numbers_of(claim), len(claim["seeds"])
    for source in sources:
        found = [source.parts(one["terms"], planned) for one in numbers]
        parts = [one for one in found if one is not None]
        if len(parts) == len(found):
            break
    else:
        return {"seeds": seeds}
    test = test_of(claim, parts, level)
    error, df = planned_error(parts[0], seeds, test.pooled)
    # A trend that falls is a slope below zero; power looks the other way.
    sign = -1 if claim["direction"] == "falls" else 1
    return {
        "level": level,
        "standard_error": error,
        "df": df,
        "seeds": seeds,
        "detects": "margin" if test.detects_margins else "value",
        "detectable": sign * detectable(test, seeds),
        **_at_expected(test, seeds, claim["expected"], sign),
        "n": sum(planned.items[score] for score in _scores(numbers)),
        "clusters": parts[0].clusters,
        "components": source.name,
        "pooled_over": test.pooled,
    }


def _at_expected(test: Test, seeds: int, expected: float | None, sign: int) -> Row:
    if expected is None:
        return {"power_at_expected": math.nan, "seeds_needed": math.nan}
    needed = seeds_needed(test, sign * expected)
    return {
        "power_at_expected": power(test, seeds, sign * expected),
        "seeds_needed": math.nan if needed is None else needed,
    }


def _scores(numbers: Sequence[Plain]) -> set[str]:
    return {term[2] for one in numbers for term in one["terms"]}


def _weights(contrasts: Sequence[Sequence[Sequence[Any]]]) -> Any:
    """Weights (P, C) of P contrasts over the C scores that they are made of."""
    scores = sorted({tuple(rest) for terms in contrasts for _, *rest in terms})
    weights_PC = np.zeros((len(contrasts), len(scores)))
    for row_C, terms in zip(weights_PC, contrasts, strict=True):
        for weight, *rest in terms:
            row_C[scores.index(tuple(rest))] += weight
    return weights_PC
