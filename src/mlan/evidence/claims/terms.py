"""Sums of scores, as `mlan.grid.claims` resolves them, looked up in the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlan.evidence.results import Key, Results
from mlan.evidence.samples import Sample, combine


@dataclass(frozen=True)
class Term:
    """A weight times the score of a cell."""

    weight: float
    cell: str
    score: str
    key: Key


@dataclass(frozen=True)
class Contrast:
    """A sum of terms; `role` says what its rule does with it, `name` writes it out."""

    name: str
    role: str
    terms: tuple[Term, ...]

    @property
    def measures(self) -> set[tuple[str, str]]:
        """The scorers and parsers of its terms."""
        return {(term.key.scorer, term.key.parser) for term in self.terms}

    def measured(self, scorer: str, parser: str) -> Contrast:
        """Return the same sum of scores that are measured otherwise."""
        terms = (
            replace(term, key=replace(term.key, scorer=scorer, parser=parser))
            for term in self.terms
        )
        return replace(self, terms=tuple(terms))


def contrast_of(plain: Mapping[str, Any]) -> Contrast:
    """Return a contrast from its plain form: name, role, and terms as lists."""
    terms = tuple(
        Term(float(weight), cell, score, Key(scorer, parser, condition=condition))
        for weight, cell, score, scorer, parser, condition in plain["terms"]
    )
    return Contrast(plain["name"], plain["role"], terms)


def sample_of(results: Results, contrast: Contrast) -> Sample:
    """Return the value of a contrast on every seed that all its cells have.

    Raises DataError where a cell has no such score, or no seed is common.
    """
    return combine([(t.weight, results.sample(t.cell, t.score, t.key)) for t in contrast.terms])
