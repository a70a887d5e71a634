"""Change the base recipe by a delta, key by key, in spite of wrong keys and values.

What is wrong in a delta is left out and told, so that the rest can still be judged. Not here:
whether the recipe that comes out fits the data (`mlan.config.fit`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mlan.config.explain import explain, replaced, visible
from mlan.config.problems import related
from mlan.config.recipe import Recipe
from mlan.errors import nearest

# Dotted recipe key -> value.
Delta = Mapping[str, Any]


@dataclass(frozen=True)
class Varied:
    """A recipe, and the part of the delta that made it.

    `mistakes` are the lines about the other part; because of it, the values of the keys in
    `lost` are not what the user meant.
    """

    recipe: Recipe
    delta: Delta
    mistakes: list[str]
    lost: set[str]


def vary(base: Recipe, delta: Delta) -> Varied:
    """Return the base recipe changed by what is right in a delta."""
    plain = base.model_dump()
    unknown = {key: line for key, value in delta.items() if (line := _assign(plain, key, value))}
    known = {key: value for key, value in delta.items() if key not in unknown}
    try:
        recipe = Recipe.model_validate(plain)
    except ValidationError as error:
        places = [".".join(map(str, visible(item["loc"]))) for item in error.errors()]
        wrong = {key for key in known if any(related(key, place) for place in places)}
        right = vary(base, {key: value for key, value in delta.items() if key not in wrong})
        mistakes = [*explain(error, ("recipe",)), *right.mistakes]
        lost = {*right.lost, *(f"recipe.{key}" for key in wrong)}
        return Varied(right.recipe, right.delta, mistakes, lost)
    # A key that does not exist may have been meant for any other.
    return Varied(recipe, known, list(unknown.values()), {"recipe"} if unknown else set())


def _assign(plain: dict[str, Any], key: str, value: Any) -> str | None:
    """Set a dotted key of a recipe in place; return a problem if there is no such key."""
    *path, last = key.split(".")
    place: Any = plain
    for number, part in enumerate(path):
        if not isinstance(place, dict) or part not in place:
            return f"{key}: unknown recipe key {'.'.join(path[: number + 1])!r}; " + nearest(
                part, place if isinstance(place, dict) else ()
            )
        place = place[part]
    free = path[-1:] in (["text"], ["vision"])
    if not isinstance(place, dict) or (last not in place and not free):
        return replaced(key) or f"{key}: unknown recipe key {last!r}; " + nearest(
            last, place if isinstance(place, dict) else ()
        )
    place[last] = copy.deepcopy(value)  # a later key may be set inside it
    return None
