"""Typed access to the columns of one raw row; what does not fit is a reason to drop the row.

Reasons name the column and the kind of value that was found, never the value, so that counts
by reason stay short.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from mlan.config.section import Modality

EMBEDDED = object()  # stands where a parquet file holds the bytes of a picture


class BadRowError(Exception):
    """Why a row is dropped."""


def is_unicode(text: str) -> bool:
    """Whether a text can be stored: JSON escapes can spell half a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def mapping(raw: Any) -> dict[str, Any]:
    """Return a row that is an object. Raises BadRowError for any other."""
    if not isinstance(raw, dict):
        raise BadRowError("row is not an object")
    return raw


def value(raw: Mapping[str, Any], column: str) -> Any:
    """Return a column's value. Raises BadRowError where it is missing or empty."""
    if column not in raw:
        raise BadRowError(f"no {column}")
    if raw[column] is None or raw[column] == "":
        raise BadRowError(f"empty {column}")
    return raw[column]


def text(raw: Mapping[str, Any], column: str) -> str:
    """Return a column's text without spaces around it, never empty."""
    return as_text(value(raw, column), column)


def as_text(found: Any, column: str) -> str:
    """Return a value that must be text without spaces around it, never empty."""
    if not isinstance(found, str):
        raise BadRowError(f"{column} is {kind_of(found)}, not text")
    if not is_unicode(found):
        raise BadRowError("text is not Unicode")
    if not found.strip():
        raise BadRowError(f"empty {column}")
    return found.strip()


def texts(raw: Mapping[str, Any], column: str) -> list[str]:
    """Return a column's list of texts; a CSV or TSV writes it as a JSON list."""
    found = _opened(value(raw, column), column)
    if not isinstance(found, list):
        raise BadRowError(f"{column} is {kind_of(found)}, not a list")
    return [as_text(item, column) for item in found]


def labelled(raw: Mapping[str, Any], column: str) -> tuple[list[str], list[str]]:
    """Return labels and texts of a column of options.

    It is a list of texts (labels A, B, ...), a list of `{label, text}`, or `{label: [...],
    text: [...]}`, the three ways in which data cards write them.
    """
    found = _opened(value(raw, column), column)
    if isinstance(found, dict):
        names, options = texts(found, "label"), texts(found, "text")
    elif isinstance(found, list) and any(isinstance(item, dict) for item in found):
        items = [mapping(item) for item in found]
        names, options = [text(i, "label") for i in items], [text(i, "text") for i in items]
    else:
        options = texts(raw, column)
        names = letters(len(options))
    if len(names) != len(options) or len(set(names)) != len(names):
        raise BadRowError(f"labels of {column} do not fit its texts")
    return names, options


def letters(count: int) -> list[str]:
    """Return A, B, ... for `count` options. Raises BadRowError unless there are 2 to 26."""
    if not 2 <= count <= 26:
        raise BadRowError("not 2 to 26 options")
    return [chr(ord("A") + number) for number in range(count)]


def whole(raw: Mapping[str, Any], column: str) -> int:
    """Return a column's whole number from 0; a CSV or TSV writes it in digits."""
    found = value(raw, column)
    if isinstance(found, str) and found.strip().isascii() and found.strip().isdigit():
        if len(found.strip()) > 18:
            raise BadRowError(f"{column} is too large")
        return int(found)
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise BadRowError(f"{column} is {kind_of(found)}, not a whole number from 0")
    return found


def truth(raw: Mapping[str, Any], column: str) -> bool:
    """Return a column's truth value; a CSV or TSV writes true or false."""
    found = value(raw, column)
    if isinstance(found, str) and found.strip().lower() in ("true", "false"):
        return found.strip().lower() == "true"
    if not isinstance(found, bool):
        raise BadRowError(f"{column} is {kind_of(found)}, not true or false")
    return found


def kind_of(found: Any) -> str:
    """Return in words what kind of value was found."""
    if found is None:
        return "empty"
    if isinstance(found, bool):
        return "true or false"
    if isinstance(found, int | float):
        return "a number"
    names: dict[type, str] = {str: "text", list: "a list", dict: "an object", bytes: "bytes"}
    return names.get(type(found), type(found).__name__)


def has_image(raw: Mapping[str, Any], column: str) -> bool:
    """Whether a row shows a picture."""
    return bool(raw.get(column))


def picture_of(
    raw: Mapping[str, Any], column: str, number: int, modality: Modality
) -> tuple[str, bool] | None:
    """Return `image_of` a row of this modality, no name for text; None for a row of the other."""
    if has_image(raw, column) != (modality == "vision"):
        return None
    return image_of(raw, column, number) if modality == "vision" else ("", False)


def image_of(raw: Mapping[str, Any], column: str, number: int) -> tuple[str, bool]:
    """Return a picture's name and whether the file holds it; it is named by its row then.

    Raises BadRowError for more than one picture, or a path that leads out of the folder.
    """
    found = value(raw, column)
    if isinstance(found, list):
        if len(found) != 1:
            raise BadRowError("more than one image")
        found = found[0]
    if found is EMBEDDED:
        return f"row-{number}", True
    if isinstance(found, dict):
        found = found.get("path")
    return image_path(found), False


def image_path(found: Any) -> str:
    """Return a relative path in one spelling; nothing may lead out of the image folder."""
    if not isinstance(found, str) or not is_unicode(found):
        raise BadRowError("image is not a path")
    path = PurePosixPath(found.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in str(path):
        raise BadRowError("image outside the image folder")
    return str(path)


def _opened(found: Any, column: str) -> Any:
    if not isinstance(found, str):
        return found
    try:
        return json.loads(found)
    except (ValueError, RecursionError):
        raise BadRowError(f"{column} is text, not a list") from None
