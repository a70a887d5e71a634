"""Verdicts: p values of claims, adjusted within their families, and one row a claim.

Model: a claim is supported when its p value, adjusted by Holm within its family, is at most
alpha; contradicted when that of its opposite is; else undecided. Claims that stood before the
first score are adjusted among themselves, with those of them that were withdrawn since as further
hypotheses; post hoc ones among all. A claim that the study plans to test is a hypothesis whatever
comes of it, one that it never planned is none (`families`). The chance that a
family calls anything supported that is not so is at most alpha; that it calls anything
contradicted that is so, likewise. The interval of a claim has the level of its own step of Holm,
of the first step where its adjusted p value is 1, or of its opposite's where that one decides: it
excludes the margin on the claim's side exactly when the verdict is supported, on the other exactly
when it is contradicted. That of a saturation is of the gain alone, which may be shown where the
plateau is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlan.errors import DataError
from mlan.evidence.averages import Averages
from mlan.evidence.claims.families import BEFORE, Standing
from mlan.evidence.claims.otherwise import COLUMNS as OTHERWISE
from mlan.evidence.claims.otherwise import otherwise
from mlan.evidence.claims.rules import Outcome, Ratio, Samples, outcome
from mlan.evidence.claims.seeds import Seeds, seeds_of
from mlan.evidence.claims.terms import Contrast, contrast_of, sample_of
from mlan.evidence.curves import curve
from mlan.evidence.multiple import holm
from mlan.evidence.published import published_value
from mlan.evidence.results import Results
from mlan.evidence.samples import Sample

Plain = Mapping[str, Any]
Row = dict[str, Any]
# LM tokens by cell and seed.
Tokens = Mapping[tuple[str, int], float]

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
NOT_RUN, WITHDRAWN = "not run", "withdrawn"
EXACT = "tokens, exact"
_SAID = ("id", "sentence", "source", "family", "experiment", "rule", "score", "scorer", "parser")
COLUMNS = [
    *(*_SAID, "condition", "estimand", "value", "low", "high", "level", "standard_error", "df"),
    *("seeds", "clusters", "n", "covers", "margin", "reason", "expected", "p", "p_adjusted"),
    *("p_opposite_adjusted", "verdict", "why", "registered", "shown", *OTHERWISE, "published"),
    *("edge", "range_low", "range_high", "direction", "seed_variance", "p_own", "p_pooled"),
]


@dataclass(frozen=True)
class Finding:
    """A claim with what came of it, or the verdict that stands for nothing.

    `why` says why nothing came of it, or that seeds are missing. `p_own` and `p_pooled` are its
    unadjusted p values with the one seed variance and with the other, NaN where there is none.
    """

    claim: Plain
    found: Outcome | Ratio | None
    why: str = ""
    contrasts: tuple[Contrast, ...] = ()
    verdict: str = NOT_RUN
    seed_variance: str = ""
    p_own: float = math.nan
    p_pooled: float = math.nan

    @property
    def hypothesis(self) -> Outcome | None:
        """What Holm adjusts: a rule with a p value, also where the data could not say it."""
        return self.found if isinstance(self.found, Outcome) else None


@dataclass(frozen=True)
class Adjusted:
    """A claim's adjusted p values, and the level of its interval."""

    p: float
    p_opposite: float
    level: float


def verdict_rows(
    claims: Sequence[Plain],
    results: Results,
    tokens: Tokens,
    *,
    standing: Standing | None = None,
    partial: bool = False,
) -> Iterator[Row]:
    """Yield a row of claims.csv for every claim, then for every one that was withdrawn.

    `claims` are resolved (`mlan.grid.claims`); without `standing` all stood before scores. A claim
    whose cells lack a planned seed is not run, or with `partial` tested on the seeds that exist,
    and its row says so.
    """
    standing = standing or Standing()
    tested = [_tested(claim, results, tokens, partial) for claim in claims]
    averages = Averages(results, [cell.name for cell in curve(results.cells.values())])
    adjusted = adjust(tested, standing)
    for one in tested:
        claim, numbers = one.claim, _numbers(one, adjusted.get(one.claim["id"]))
        yield {
            **{key: claim[key] for key in (*_SAID, "condition", "estimand", "reason", "expected")},
            "margin": _margin(claim),
            **numbers,
            "why": "; ".join(filter(None, [numbers["why"], standing.look(claim)])),
            "registered": standing.registered(claim),
            **otherwise(claim, one.contrasts, averages),
            "published": published_value(claim),
            **_place(claim),
        }
    for name, family in standing.withdrawn:
        yield {"id": name, "family": family, "verdict": WITHDRAWN, "registered": BEFORE}


def adjust(tested: Sequence[Finding], standing: Standing) -> dict[str, Adjusted]:
    """Return the adjusted p values of all claims that are hypotheses, by id."""
    own = [one for one in tested if standing.counts(one.claim)]
    found: dict[str, Adjusted] = {}
    for family in sorted({one.claim["family"] for one in own}):
        together = [one for one in own if one.claim["family"] == family]
        before = [one for one in together if one.claim["id"] not in standing.post_hoc]
        for among in (together, before):
            found |= _adjusted(among, len(among) + standing.gone(family))
    return found


def _adjusted(tested: Sequence[Finding], size: int) -> dict[str, Adjusted]:
    outcomes = [one.hypothesis for one in tested]
    p = [o.p if o else math.nan for o in outcomes]
    adjusted = holm(p, size)
    opposite = holm([o.p_opposite if o else math.nan for o in outcomes], size)
    return {
        one.claim["id"]: Adjusted(
            adjusted[i],
            opposite[i],
            1 - 2 * _interval_alpha(one, adjusted[i], opposite[i], size),
        )
        for i, one in enumerate(tested)
    }


def _interval_alpha(one: Finding, adjusted: float, opposite: float, size: int) -> float:
    """How often either bound of a claim's interval may err (see the module's docstring)."""
    found, alpha = one.hypothesis, float(one.claim["alpha"])
    if found is None:
        return alpha / size
    claims = _own_alpha(alpha, found.p, adjusted, size)
    opposites = _own_alpha(alpha, found.p_opposite, opposite, size) / (1 + found.twofold)
    # At the claim's own level an opposite that is not shown may seem to be.
    seems = opposite <= alpha or found.p_opposite <= claims * (1 + found.twofold)
    return opposites if seems and not adjusted <= alpha else claims


def _own_alpha(alpha: float, p: float, adjusted: float, size: int) -> float:
    """The level at which a claim is tested, so that p <= it exactly when adjusted <= alpha."""
    if p > 0 and adjusted < 1:
        return alpha * p / adjusted
    return alpha / size


def _tested(claim: Plain, results: Results, tokens: Tokens, partial: bool) -> Finding:
    if not claim["runnable"]:
        return Finding(claim, None, claim["why"])
    if claim["tokens"]:
        ratio = _ratio(claim["tokens"], tokens)
        return _complete(Finding(claim, ratio), sorted(ratio.by_seed), results, partial)
    contrasts = tuple(contrast_of(plain) for plain in claim["contrasts"])
    try:
        samples = [(one.role, sample_of(results, one)) for one in contrasts]
    except DataError as error:
        return Finding(claim, None, str(error))
    seeds = _seeds([sample for _, sample in samples], claim["seeds"])
    try:
        seed_variance, lone = seeds_of(claim, results, contrasts), _lone(results, contrasts)
        found = _found(claim, _by_role(samples), contrasts, seed_variance, lone)
    except DataError as error:  # a score that is not a finite number
        return Finding(claim, None, str(error), contrasts, UNDECIDED)
    return _complete(found, seeds, results, partial)


def _found(
    claim: Plain, samples: Samples, contrasts: tuple[Contrast, ...], seeds: Seeds, lone: str
) -> Finding:
    """What comes of a claim with the seed variance that is chosen, and its p with either.

    `lone` names the benchmarks for which nothing can come of it.
    """
    own = outcome(claim, samples)
    pooled = outcome(claim, samples, seeds.variances) if seeds.variances else None
    chosen = pooled if pooled and seeds.used else own
    return Finding(
        claim,
        replace(chosen, why=f"{lone}: {chosen.why}") if lone else chosen,
        contrasts=contrasts,
        seed_variance=seeds.said,
        p_own=own.p,
        p_pooled=pooled.p if pooled else math.nan,
    )


def _lone(results: Results, contrasts: Sequence[Contrast]) -> str:
    """The benchmarks behind contrasts whose items are one cluster."""
    asked = {(term.score, term.key) for contrast in contrasts for term in contrast.terms}
    names = {
        name
        for score, key in asked
        for name in results.members(score)
        if results.block(name, key).names.size < 2
    }
    return ", ".join(sorted(names))


def _by_role(samples: Sequence[tuple[str, Sample]]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for role, sample in samples:
        found.setdefault(role, []).append(sample)
    return found


def _seeds(samples: Sequence[Sample], planned: Sequence[int]) -> list[int]:
    """Seeds that all samples have; one that no seed changes has all of them."""
    found = set(planned)
    for sample in samples:
        if not sample.fixed:
            found &= set(sample.seeds)
    return sorted(found)


def _complete(tested: Finding, seeds: Sequence[int], results: Results, partial: bool) -> Finding:
    """The claim as it is, marked or set aside where planned seeds are missing."""
    missing = [seed for seed in tested.claim["seeds"] if seed not in seeds]
    if not missing:
        return tested
    said = f"no scores of seed {', '.join(map(str, missing))}"
    if holes := _holes(tested.contrasts, missing, results):
        said += f": {', '.join(holes)}"
    if partial and seeds:
        return replace(tested, why=f"partial: {said}")
    return Finding(tested.claim, None, said)


def _holes(contrasts: Sequence[Contrast], seeds: Sequence[int], results: Results) -> list[str]:
    """Which runs have some benchmarks of a score and lack others, in words."""
    found: dict[str, None] = {}
    for term in (term for one in contrasts for term in one.terms):
        blocks = {n: results.block(n, term.key) for n in results.members(term.score)}
        for row, (cell, seed) in enumerate(results.runs):
            lacking = [name for name, block in blocks.items() if not block.present[row]]
            if cell == term.cell and seed in seeds and 0 < len(lacking) < len(blocks):
                found[f"seed {seed} of {cell} lacks {', '.join(lacking)}"] = None
    return list(found)


def _ratio(cells: Sequence[str], tokens: Tokens) -> Ratio:
    plus, minus = cells
    seeds = [s for cell, s in tokens if cell == plus and (minus, s) in tokens]
    return Ratio({seed: tokens[plus, seed] / tokens[minus, seed] for seed in sorted(seeds)})


def _place(claim: Plain) -> Row:
    """Where a claim looks: edge and range of shares, and the direction that it states."""
    asked = claim["asked"]
    span = asked.get("range") or {}
    return {
        "edge": asked.get("edge"),
        "range_low": span.get("low"),
        "range_high": span.get("high"),
        "direction": claim["direction"],
    }


def _margin(claim: Plain) -> float | None:
    """The number that the claim's value is held against."""
    keys = {"token_ratio": "at_most", "saturation": "gain_margin"}
    found: float | None = claim[keys.get(claim["rule"], "margin")]
    return found


def _numbers(one: Finding, adjusted: Adjusted | None) -> Row:
    if one.found is None:
        return {"verdict": one.verdict, "why": one.why}
    if isinstance(one.found, Ratio):
        ratios = list(one.found.by_seed.values())
        return {
            "value": one.found.value,
            "low": min(ratios),
            "high": max(ratios),
            "seeds": len(ratios),
            "covers": EXACT,
            "why": one.why,
            "verdict": one.found.verdict(one.claim["at_most"]),
        }
    assert adjusted is not None, "every outcome is a hypothesis of its family"
    found, decides = one.found, one.found.decides
    low, high = found.bounds(adjusted.level)
    verdict, why = _verdict(found, adjusted, one.claim["alpha"])
    return {
        "value": found.value,
        "low": low,
        "high": high,
        "level": adjusted.level,
        "standard_error": decides.standard_error,
        "df": decides.df,
        "seeds": decides.seeds,
        "clusters": decides.clusters,
        "n": decides.n,
        "covers": decides.covers,
        "p": found.p,
        "p_adjusted": adjusted.p,
        "p_opposite_adjusted": adjusted.p_opposite,
        "verdict": verdict,
        "why": "; ".join(filter(None, [one.why, why])),
        "shown": found.shown,
        "seed_variance": one.seed_variance,
        "p_own": one.p_own,
        "p_pooled": one.p_pooled,
    }


def _verdict(found: Outcome, adjusted: Adjusted, alpha: float) -> tuple[str, str]:
    """The verdict, and why it is undecided."""
    if found.why:
        return UNDECIDED, found.why
    if adjusted.p <= alpha:
        return SUPPORTED, ""
    if adjusted.p_opposite <= alpha:
        return CONTRADICTED, ""
    if found.p <= alpha:
        return UNDECIDED, "shown by itself, but not beside the other claims of its family"
    return UNDECIDED, "neither the claim nor its opposite is shown"
