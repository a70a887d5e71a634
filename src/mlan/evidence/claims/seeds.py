"""Whose seeds tell how much a claim's numbers vary: its own, or those of all cells of its curve.

Model: the claims file chooses. `own`: every contrast has the variance of its own seeds. `pooled`:
where all that a claim compares are cells of one curve, measured alike, each contrast has its part
of the variance that is pooled over the curve's cells (`mlan.evidence.pooling`), if both checks
pass; else its own. Both choices are worked out for every claim, so that a table can tell what the
choice costs. Not here: what pooling assumes and when it fails (`pooling`, docs/calibration.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlan.errors import DataError
from mlan.evidence.claims.rules import Variances
from mlan.evidence.claims.terms import Contrast
from mlan.evidence.intervals import SeedVariance
from mlan.evidence.pooling import Pooled, pooled
from mlan.evidence.results import Results

OWN, POOLED = "own", "pooled"
# Contrasts that are shown and not tested, so that nothing needs their variance.
_SHOWN = ("level", "drop", "first", "second")


@dataclass(frozen=True)
class Seeds:
    """A claim's seed variances by role as pooled over its curve; none where they are its own.

    `said` is `own`, or where the file chooses to pool what was used and why: the checks' p value.
    """

    said: str
    variances: Variances

    @property
    def used(self) -> Variances:
        """Those that decide the claim."""
        return self.variances if self.said.startswith(POOLED) else {}


def seeds_of(claim: Mapping[str, Any], results: Results, contrasts: Sequence[Contrast]) -> Seeds:
    """Return the seed variances of a claim that is resolved (`mlan.grid.claims`)."""
    variances, why = _pooled(claim["pooled_over"], results, contrasts)
    if claim["seed_variance"] == OWN:
        return Seeds(OWN, variances)
    return Seeds(f"{POOLED if variances else OWN} ({why})", variances)


def _pooled(
    cells: Sequence[str], results: Results, contrasts: Sequence[Contrast]
) -> tuple[Variances, str]:
    """The pooled variances, none where they must not be used, and the words that say why."""
    if not cells:
        return {}, "not of one curve and measure"
    term = contrasts[0].terms[0]
    try:
        found = pooled([results.sample(cell, term.score, term.key) for cell in cells])
        variances = _by_role(found, contrasts)
    except DataError as error:
        return {}, str(error)
    return variances if found.passes else {}, f"check p = {found.check:.2g}"


def _by_role(found: Pooled, contrasts: Sequence[Contrast]) -> Variances:
    by_role: dict[str, list[SeedVariance]] = {}
    for contrast in contrasts:
        if contrast.role not in _SHOWN:
            weights = [term.weight for term in contrast.terms]
            by_role.setdefault(contrast.role, []).append(found.contrast(weights))
    return by_role
