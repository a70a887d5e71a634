"""MMMU: college questions with up to seven pictures, with options or open.

Card: huggingface.co/datasets/MMMU/MMMU (30 subjects, validation, 900 rows): `id, question`
(text, with marks `<image 1>`), `options` (a list of texts, written as Python writes it; empty
for open questions), `answer` (a letter, or the answer, or a list of accepted ones written the
same way), `question_type`, `image_1`, ..., `image_7`. Only the first picture is shown, as LLaVA
does; the category is the subject, which the id names (`validation_Accounting_1`).
"""

from __future__ import annotations

import ast
import re
from typing import Any

from mlan.data.benchmark_sets.layout import BenchmarkSet, Posed
from mlan.data.fields import BadRowError, as_text, letters, text, value

_MARK = re.compile(r"<image (\d)>")
_SUBJECT = re.compile(r"^[a-z]+_(.+)_\d+$")


def read(row: dict[str, Any]) -> Posed:
    """Return a lettered choice, or an open question where there are no options."""
    found = _list(value(row, "options"), "options")
    options = [_shown(as_text(option, "options")) for option in found]
    subject = _SUBJECT.match(text(row, "id"))
    category = subject[1] if subject else ""
    question, answer = _shown(text(row, "question")), text(row, "answer")
    if not options:
        golds = [as_text(str(a), "answer") for a in _accepted(answer)]
        if not golds:
            raise BadRowError("empty answer")
        return Posed("brief", question, golds, category=category)
    if answer not in letters(len(options)):
        raise BadRowError("answer is no letter of an option")
    return Posed("letter", question, [answer], options, category=category)


def _shown(written: str) -> str:
    """Return a text whose marks of pictures are words: there is one picture, before the text."""
    return _MARK.sub(r"(image \1)", written)


def _list(written: Any, column: str) -> list[Any]:
    """Return a list, or the one that a text spells as Python does."""
    found = written
    if isinstance(written, str):
        try:
            found = ast.literal_eval(written)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
    if not isinstance(found, list):
        raise BadRowError(f"{column} is not a list")
    return found


def _accepted(written: str) -> list[Any]:
    several = written.startswith("[") and written.endswith("]")
    return _list(written, "answer") if several else [written]


MMMU = BenchmarkSet(read, ("id", "question", "options", "answer", "image_1"), image="image_1")
