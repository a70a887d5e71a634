"""Say what is wrong with a value: one line per mistake, for people who know no pydantic.

Owns: the translation of validation errors into key, value, what is allowed and the nearest
name, and the walk from a place of the study file to what belongs there. Not here: mistakes
between values that are right by themselves (`mlan.config.fit`, `mlan.config.expand`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mlan.config.benchmarks import Benchmark
from mlan.config.data import Source
from mlan.config.study import StudyConfig
from mlan.errors import nearest

_ADAPTERS = {
    name
    for union in (Source, Benchmark)
    for entry in get_args(get_args(union)[0])
    for name in get_args(entry.model_fields["adapter"].annotation)
}

# What became of keys of the recipe that earlier versions had.
_REPLACED = {
    "mixture.repeat": "is now `match`: `repeat: true` is `match: up`, `repeat: false` is "
    "`match: refuse`, the default"
}


def explain(
    error: ValidationError,
    prefix: tuple[str, ...] = (),
    root: type[BaseModel] = StudyConfig,
    before: str = "",
) -> list[str]:
    """Translate a pydantic error into one line per mistake: key, value, what is allowed.

    `prefix` is the place of the validated model below `root`, which is the study file's unless
    another is given; `before` stands before every key.
    """
    found = [(item, (*prefix, *(str(part) for part in item["loc"]))) for item in error.errors()]
    return [_explained(item, location, root, before) for item, location in found]


def _explained(item: Any, location: tuple[str, ...], root: type[BaseModel], before: str) -> str:
    kind, value = item["type"], item["input"]
    key = before + ".".join(visible(location))
    if kind == "value_error" and isinstance(value, dict | list):  # a section that checks itself
        return f"{key.rstrip('.')}: {item['ctx']['error']}"
    if kind == "extra_forbidden":
        section = type_at(root, location[:-1])
        return replaced(key) or f"{key}: unknown key; {nearest(location[-1], section.model_fields)}"
    if kind == "missing":
        return f"{key}: missing"
    if kind == "literal_error" and isinstance(value, str):
        return _not_one_of(key, value, item["ctx"]["expected"].replace(" or ", ", "))
    if kind == "union_tag_invalid":
        return _not_one_of(f"{key}.adapter", str(value["adapter"]), item["ctx"]["expected_tags"])
    return f"{key} = {value!r:.80}: {_lower(item['msg'])}"


def replaced(key: str) -> str | None:
    """What a key that is unknown now has become; None if it never existed."""
    became = _REPLACED.get(key.removeprefix("recipe."))
    return became and f"{key}: {became}"


def _not_one_of(key: str, value: str, expected: str) -> str:
    allowed = expected.replace("'", "").split(", ")
    return f"{key} = {value!r}: not one of {', '.join(allowed)}{_suggestion(value, allowed)}"


def _suggestion(value: str, allowed: list[str]) -> str:
    hint = nearest(value, allowed)
    return f"; {hint}" if hint.startswith("did you mean") else ""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def visible(location: Sequence[Any]) -> list[Any]:
    """Drop the parts of a location that pydantic adds: union tags and `[key]` markers."""
    tags = {*_ADAPTERS, "[key]"}
    kept = []
    for position, part in enumerate(location):
        parent = location[position - 2] if position >= 2 else ""
        if part in tags and (part == "[key]" or parent in ("sources", "benchmarks")):
            continue
        kept.append(part)
    return kept


def type_at(model: Any, location: tuple[str, ...]) -> Any:
    """What belongs at a location, walking models, dicts, lists and unions; None if nothing."""
    if not location:
        return model
    if is_section(model):
        field = model.model_fields.get(location[0])
        return type_at(field.annotation, location[1:]) if field else None
    origin, arguments = get_origin(model), get_args(model)
    if origin in (dict, list):
        return type_at(arguments[-1], location[1:])
    if origin is Literal:
        return None
    for option in arguments:
        rest = location
        if is_section(option) and "adapter" in option.model_fields:
            if location[0] not in get_args(option.model_fields["adapter"].annotation):
                continue
            rest = location[1:]
        found = type_at(option, rest)
        if found is not None:
            return found
    return None


def is_section(thing: Any) -> TypeGuard[type[BaseModel]]:
    """Whether a type is a section of the study file, in contrast to a value or a mapping."""
    return isinstance(thing, type) and issubclass(thing, BaseModel)
