"""Adapter `qa`: one question and answer a row, in JSON, JSONL, CSV, TSV or parquet.

Columns are the source's to name. Options are one column (a list, or the `{label, text}` of
data cards) or several, an option each, of which the last ones may be empty. The right option
is named by its text, its letter or its index, as the source says; nothing is guessed. Answers
may be numbers, or true and false for yes and no.
"""

from __future__ import annotations

from typing import Any

from mlan.config.data import QaSource
from mlan.data.asked import Asked, Kind, put
from mlan.data.fields import (
    BadRowError,
    as_text,
    is_unicode,
    kind_of,
    labelled,
    letters,
    mapping,
    picture_of,
    text,
    value,
    whole,
)
from mlan.data.rows import Adapter, Row, own_id, row_id

_TRUTHS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


def qa(source: QaSource) -> Adapter:
    """Return how rows of questions and answers are read."""
    options = tuple(source.options or ())

    def parse(number: int, raw: Any) -> Row | None:
        row = mapping(raw)
        shown = picture_of(row, source.image, number, source.modality)
        if shown is None:
            return None
        image, embedded = shown
        asked = _asked(row, source)
        turn = put(asked, own_id(row, source.id) or asked.question)
        name = row_id(row, number, source.id)
        return Row(number, name, image, [turn], style=asked.kind, embedded=embedded)

    needed = (source.question, source.answer, *options)
    if source.context is not None:
        needed += (source.context,)
    return Adapter(
        parse,
        needed=needed,
        optional=(source.id, source.image),
        id=source.id,
        image=source.image,
        header=None if source.columns is None else tuple(source.columns),
        escapes=source.escapes,
    )


def _asked(row: dict[str, Any], source: QaSource) -> Asked:
    question = text(row, source.question)
    context = _maybe(row, source.context)
    if source.options is not None:
        names, options = _options(row, source.options)
        answer = letters(len(options))[_right(row, source, names, options)]
        return Asked("choose", question, answer, options, context)
    kind: Kind = source.kind or "free"
    answer = _answer(row, source.answer)
    if kind == "yes_no":
        if answer.lower().rstrip(".") not in _TRUTHS:
            raise BadRowError("answer is neither yes nor no")
        answer = _TRUTHS[answer.lower().rstrip(".")]
    return Asked(kind, question, answer, context=context)


def _maybe(row: dict[str, Any], column: str | None) -> str:
    """Return a context, which single rows may lack."""
    if column is None or row.get(column) in (None, ""):
        return ""
    return text(row, column)


def _answer(row: dict[str, Any], column: str) -> str:
    found = value(row, column)
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int | float):
        return _number(found, column)
    return as_text(found, column)


def _number(found: float, column: str) -> str:
    if found != found or found in (float("inf"), float("-inf")):
        raise BadRowError(f"{column} is not a finite number")
    try:
        return str(found)
    except ValueError:  # more digits than Python writes
        raise BadRowError(f"{column} is too large") from None


def _options(row: dict[str, Any], columns: list[str]) -> tuple[list[str], list[str]]:
    """Return labels and texts of a row's options."""
    if len(columns) == 1:
        return labelled(row, columns[0])
    cells = [row.get(column) for column in columns]
    while cells and cells[-1] in (None, ""):
        cells.pop()
    options = [_cell(cell) for cell in cells]
    return letters(len(options)), options


def _cell(cell: Any) -> str:
    if isinstance(cell, str) and cell.strip() and is_unicode(cell):
        return cell.strip()
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _number(cell, "option")
    raise BadRowError(f"option is {kind_of(cell) if cell else 'empty'}, not text")


def _right(row: dict[str, Any], source: QaSource, names: list[str], options: list[str]) -> int:
    """Return the place of the right option, as `answer_is` names it."""
    if source.answer_is == "index":
        place = whole(row, source.answer)
        if place >= len(options):
            raise BadRowError("answer is beyond the last option")
        return place
    answer = _answer(row, source.answer)
    among = options
    if source.answer_is == "letter":
        among, answer = names, answer.strip("().: ")
    if among.count(answer) != 1:
        raise BadRowError("answer is not exactly one of the options")
    return among.index(answer)
