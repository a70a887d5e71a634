"""The cells and scores that a claim may name, looked up in the study.

Model: cells are those of all experiments of the file, also of the ones that are off, with the
models before tuning and the released ones. Not here: what is wrong with a claim (`fit_claims`),
what it compares (`mlan.grid.claims`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlan.config.benchmarks import SetBenchmark
from mlan.config.cell_name import RELEASED, cell_name, untuned_name
from mlan.config.claims import Selector, same_share
from mlan.config.data import Data
from mlan.config.expand import expand
from mlan.config.study import StudyConfig


@dataclass(frozen=True)
class Design:
    """Cells by experiment with their text shares, all cells' names, benchmarks by score."""

    shares: Mapping[str, Mapping[str, float]]
    cells: frozenset[str]
    scores: Mapping[str, tuple[str, ...]]

    def at(self, experiment: str, share: float) -> list[str]:
        """Return an experiment's cells with a text share."""
        found = self.shares.get(experiment, {})
        return [cell for cell, own in found.items() if same_share(own, share)]

    def selected(self, selector: Selector, experiment: str) -> str | None:
        """The cell of a selector; None where there is none, or more than one."""
        if selector.cell is not None:
            return selector.cell if selector.cell in self.cells else None
        assert selector.share is not None, "a selector has a share or a cell"
        found = self.at(selector.experiment or experiment, selector.share)
        return found[0] if len(found) == 1 else None


def design(config: StudyConfig) -> Design:
    """Return what claims of a valid study may name."""
    recipes = expand(config).recipes
    shares = {
        name: {cell_name(config.recipe, r): r.mixture.text_share for r in found}
        for name, found in recipes.items()
    }
    named = {cell for found in shares.values() for cell in found}
    named |= {untuned_name(config.recipe, r) for found in recipes.values() for r in found}
    named |= {f"{RELEASED}_{name}" for name in config.released}
    return Design(shares, frozenset(named), score_members(config.data))


def score_members(data: Data) -> dict[str, tuple[str, ...]]:
    """Return the benchmarks behind every score: each by itself, and the groups.

    The groups are those of `mlan.evidence.groups`: an average per modality over headline
    benchmarks, and the vision ones by who teaches the skill.
    """
    found = {name: (name,) for name in data.benchmarks}
    groups: dict[str, list[str]] = {}
    for name, benchmark in sorted(data.benchmarks.items()):
        if benchmark.headline:
            groups.setdefault(f"{benchmark.modality} average", []).append(name)
            if benchmark.modality == "vision" and benchmark.taught_by is not None:
                groups.setdefault(f"taught by: {benchmark.taught_by}", []).append(name)
    return found | {name: tuple(members) for name, members in groups.items()}


def has_official(data: Data, benchmark: str) -> bool:
    """Whether a benchmark has a rule of its own, as public ones do."""
    return isinstance(data.benchmarks[benchmark], SetBenchmark)
