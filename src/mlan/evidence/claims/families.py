"""Which claims of a study are adjusted together, and what is said of how each was registered.

Model: a claim with a p value is a hypothesis of its family from the moment the study plans to test
it, whatever comes of it: one that lacks scores, or that is planned no more, costs the others as
much as one that was tested. Claims that stood before the first score are adjusted among themselves
and those of them that were withdrawn; post hoc ones among all. Not here: how a claim stands
(`mlan.grid.ledger`), the adjustment (`verdicts`, `mlan.evidence.planned_power`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Plain = Mapping[str, Any]

BEFORE, POST_HOC = "before scores", "post hoc"
ADDED, OTHER = "seeds added after", "on other seeds"
_EXACT = "token_ratio"


@dataclass(frozen=True)
class Standing:
    """How claims stand in the ledger (`mlan.grid.ledger.Registration`).

    `withdrawn` are (id, family), of which `untested` were never hypotheses; `counted` were planned
    once and are not any more; `other_seeds` holds the registered seeds of claims that are tested on
    others.
    """

    post_hoc: frozenset[str] = frozenset()
    withdrawn: tuple[tuple[str, str], ...] = ()
    untested: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()
    other_seeds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, plain: Plain) -> Standing:
        """Return what an identity, or a registration in plain form, says."""
        return cls(
            frozenset(plain["post_hoc"]),
            tuple((name, family) for name, family in plain["withdrawn"]),
            frozenset(plain["untested"]),
            frozenset(plain["counted"]),
            {name: tuple(seeds) for name, seeds in plain["other_seeds"]},
        )

    def registered(self, claim: Plain) -> str:
        """Say how a claim was registered, with what its seeds make of it."""
        if claim["id"] in self.post_hoc:
            return POST_HOC
        if claim["id"] not in self.other_seeds:
            return BEFORE
        return f"{BEFORE}; {ADDED if self._added(claim) else OTHER}"

    def look(self, claim: Plain) -> str:
        """Say which seeds a claim was registered with, where it is tested on others."""
        if claim["id"] not in self.other_seeds:
            return ""
        seeds = ", ".join(map(str, self.other_seeds[claim["id"]]))
        if self._added(claim):
            return f"another look: seeds were added after the first score (registered: {seeds})"
        return f"tested on other seeds than registered ({seeds})"

    def _added(self, claim: Plain) -> bool:
        return set(claim["seeds"]) > set(self.other_seeds[claim["id"]])

    def counts(self, claim: Plain) -> bool:
        """Whether a claim is a hypothesis of its family."""
        return claim["rule"] != _EXACT and (claim["runnable"] or claim["id"] in self.counted)

    def gone(self, family: str) -> int:
        """Return how many hypotheses of a family were withdrawn."""
        own = [name for name, of in self.withdrawn if of == family]
        return len([name for name in own if name not in self.untested])

    def size(self, claim: Plain, claims: Iterable[Plain]) -> int:
        """Return among how many hypotheses of its family a claim is adjusted, itself included."""
        own = [one for one in claims if one["family"] == claim["family"] and self.counts(one)]
        if claim["id"] not in self.post_hoc:
            own = [one for one in own if one["id"] not in self.post_hoc]
        return len(own) + self.gone(claim["family"])
