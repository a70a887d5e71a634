"""What a page is told of its study: the design, from the job's identity.

Not here: what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlan.grid.materials import Material
from mlan.report.summary import Key


@dataclass(frozen=True)
class CellFacts:
    """One design point. `differs`: dotted recipe keys with values that the base has not."""

    name: str
    kind: str
    experiments: tuple[str, ...]
    differs: Mapping[str, Any]
    made_of: tuple[Material, ...]


@dataclass(frozen=True)
class Experiment:
    """A question that the study file asks, the cells that it takes, and what runs it too."""

    name: str
    description: str
    cells: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Facts:
    """The design of a study. `pair` holds two cells or none, the one that should win last.

    `primary` is what claims and answer are measured with, `note` what the claims file says of
    itself, `not_shown` what the study cannot show, with the reason.
    """

    study: str
    title: str
    description: str
    device: str
    seed_varies: tuple[str, ...]
    recipe: Mapping[str, Any]
    benchmarks: Mapping[str, Mapping[str, Any]]
    materials: tuple[Material, ...]
    cells: tuple[CellFacts, ...]
    experiments: tuple[Experiment, ...]
    pair: tuple[str, ...]
    claim_cells: Mapping[str, tuple[str, ...]]
    limits: tuple[Mapping[str, Any], ...]
    order_not_controlled: tuple[str, ...]
    unpinned: Mapping[str, str]
    primary: Key
    note: str
    not_shown: tuple[tuple[str, str], ...]

    @cached_property
    def left_out(self) -> tuple[Experiment, ...]:
        """Experiments of the file of which this study has not all cells."""
        mine = {cell.name for cell in self.cells}
        return tuple(one for one in self.experiments if not mine.issuperset(one.cells))

    def cell(self, name: str) -> CellFacts:
        """The cell of a name; it must be one of the study."""
        return next(cell for cell in self.cells if cell.name == name)

    def recipe_of(self, cell: str) -> dict[str, Any]:
        """The whole recipe of a cell: the base recipe, with what differs put in."""
        recipe = _copy(self.recipe)
        for key, value in self.cell(cell).differs.items():
            *sections, last = key.split(".")
            place = recipe
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = value
        return recipe


def read_facts(identity: Mapping[str, Any]) -> Facts:
    """Return the facts of a page's identity (`mlan.grid.page`)."""
    materials = tuple(Material(*entry) for entry in identity["materials"])
    return Facts(
        study=identity["study"],
        title=identity["title"],
        description=identity["description"],
        device=identity["device"],
        seed_varies=tuple(identity["seed_varies"]),
        recipe=identity["recipe"],
        benchmarks=identity["benchmarks"],
        materials=materials,
        cells=tuple(_cell(entry, materials) for entry in identity["cells"]),
        experiments=tuple(
            Experiment(entry["name"], entry["description"], tuple(entry["cells"]), entry["command"])
            for entry in identity["experiments"]
        ),
        pair=tuple(identity["pair"]),
        claim_cells={name: tuple(cells) for name, cells in identity["claim_cells"].items()},
        limits=tuple(identity["limits"]),
        order_not_controlled=tuple(identity["order_not_controlled"]),
        unpinned=identity.get("unpinned", {}),
        primary=Key(**identity["primary"]),
        note=identity["note"],
        not_shown=tuple((name, text) for name, text in identity["not_shown"]),
    )


def _cell(entry: Mapping[str, Any], materials: tuple[Material, ...]) -> CellFacts:
    return CellFacts(
        name=entry["cell"],
        kind=entry["kind"],
        experiments=tuple(entry["experiments"]),
        differs=entry["differs"],
        made_of=tuple(materials[n] for n in entry["made_of"]),
    )


def _copy(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copy(v) if isinstance(v, Mapping) else v for k, v in plain.items()}
