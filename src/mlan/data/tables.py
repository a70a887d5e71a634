"""The columns of the data tables, and the check that every writer makes.

A table is a dict: column -> rule. Columns come out in this order with these types, so equal
content is written as equal bytes. Not here: where tables are stored (`mlan.records`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from mlan.errors import DataError


@dataclass(frozen=True)
class Column:
    """What a column may hold. `empty`: text may be missing (NA), a list may be empty."""

    kind: Literal["text", "count", "list"] = "text"
    values: tuple[str, ...] = ()
    empty: bool = False
    unique: bool = False


Table = dict[str, Column]
_SPLITS = ("train", "dev", "test")
_FACT = Column(empty=True)

CONCEPTS: Table = {
    "concept": Column(unique=True),
    "kind": Column(values=("object", "country", "word")),
    "name": Column(),
    "split": Column(values=_SPLITS),
    **dict.fromkeys(("emoji", "capital", "continent", "demonym", "language", "languages"), _FACT),
    **dict.fromkeys(("category", "gloss"), _FACT),
    "population": Column("count", empty=True),
}
INDEX: Table = {
    "image": Column(unique=True),
    "row": Column("count"),
    "concept": _FACT,
    "scene": Column(values=("plain", "colour", "position")),
    "value": _FACT,
    "view": Column("count"),
}
EXAMPLES: Table = {
    "id": Column(unique=True),
    "source": Column(),
    "modality": Column(values=("text", "vision")),
    "image": _FACT,
    "turns": Column("list"),
    "style": Column(values=("choose", "brief", "yes_no", "free")),
    "concept": _FACT,
}
ITEMS: Table = {
    "id": Column(unique=True),
    "benchmark": Column(),
    "part": Column(values=_SPLITS[1:]),
    "cluster": Column(),
    "image": _FACT,
    "question": Column(),
    "options": Column("list"),
    "gold": Column(),
    "category": _FACT,
}
# Items of a public benchmark. `golds` are accepted answers, of a choice the letter.
SET_ITEMS: Table = {
    "id": Column(unique=True),
    "benchmark": Column(),
    "part": Column(values=_SPLITS[1:]),
    "cluster": Column(),
    "image": _FACT,
    "form": Column(values=("letter", "yes_no", "brief")),
    "question": Column(),
    "options": Column("list", empty=True),
    "golds": Column("list"),
    "category": _FACT,
    "pair": _FACT,
}


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as dicts by column."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def conform(frame: pd.DataFrame, table: Table, name: str) -> pd.DataFrame:
    """Return `frame` with the table's columns and types, index 0, 1, ...

    Raises DataError naming the table, the column and the first value that does not fit.
    """
    columns = {}
    for column, rule in table.items():
        if column not in frame:
            raise DataError(f"table {name!r}: column {column!r} is missing")
        values = frame[column].reset_index(drop=True)
        _check(values, rule, f"table {name!r}, column {column!r}")
        columns[column] = _typed(values, rule)
    return pd.DataFrame(columns)


def _typed(values: pd.Series[Any], rule: Column) -> pd.Series[Any]:
    if rule.kind == "count":
        return values.astype("Int64" if rule.empty else "int64")
    return values.astype("str" if rule.kind == "text" else "object")


def _check(values: pd.Series[Any], rule: Column, where: str) -> None:
    seen: set[Any] = set()
    for row, value in enumerate(values):
        if _is_missing(value) or (rule.empty and value == []):
            if not rule.empty:
                raise DataError(f"{where}: row {row} is empty; every row needs a value")
        elif not _FITS[rule.kind](value) or (rule.values and value not in rule.values):
            raise DataError(f"{where}: row {row} is {value!r}; allowed: {_allowed(rule)}")
        elif rule.unique and value in seen:
            raise DataError(f"{where}: row {row} is {value!r} once more; values are unique")
        elif rule.unique:
            seen.add(value)


def _allowed(rule: Column) -> str:
    names = {"text": "text", "count": "whole numbers from 0", "list": "lists that are not empty"}
    return ", ".join(rule.values) or names[rule.kind]


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value != value or value == ""


_FITS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "count": lambda value: isinstance(value, int | float) and value >= 0 and value % 1 == 0,
    "list": lambda value: isinstance(value, list) and len(value) > 0,
}
