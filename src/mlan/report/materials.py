"""Tables of the design: the training data with their licences, and the recipe as resolved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from mlan.data.assets import ASSETS
from mlan.report.summary import Summary
from mlan.report.tables import ABSENT, Table, not_run

SHARE = "mixture.text_share"
# Embedded works that questions about concepts are made of, whatever is asked.
_FACTS = ("emoji-names", "country-facts", "wordnet")
_UNKNOWN = "not known to mlan"
_UNTOLD = "Empty: the study's design was not told."


def data_table(summary: Summary) -> Table:
    """Every source with its examples, epochs, tokens and licence."""
    told, licences = (summary.design.get(name, {}) for name in ("sources", "licences"))
    tokens = summary.tokens
    parts = tokens[tokens["modality"].isin(["text", "vision"])]
    rows = tuple(
        (str(source), *_amounts(own), *_whose(told.get(str(source)), licences))
        for source, own in parts.groupby("source", sort=False)
    )
    missing = not_run({cell.label: cell.not_run for cell in summary.tuned})
    return Table(
        caption="Training data of stage 2.",
        header=("source", "modality", "unique examples", "examples a run", "epochs",
                "text tokens an example", "image tokens an example", "adapter", "licence"),
        rows=rows,
        note="Unique: the most distinct examples that a run drew on. Examples a run and epochs: "
        "smallest to largest of the runs that use the source. Licences of embedded works and of "
        f"locked repositories; whose your own files are is {_UNKNOWN}.{missing}",
        words=2,
        prose=(7, 8),
    )  # fmt: skip


def _amounts(own: pd.DataFrame) -> Iterator[str]:
    used = own[own["examples"] > 0]
    yield str(own["modality"].iloc[0])
    if used.empty:
        yield from [ABSENT] * 5
        return
    unique = (used["examples"] / used["epochs"]).round() if "epochs" in used else used["examples"]
    yield f"{unique.max():.0f}" if math.isfinite(unique.max()) else ABSENT
    yield _span(used["examples"], 0)
    yield _span(used["epochs"], 2) if "epochs" in used else ABSENT
    examples = used["examples"].sum()
    yield f"{used['text_tokens'].sum() / examples:.1f}"
    yield f"{used['image_tokens'].sum() / examples:.1f}"


def _span(values: pd.Series[Any], places: int) -> str:
    low, high = f"{values.min():.{places}f}", f"{values.max():.{places}f}"
    return low if low == high else f"{low}–{high}"


def _whose(source: Mapping[str, Any] | None, licences: Mapping[str, str]) -> tuple[str, str]:
    if source is None:
        return ABSENT, _UNKNOWN
    if source["repository"]:
        licence = licences.get(source["repository"], "not known (not locked)")
        return str(source["adapter"]), f"{source['repository']}: {licence}"
    if source["files"]:
        return str(source["adapter"]), f"{', '.join(source['files'])}: {_UNKNOWN}"
    works = [*_FACTS, *([source["style"]] if source["style"] else [])]
    found = dict.fromkeys(ASSETS[work].licence for work in works)
    return str(source["adapter"]), "; ".join(found)


def recipe_table(summary: Summary) -> Table:
    """The recipe as resolved, a row a key, with the values that vary and the cells that differ."""
    base, differs = summary.design.get("recipe", {}), summary.design.get("differs", {})
    labels = {cell.name: cell.label for cell in summary.cells}
    keys = [*base, *sorted({key for own in differs.values() for key in own} - set(base))]
    return Table(
        caption="Hyper-parameters: the base recipe, and what varies between cells.",
        header=("key", "base recipe", "differs in"),
        rows=tuple((key, _value(base.get(key)), _others(key, differs, labels)) for key in keys),
        note="Defaults are written out; none: not set, or not used." if keys else _UNTOLD,
        words=2,
        prose=(2,),
    )


def _others(key: str, differs: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    """Values with the cells that have them, in the order of the figures."""
    cells: dict[str, list[str]] = {}
    for cell in [*(c for c in labels if c in differs), *(c for c in differs if c not in labels)]:
        if key in differs[cell]:
            value = differs[cell][key]
            name = labels.get(cell, cell)
            # A cell of the curve is called by its share already.
            itself = key == SHARE and name == f"{100 * value:g} %"
            cells.setdefault("" if itself else _value(value), []).append(name)
    return "; ".join(
        f"{value}: {', '.join(names)}" if value else ", ".join(names)
        for value, names in cells.items()
    )


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
