"""What each claim of a study compares, as plain data: cells, scores and weights by name.

Model: selectors and ranges become terms (weight, cell, score, scorer, parser, condition); a
contrast is a sum of terms, and its role says what the claim's rule does with it:

    difference      superiority, non_inferiority, equivalence, interaction
    pair            plateau, saturation: every difference within the range
    gain            saturation
    slope           trend
    cliff           cliff
    drop, level     shown beside a cliff: the drop, and the score of each interior cell
    first, second   shown beside an interaction

A claim whose cells are not planned is not `runnable`, and `why` says so in words. Not here: what
is wrong with a claim (`mlan.config.fit_claims`), verdicts (`mlan.evidence.claims`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlan.config.claim_design import Design, design
from mlan.config.claims import (
    Claim,
    Claims,
    Cliff,
    Contrast,
    Interaction,
    Measure,
    Plateau,
    Range,
    Saturation,
    Scored,
    Side,
    TokenRatio,
    Trend,
)
from mlan.config.fit_claims import contrasts, selectors
from mlan.contrasts import Weighted, cliff, drop, pairs, slope
from mlan.grid.cells import Cells
from mlan.grid.command import to_run

Plain = dict[str, Any]
# What of a claim stands beside its contrasts; the rest is used up in them.
_SAID = ("id", "sentence", "source", "family", "experiment", "rule", "reason", "expected")
_DECIDES = ("margin", "gain_margin", "at_most", "direction")
# What decides or states a claim; its reason, source and expectation do not.
_UNREGISTERED = {"reason", "source", "expected"}


def resolved_claims(grid: Cells) -> list[Plain]:
    """Return the claims of a study in the order of its file, as plain JSON.

    Keys: those of the claim that say or decide something (absent ones are null), `alpha`,
    `scorer`, `parser`, `condition`, `estimand` (words), `asked` (all that decides the claim, as
    it is registered), `contrasts` (name, role, terms), `tokens` (two cells, or null), `cells`,
    `seed_variance` (own or pooled), `pooled_over` (the planned cells over which it could be),
    `scores` (benchmarks and groups), `seeds` (planned), `all_seeds` (those of the study file, of
    which a start may select some), `runnable`, `why`.
    """
    claims = grid.study.claims
    if not claims.claims:
        return []
    places = design(grid.config)
    return [_Resolved(grid, claims, claim, places).plain() for claim in claims.claims]


class _Resolved:
    """One claim against the grid."""

    def __init__(self, grid: Cells, claims: Claims, claim: Claim, places: Design) -> None:
        self.grid = grid
        self.claims = claims
        self.claim = claim
        self.places = places
        self.measure = claims.measure(claim)

    def plain(self) -> Plain:
        claim, named = self.claim, self._lacking() is None
        found = list(self._contrasts()) if named else []
        tokens = self._pair(claim.contrast) if named and isinstance(claim, TokenRatio) else None
        cells = sorted({term[1] for one in found for term in one["terms"]} | set(tokens or ()))
        why = self._lacking() or self._unplanned(cells) or self._unasked()
        return {
            **{key: getattr(claim, key) for key in _SAID},
            **{key: getattr(claim, key, None) for key in _DECIDES},
            "score": claim.score if isinstance(claim, Scored) else None,
            "alpha": self.claims.alpha,
            **self.measure.model_dump(),
            "estimand": estimand(claim),
            "asked": self._asked(),
            "seed_variance": self.claims.seed_variance,
            "pooled_over": self._curve(found),
            "contrasts": found,
            "tokens": tokens,
            "cells": cells,
            "scores": sorted({score for score, _ in self._measures()}),
            "seeds": self._seeds(cells),
            "all_seeds": sorted(self._limited(set(self.grid.study.seeds))),
            "runnable": not why,
            "why": why,
        }

    def _asked(self) -> Plain:
        own = self.claim.model_dump(mode="json", exclude=_UNREGISTERED, exclude_none=True)
        head = {"alpha": self.claims.alpha, "measure": self.measure.model_dump()}
        # Left out where it is the default, so that claims which were registered before there was
        # a choice stand as they stood.
        chosen = self.claims.seed_variance
        return {**own, **head, **({} if chosen == "own" else {"seed_variance": chosen})}

    def _contrasts(self) -> Iterator[Plain]:
        claim = self.claim
        if isinstance(claim, Interaction):
            yield from self._interaction(claim)
        elif isinstance(claim, Cliff):
            yield self._of_shares("cliff", cliff(claim.edge, self._shares(claim.range)))
            yield self._of_shares("drop", drop(claim.edge, self._shares(claim.range)))
            for share in self._shares(claim.range):
                yield self._of_shares("level", [(1.0, share)])
        elif isinstance(claim, Trend):
            yield self._of_shares("slope", slope(self._shares(claim.range)))
        elif isinstance(claim, Scored):
            for _, contrast in contrasts(claim):
                role = "gain" if isinstance(claim, Saturation) else "difference"
                yield _contrast(role, self._difference(contrast, claim.score, self.measure))
            if isinstance(claim, Plateau | Saturation):
                for weighted in pairs(self._shares(claim.range)):
                    yield self._of_shares("pair", weighted)

    def _interaction(self, claim: Interaction) -> Iterator[Plain]:
        first, second = self._side(claim.first), self._side(claim.second)
        yield _contrast("difference", _summed([*first, *([-t[0], *t[1:]] for t in second)]))
        yield _contrast("first", first)
        yield _contrast("second", second)

    def _side(self, side: Side) -> list[list[Any]]:
        assert isinstance(self.claim, Scored)
        score, measure = side.score or self.claim.score, side.measure or self.measure
        return self._difference(side.contrast, score, measure)

    def _difference(self, contrast: Contrast, score: str, measure: Measure) -> list[list[Any]]:
        plus, minus = self._pair(contrast)
        return [_term(1.0, plus, score, measure), _term(-1.0, minus, score, measure)]

    def _pair(self, contrast: Contrast) -> list[str]:
        both = (contrast.plus, contrast.minus)
        return [str(self.places.selected(one, self.claim.experiment)) for one in both]

    def _shares(self, span: Range) -> list[float]:
        return span.inside(self.places.shares[self.claim.experiment].values())

    def _of_shares(self, role: str, weighted: Weighted) -> Plain:
        assert isinstance(self.claim, Scored)
        terms = []
        for weight, share in weighted:
            (cell,) = self.places.at(self.claim.experiment, share)
            terms.append(_term(weight, cell, self.claim.score, self.measure))
        return _contrast(role, terms)

    def _curve(self, contrasts: list[Plain]) -> list[str]:
        """Cells of the claim's experiment by rising share, if they are a curve and all of it.

        None where the claim compares other cells, scores or measures, where two cells have one
        share, and where fewer than three are planned.
        """
        terms = [term for one in contrasts for term in one["terms"]]
        shares = self.places.shares.get(self.claim.experiment, {})
        curve = sorted((c for c in shares if c in self.grid.cells), key=shares.__getitem__)
        alike = len({tuple(measured) for _, _, *measured in terms}) == 1
        distinct = len({round(shares[cell], 8) for cell in curve}) == len(curve)
        inside = {term[1] for term in terms} <= set(curve)
        return curve if alike and distinct and inside and len(curve) >= 3 else []

    def _lacking(self) -> str | None:
        """Why the claim cannot even be resolved: an experiment that the study does not have."""
        named = [self.claim.experiment, *(s.experiment for _, s in selectors(self.claim))]
        lacking = [name for name in named if name and name not in self.places.shares]
        return f"the study has no experiment {lacking[0]}" if lacking else None

    def _unplanned(self, cells: list[str]) -> str:
        """Why a cell that the claim needs is not planned: an experiment that is off."""
        lacking = [cell for cell in cells if cell not in self.grid.cells]
        if not lacking:
            return ""
        others = {s.experiment for _, s in selectors(self.claim) if s.experiment}
        command = to_run(self.grid.study, {self.claim.experiment, *others})
        return f"not asked for; to run it: {command}"

    def _unasked(self) -> str:
        """Why nothing is measured as the claim says: a condition or scorer that is not asked."""
        for score, measure in self._measures():
            evaluate = self.grid.config.evaluate
            asked = {(c.name, part) for c in evaluate.conditions for part in c.parts}
            if (measure.condition, "test") not in asked:
                return f"condition {measure.condition} is not asked of the test part"
            for name in self.places.scores[score]:
                benchmark = self.grid.config.data.benchmarks[name]
                if measure.scorer not in (benchmark.scorers or evaluate.scorers):
                    return f"scorer {measure.scorer} is not asked of {name}"
        return ""

    def _measures(self) -> Iterator[tuple[str, Measure]]:
        claim = self.claim
        if isinstance(claim, Interaction):
            for side in (claim.first, claim.second):
                yield side.score or claim.score, side.measure or self.measure
        elif isinstance(claim, Scored):
            yield claim.score, self.measure

    def _seeds(self, cells: list[str]) -> list[int]:
        """Seeds on which all that the claim compares is planned; untuned cells may have one."""
        planned = [self.grid.cells[cell] for cell in cells if cell in self.grid.cells]
        found = set(self.grid.config.seeds)
        for cell in planned:
            if cell.kind == "tuned" or len(cell.seeds) > 1:
                found &= set(cell.seeds)
        return sorted(self._limited(found))

    def _limited(self, seeds: set[int]) -> set[int]:
        """Those seeds on which all that the claim is measured with is asked."""
        limits = self.grid.config.evaluate.limits()
        for _, measure in self._measures():
            seeds = seeds & set(limits.get((measure.condition, "test"), seeds))
        return seeds


def _term(weight: float, cell: str, score: str, measure: Measure) -> list[Any]:
    return [weight, cell, score, measure.scorer, measure.parser, measure.condition]


def _contrast(role: str, terms: list[list[Any]]) -> Plain:
    return {"name": _words(terms), "role": role, "terms": terms}


def _words(terms: list[list[Any]]) -> str:
    """A contrast as a reader would write it, such as `text75 - text25`.

    What terms are measured with is told where they differ in it.
    """
    mixed = len({tuple(measured) for _, _, *measured in terms}) > 1
    parts = []
    for weight, cell, score, scorer, parser, _ in terms:
        size = "" if abs(weight) == 1 else f"{abs(weight):.4g} "
        told = f" ({score}, {scorer}/{parser})" if mixed else ""
        parts.append(f"{'-' if weight < 0 else '+'} {size}{cell}{told}")
    return " ".join(parts).removeprefix("+ ")


def _summed(terms: list[list[Any]]) -> list[list[Any]]:
    """Terms with the weights of equal ones added; those that cancel are left out."""
    found: dict[tuple[Any, ...], float] = {}
    for weight, *rest in terms:
        found[tuple(rest)] = found.get(tuple(rest), 0.0) + weight
    return [[weight, *rest] for rest, weight in found.items() if weight != 0]


def estimand(claim: Claim) -> str:
    """Return what a claim's value is, in words."""
    return _ESTIMANDS[claim.__dict__["rule"]](claim)


def _span(claim: Any) -> str:
    return f"{100 * claim.range.low:g} to {100 * claim.range.high:g} % text"


def _difference_words(claim: Any) -> str:
    return f"difference of {claim.score}, {_sides(claim.contrast)}"


def _sides(contrast: Contrast) -> str:
    return " less ".join(
        str(one.cell)
        if one.share is None
        else f"{100 * one.share:g} % text" + (f" ({one.experiment})" if one.experiment else "")
        for one in (contrast.plus, contrast.minus)
    )


def _side_words(claim: Any, side: Side) -> str:
    measure = f" as {side.measure.scorer}/{side.measure.parser}" if side.measure else ""
    return f"{side.score or claim.score}{measure}, {_sides(side.contrast)}"


_ESTIMANDS: dict[str, Callable[[Any], str]] = {
    "superiority": _difference_words,
    "non_inferiority": _difference_words,
    "equivalence": _difference_words,
    "plateau": lambda c: f"largest difference of {c.score} between two cells of {_span(c)}",
    "cliff": lambda c: (
        f"drop of {c.score} to {100 * c.edge:g} % text less the drop that the line "
        f"through {_span(c)} predicts"
    ),
    "trend": lambda c: f"slope of {c.score} over {_span(c)}, per 100 % of text share",
    "saturation": lambda c: (
        f"gain of {c.score}, {_sides(c.contrast)}; then no difference of "
        f"{c.margin:g} or more within {_span(c)}"
    ),
    "token_ratio": lambda c: f"tokens of the language model, {_sides(c.contrast)} (ratio)".replace(
        " less ", " to "
    ),
    "interaction": lambda c: f"({_side_words(c, c.first)}) less ({_side_words(c, c.second)})",
}
