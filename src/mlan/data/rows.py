"""Rows of your own files on their way to examples: kept, or dropped and counted with a reason.

An adapter turns one raw row into a `Row`, or raises `BadRowError` with the reason. What all
adapters share stands here: rows that share an id but say something else (LLaVA's files have
many) get `id#2`, `id#3`; a copy is dropped; above `max_rejected` dropped rows are an error.
Not here: how a file is read (`files`), what a row of an adapter looks like (its own module).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from mlan.config.benchmarks import SetBenchmark
from mlan.config.data import OwnSource
from mlan.data.fields import BadRowError, is_unicode
from mlan.data.tables import EXAMPLES, conform
from mlan.errors import DataError

Turns = list[dict[str, str]]


class Pictured(Protocol):
    """A row with a number and an id that shows the picture `image`."""

    @property
    def number(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def image(self) -> str: ...
    @property
    def embedded(self) -> bool: ...


@dataclass(frozen=True)
class Row:
    """A row that parsed: `number` counts from 0, `image` is relative, empty for text.

    `embedded`: the file holds the picture itself, and `image` is a name made for it.
    """

    number: int
    id: str
    image: str
    turns: Turns
    style: str = "free"
    embedded: bool = False


@dataclass(frozen=True)
class Rejected:
    """A row that was dropped, and why."""

    number: int
    id: str
    reason: str


@dataclass(frozen=True)
class Adapter:
    """How one source reads its files.

    `parse` takes a row's number and content and returns None for a row of the other modality.
    `needed` columns must stand in a table, `optional` ones may; `id` and `image` are columns
    too. `unfold` opens a release that nests its rows. `header` names the columns of a file
    without a header line, `escapes` says whether a TSV writes line breaks as `\\n`.
    """

    parse: Callable[[int, Any], Row | None]
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    id: str = "id"
    image: str = "image"
    unfold: Callable[[Any], Iterable[Any]] = lambda raw: [raw]
    header: tuple[str, ...] | None = None
    escapes: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A row of a readable file that has no content to parse, and why."""

    reason: str
    content: Any = None


def collect(adapter: Adapter, raw_rows: Iterable[Any]) -> tuple[list[Row], list[Rejected]]:
    """Return the usable and the dropped rows, in order; every row of the modality is in one."""
    kept: list[Row] = []
    dropped: list[Rejected] = []
    seen: dict[str, list[bytes]] = {}
    for number, raw in enumerate(raw_rows):
        content = raw.content if isinstance(raw, Unreadable) else raw
        try:
            if isinstance(raw, Unreadable):
                raise BadRowError(raw.reason)
            row = adapter.parse(number, raw)
            if row is not None:
                kept.append(_unique(row, seen))
        except BadRowError as error:
            dropped.append(Rejected(number, row_id(content, number, adapter.id), str(error)))
    return kept, dropped


def row_id(raw: Any, number: int, column: str = "id") -> str:
    """Return a row's own id, or its place where it has none."""
    return own_id(raw, column) or f"row-{number}"


def own_id(raw: Any, column: str = "id") -> str | None:
    """Return the id that a row gives itself, a text or a whole number, if it does."""
    found = raw.get(column) if isinstance(raw, dict) else None
    usable = isinstance(found, str | int) and is_unicode(str(found))
    return str(found) or None if usable else None


def check_rejected(
    name: str, source: OwnSource | SetBenchmark, kept: int, dropped: Iterable[Rejected]
) -> None:
    """Raise DataError, with counts by reason, when too many rows were dropped or none is left."""
    reasons = Counter(row.reason for row in dropped)
    rejected = reasons.total()
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    if rejected > source.max_rejected * (kept + rejected):
        raise DataError(
            f"{source.place(name)}: {rejected} of {kept + rejected} rows rejected ({listed}); "
            f"max_rejected = {source.max_rejected:g}; mend the rows or raise it"
        )
    if not kept:
        raise DataError(
            f"{source.place(name)}: no usable {source.modality} row in {', '.join(source.path)}"
            + (f" ({listed})" if listed else "; rows with `image` are vision, the others text")
        )


def build_examples(name: str, source: OwnSource, rows: Sequence[Row]) -> pd.DataFrame:
    """Return the rows as `tables.EXAMPLES`; ids and pictures carry the source's name."""
    return conform(
        pd.DataFrame(
            {
                "id": [f"{name}/{row.id}" for row in rows],
                "source": name,
                "modality": source.modality,
                "image": [f"{name}/{row.image}" if row.image else "" for row in rows],
                "turns": [row.turns for row in rows],
                "style": [row.style for row in rows],
                "concept": "",
            }
        ),
        EXAMPLES,
        name,
    )


def _unique(row: Row, seen: dict[str, list[bytes]]) -> Row:
    """Return the row under an id of its own; a row that was there before is dropped."""
    content = json.dumps([row.image, row.turns], sort_keys=True)
    return _renamed(row, hashlib.sha256(content.encode()).digest(), seen)


def _renamed(row: Row, content: bytes, seen: dict[str, list[bytes]]) -> Row:
    same_id = seen.setdefault(row.id, [])
    if content in same_id:
        raise BadRowError("duplicate of an earlier row")
    same_id.append(content)
    if len(same_id) == 1:
        return row
    return _renamed(dataclasses.replace(row, id=f"{row.id}#{len(same_id)}"), content, seen)
