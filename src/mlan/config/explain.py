"""Say what is wrong with a value: one line per mistake, for people who know no pydantic.

Owns: the translation of validation errors into key, value, what is allowed and the nearest
name, and the walk from a place of the study file to the names that are allowed there.
"""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mlan.config.study import StudyConfig
from mlan.errors import nearest


def explain(error: ValidationError, prefix: tuple[str, ...] = ()) -> list[str]:
    """Translate a pydantic error into one line per mistake: key, value, what is allowed.

    `prefix` is the place of the validated model in the study file.
    """
    lines: list[str] = []
    for item in error.errors():
        location = (*prefix, *(str(part) for part in item["loc"]))
        if item["type"] == "value_error" and location == prefix:
            lines += str(item["ctx"]["error"]).splitlines()
        else:
            lines.append(_explained(item, location))
    return lines


def _explained(item: Any, location: tuple[str, ...]) -> str:
    kind, value = item["type"], item["input"]
    key = ".".join(visible(location))
    if kind == "extra_forbidden":
        allowed = fields_at(StudyConfig, location[:-1])
        return f"{key}: unknown key; {nearest(location[-1], allowed)}"
    if kind == "missing":
        return f"{key}: missing"
    if kind == "literal_error" and isinstance(value, str):
        return _not_one_of(key, value, item["ctx"]["expected"].replace(" or ", ", "))
    if kind == "union_tag_invalid":
        return _not_one_of(f"{key}.adapter", str(value["adapter"]), item["ctx"]["expected_tags"])
    return f"{key} = {value!r:.80}: {_lower(item['msg'])}"


def _not_one_of(key: str, value: str, expected: str) -> str:
    allowed = expected.replace("'", "").split(", ")
    return f"{key} = {value!r}: not one of {', '.join(allowed)}{_suggestion(value, allowed)}"


def _suggestion(value: str, allowed: list[str]) -> str:
    hint = nearest(value, allowed)
    return f"; {hint}" if hint.startswith("did you mean") else ""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def visible(location: tuple[str, ...]) -> list[str]:
    """Drop the parts of a location that pydantic adds: union tags and `[key]` markers."""
    tags = {"facts", "conversations", "[key]"}
    kept = []
    for position, part in enumerate(location):
        parent = location[position - 2] if position >= 2 else ""
        if part in tags and (part == "[key]" or parent == "sources"):
            continue
        kept.append(part)
    return kept


def fields_at(model: Any, location: tuple[str, ...]) -> list[str]:
    """Names allowed at a dotted place of the study file, walking models, dicts and unions."""
    if not location:
        return list(model.model_fields) if _is_model(model) else []
    if _is_model(model):
        field = model.model_fields.get(location[0])
        return fields_at(field.annotation, location[1:]) if field else []
    origin, arguments = get_origin(model), get_args(model)
    if origin in (dict, list):
        return fields_at(arguments[-1], location[1:])
    if origin is Literal:
        return []
    if origin in (Union, types.UnionType) or arguments:
        for option in arguments:
            rest = location
            if _is_model(option) and "adapter" in option.model_fields:
                if location[0] not in str(option.model_fields["adapter"].annotation):
                    continue
                rest = location[1:]
            found = fields_at(option, rest)
            if found:
                return found
    return []


def _is_model(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseModel)
