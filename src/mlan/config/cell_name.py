"""Name a cell after its text share and what differs from the base recipe.

Names are for people and paths; they are no part of an identity.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlan.config.models import short_name
from mlan.config.recipe import Recipe

_MODELS = ("backbone.language_model", "backbone.vision_tower", "backbone.tokenizer")
_LONGEST = 60


def cell_name(base: Recipe, recipe: Recipe) -> str:
    """Return the name of the cell of a recipe, such as `text50_rank-4`."""
    share = f"text{100 * recipe.mixture.text_share:g}"
    rest = changed(base, recipe, skip=("mixture.text_share",))
    return "_".join([share.replace(".", "p"), *rest])


def changed(
    base: Recipe, recipe: Recipe, skip: tuple[str, ...] = (), only: tuple[str, ...] = ("",)
) -> list[str]:
    """Return a part of a name for each key that differs from the base recipe.

    `only` are the beginnings of dotted keys that are looked at.
    """
    before, mine = leaves(base.model_dump()), leaves(recipe.model_dump())
    keys = sorted({*before, *mine})
    shared = Counter(key.rpartition(".")[2] for key in keys)
    return [
        _slug(f"{_short(key, shared)}-{_told(key, mine.get(key, 'none'))}")
        for key in keys
        if before.get(key) != mine.get(key) and key not in skip and key.startswith(only)
    ]


def leaves(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= leaves(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _told(key: str, value: Any) -> Any:
    """A value as a name shows it: a model by its short name."""
    return short_name(value) if key in _MODELS and value else value


def _short(key: str, shared: Mapping[str, int]) -> str:
    """A dotted key's last part, with its section where another section has the same."""
    section, _, last = key.rpartition(".")
    return last if shared[last] == 1 else f"{section.rpartition('.')[2]}-{last}"


def _slug(text: str) -> str:
    if len(text) > _LONGEST:  # a command, a path: names are folders
        text = f"{text[:_LONGEST]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return "".join(c if c.isalnum() or c in "-." else "-" for c in text.lower()).replace(".", "p")
