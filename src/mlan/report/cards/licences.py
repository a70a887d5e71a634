"""Whose everything is that a study uses: works, licences, attributions.

Embedded works are known by name; works of a hub have the licence that their card stated when
they were locked; of files of your own nothing is known, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from mlan.data.assets import ASSETS
from mlan.data.concepts import ASSETS as CONCEPT_ASSETS
from mlan.grid.materials import Material
from mlan.hub.lock import Locked
from mlan.report.card import Licence

# Embedded models and the assets that they are made of; a random one has at most a tokenizer.
_MODELS = {
    "smollm2-135m-instruct": ("smollm2",),
    "toy-llama": ("smollm2",),
    "mobilenetv2": ("mobilenetv2",),
    "toy-tower": (),
}
UNKNOWN = "not known to mlan"


def licences(materials: Iterable[Material], locked: Mapping[str, Locked]) -> list[Licence]:
    """Return one licence a work, in the order of the materials; embedded works come first."""
    found = list(materials)
    embedded = [_asset(name) for one in found for name in _assets(one)]
    others = [one for material in found for one in _other(material, locked)]
    return list(dict.fromkeys([*embedded, *others]))


def _assets(material: Material) -> Sequence[str]:
    if material.kind == "model":
        return _MODELS[material.name]
    if material.kind == "facts":
        return CONCEPT_ASSETS
    return (material.name,) if material.kind == "pictures" else ()


def _asset(name: str) -> Licence:
    return Licence(name, ASSETS[name].licence, ASSETS[name].attribution)


def _other(material: Material, locked: Mapping[str, Locked]) -> Iterator[Licence]:
    name = material.name
    if material.kind == "files":
        yield Licence(name, UNKNOWN, "say whose it is")
    elif material.kind == "hub":
        licence = locked[name].licence if name in locked else "not known (not locked)"
        work = name.partition("@")[0]
        yield Licence(work, licence, f"see its card; commit {material.commit}")


def licences_table(found: Sequence[Licence]) -> pd.DataFrame:
    """Return the licences as a table: work, licence, attribution."""
    rows = [(one.work, one.licence, one.attribution) for one in found]
    return pd.DataFrame(rows, columns=["work", "licence", "attribution"])
