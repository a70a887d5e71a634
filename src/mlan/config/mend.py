"""Read a study file in spite of wrong values, so that all its mistakes can be told at once.

What spans several values (a source that does not exist, an experiment's cells) can be looked
at only in a whole study. So each wrong value is stood in for: by its default, by any valid
one where it has none. The result serves to find mistakes, never to run; `lost` tells which
keys say nothing about what the user meant.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from mlan.config.explain import explain, is_section, type_at, visible
from mlan.config.study import StudyConfig

# Enough for every value without a default; those with narrower limits have one.
_SIMPLE = {int: 1, float: 1.0, str: "stand-in"}


@dataclass(frozen=True)
class Reading:
    """A study, the lines about its wrong values, and the dotted keys that were stood in for.

    `config` is None where that was not possible; then nothing more can be said.
    """

    config: StudyConfig | None
    mistakes: list[str]
    lost: frozenset[str]


def read(raw: dict[Any, Any]) -> Reading:
    """Validate the plain data of a study file, with wrong values stood in for."""
    mended = copy.deepcopy(raw)
    mistakes: list[str] | None = None
    lost: set[str] = set()
    while True:
        try:
            return Reading(StudyConfig.model_validate(mended), mistakes or [], frozenset(lost))
        except ValidationError as error:
            if mistakes is None:
                mistakes = explain(error)
            found = {key for item in error.errors() for key in _mend(mended, item["loc"])}
        if found <= lost:  # no progress
            return Reading(None, mistakes, frozenset(lost))
        lost |= found


def _mend(mended: Any, location: tuple[int | str, ...]) -> list[str]:
    """Stand in for the wrong value at a location, in place; return the keys that are lost."""
    *path, last = visible(location)
    place = _place(mended, path)
    if not isinstance(place, dict | list):
        return []  # went with a name above it
    key = _dotted(*path, last)
    names = tuple(str(part) for part in location)
    holder = type_at(StudyConfig, names[:-1])
    if names[-1] == "[key]" and isinstance(place, dict):
        place.pop(last, None)
        return [key, _dotted(*path, "*")]
    if is_section(holder) and isinstance(place, dict):
        field = holder.model_fields.get(str(last))
        if field is None:
            place.pop(last, None)
            # Any key that is not given may be the one that was meant.
            absent = [name for name in holder.model_fields if name not in place]
            return [key, *(_dotted(*path, name) for name in absent)]
        if not field.is_required():
            place.pop(last, None)
            return [key]
    stand_in = _stand_in(type_at(StudyConfig, names))
    if stand_in is None and isinstance(place, dict):
        place.pop(last, None)
    else:
        place[last] = stand_in
    return [key]


def _place(plain: Any, path: list[Any]) -> Any:
    for part in path:
        if isinstance(plain, dict):
            plain = plain.get(part)
        elif isinstance(plain, list):
            plain = plain[int(part)]
    return plain


def _dotted(*parts: Any) -> str:
    return ".".join(str(part) for part in parts)


def _stand_in(kind: Any) -> Any:
    """A valid value of a type, as plain data; None where anything is valid."""
    if is_section(kind):
        fields = kind.model_fields.items()
        return {name: _stand_in(f.annotation) for name, f in fields if f.is_required()}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return arguments[0]
    if not arguments:
        return _SIMPLE.get(kind)
    inner = _stand_in(arguments[-1] if origin is dict else arguments[0])
    if origin is dict:
        return {"stand-in": inner}
    if origin is list:
        return None if inner is None else [inner]
    return inner
