"""Your own conversations: LLaVA's JSON list, or JSONL, read row by row.

A row is `{id, image?, conversations: [{from: human|gpt, value}, ...]}`. What does not fit is
dropped and counted with a reason; a file that is not JSON at all, or has the wrong sha256, is
an error at once. The `<image>` marker stands once, in the first human turn, and is removed.
Rows that share an id but say something else (LLaVA's files have many) get `id#2`, `id#3`.
Not here: whether a picture can be decoded (`photos`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from mlan.config.data import ConversationsSource, Modality
from mlan.data.tables import EXAMPLES, conform
from mlan.errors import DataError
from mlan.records import file_digest

MARKER = "<image>"
Turns = list[dict[str, str]]


@dataclass(frozen=True)
class Row:
    """A row that parsed: `number` counts from 0, `image` is relative, empty for text."""

    number: int
    id: str
    image: str
    turns: Turns


@dataclass(frozen=True)
class Rejected:
    """A row that was dropped, and why."""

    number: int
    id: str
    reason: str


class _BadRowError(Exception):
    """Why a row is dropped."""


def read_conversations(
    name: str, source: ConversationsSource, file: Path
) -> tuple[list[Row], list[Rejected]]:
    """Return the usable and the dropped rows of the source's modality, in the file's order.

    A row that shows no modality counts for both. Raises DataError for a file that is missing,
    is not JSON, or differs from `sha256`.
    """
    kept: list[Row] = []
    dropped: list[Rejected] = []
    seen: dict[str, list[str]] = {}
    for number, raw in enumerate(_load(name, source, file)):
        if isinstance(raw, dict) and _modality(raw) != source.modality:
            continue
        try:
            kept.append(_unique(_parse(number, raw, source.modality), seen))
        except _BadRowError as error:
            dropped.append(Rejected(number, _id(raw, number), str(error)))
    return kept, dropped


def check_rejected(
    name: str, source: ConversationsSource, kept: int, dropped: Iterable[Rejected]
) -> None:
    """Raise DataError, with counts by reason, when too many rows were dropped or none is left."""
    reasons = Counter(row.reason for row in dropped)
    rejected = reasons.total()
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    if rejected > source.max_rejected * (kept + rejected):
        raise DataError(
            f"data.sources.{name}: {rejected} of {kept + rejected} rows rejected ({listed}); "
            f"max_rejected = {source.max_rejected:g}; mend the rows or raise it"
        )
    if not kept:
        raise DataError(
            f"data.sources.{name}: no usable {source.modality} row in {source.path}"
            + (f" ({listed})" if listed else "; rows with `image` are vision, the others text")
        )


def build_examples(name: str, source: ConversationsSource, rows: list[Row]) -> pd.DataFrame:
    """Return the rows as `tables.EXAMPLES`; ids and pictures carry the source's name."""
    return conform(
        pd.DataFrame(
            {
                "id": [f"{name}/{row.id}" for row in rows],
                "source": name,
                "modality": source.modality,
                "image": [f"{name}/{row.image}" if row.image else "" for row in rows],
                "turns": [row.turns for row in rows],
                "style": "free",
                "concept": "",
            }
        ),
        EXAMPLES,
        name,
    )


def _load(name: str, source: ConversationsSource, file: Path) -> Iterator[Any]:
    where = f"data.sources.{name}.path = {str(source.path)!r}"
    if not file.is_file():
        raise DataError(f"{where}: no such file; paths are relative to the study file")
    if source.sha256 and (found := file_digest(file)) != source.sha256:
        raise DataError(f"{where}: sha256 is {found}, data.sources.{name}.sha256 says otherwise")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    if text.lstrip().startswith("["):
        yield from _json_list(text, where)
    else:
        yield from _json_lines(text, where)


def _json_list(text: str, where: str) -> Iterator[Any]:
    try:
        yield from json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where}: not JSON at line {error.lineno} column {error.colno} ({error.msg}); "
            "is the file complete?"
        ) from None


def _json_lines(text: str, where: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{where}: not JSON at line {number} column {error.colno} ({error.msg}); "
                "a file is one JSON list, or one JSON object per line"
            ) from None


def _modality(raw: dict[str, Any]) -> Modality:
    return "vision" if raw.get("image") else "text"


def _id(raw: Any, number: int) -> str:
    found = raw.get("id") if isinstance(raw, dict) else None
    usable = isinstance(found, str | int) and found != "" and _is_unicode(str(found))
    return str(found) if usable else f"row-{number}"


def _parse(number: int, raw: Any, modality: Modality) -> Row:
    if not isinstance(raw, dict):
        raise _BadRowError("row is not an object")
    image = _image(raw["image"]) if modality == "vision" else ""
    return Row(number, _id(raw, number), image, _turns(raw.get("conversations"), modality))


def _image(value: Any) -> str:
    """Return a relative path in one spelling; nothing may lead out of the image folder."""
    if isinstance(value, list):
        if len(value) != 1:
            raise _BadRowError("more than one image")
        value = value[0]
    if not isinstance(value, str) or not _is_unicode(value):
        raise _BadRowError("image is not a path")
    path = PurePosixPath(value.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in str(path):
        raise _BadRowError("image outside the image folder")
    return str(path)


def _turns(messages: Any, modality: Modality) -> Turns:
    if not isinstance(messages, list) or not messages:
        raise _BadRowError("no conversations")
    texts = [_text(message, ("human", "gpt")[i % 2]) for i, message in enumerate(messages)]
    if len(texts) % 2:
        raise _BadRowError("last question has no answer")
    _check_markers(texts, modality)
    questions = [text.replace(MARKER, "").strip() for text in texts[::2]]
    answers = [text.strip() for text in texts[1::2]]
    if not all(answers):
        raise _BadRowError("empty answer")
    if not all(questions):
        raise _BadRowError("empty question")
    return [{"user": q, "assistant": a} for q, a in zip(questions, answers, strict=True)]


def _text(message: Any, role: str) -> str:
    if not isinstance(message, dict) or not isinstance(message.get("value"), str):
        raise _BadRowError("turn without a text value")
    if message.get("from") != role:
        raise _BadRowError("roles are not human, gpt, human, gpt, ...")
    text: str = message["value"]
    if not _is_unicode(text):
        raise _BadRowError("text is not Unicode")
    return text


def _is_unicode(text: str) -> bool:
    """Whether a text can be stored: JSON escapes can spell half a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _check_markers(texts: list[str], modality: Modality) -> None:
    wanted = int(modality == "vision")
    total = sum(text.count(MARKER) for text in texts)
    if total < wanted:
        raise _BadRowError(f"no {MARKER} in the first question")
    if total > wanted:
        raise _BadRowError(f"more than one {MARKER}" if wanted else f"{MARKER} without an image")
    if texts[0].count(MARKER) != wanted:
        raise _BadRowError(f"{MARKER} is not in the first question")


def _unique(row: Row, seen: dict[str, list[str]]) -> Row:
    """Return the row under an id of its own; a row that was there before is dropped."""
    content = json.dumps([row.image, row.turns], sort_keys=True)
    same_id = seen.setdefault(row.id, [])
    if content in same_id:
        raise _BadRowError("duplicate of an earlier row")
    same_id.append(content)
    if len(same_id) == 1:
        return row
    return _unique(Row(row.number, f"{row.id}#{len(same_id)}", row.image, row.turns), seen)
