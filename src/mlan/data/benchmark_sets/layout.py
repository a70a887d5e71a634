"""How a public benchmark is laid out: what its row needs, and the question that a row poses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlan.data.asked import Asked
from mlan.data.fields import BadRowError, is_unicode

Form = Literal["letter", "yes_no", "brief"]
YES_NO = ("yes", "no")
# Where the reader notes the name of the file that a row stands in, without its ending.
FILE = "file name"


@dataclass(frozen=True)
class Posed:
    """A question with what counts as its answer.

    `golds`: the letter of the right option (`letter`), `yes` or `no` (`yes_no`), or every accepted
    answer, repeated as often as it was given (`brief`). `cluster` is what was sampled, the same
    id in all benchmarks; empty where it is the picture, or the item itself. `pair` names items
    that some metrics judge together. `id` names the question where no one column does.
    """

    form: Form
    question: str
    golds: Sequence[str]
    options: Sequence[str] = ()
    cluster: str = ""
    category: str = ""
    pair: str = ""
    id: str = ""


def _as_it_is(raw: Any) -> Iterable[Any]:
    return [raw]


def _all(posed: Sequence[Posed]) -> Sequence[int]:
    return range(len(posed))


@dataclass(frozen=True)
class BenchmarkSet:
    """One benchmark: `read` turns a row into a question, raises BadRowError, or returns None.

    None is a row that belongs to another benchmark of the same file. `columns` must stand in a
    table, `optional` ones may, `id` names the rows; `image` is the column of a picture and
    `picture` the name that the set gives it (without: its path, or a digest of its content).
    `unfold` opens a release that nests its rows; `asked` chooses among all questions of a part.
    """

    read: Callable[[dict[str, Any]], Posed | None]
    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    id: str = "id"
    unfold: Callable[[Any], Iterable[Any]] = _as_it_is
    image: str = "image"
    picture: Callable[[dict[str, Any]], str] | None = None
    asked: Callable[[Sequence[Posed]], Sequence[int]] = _all


def posed(asked: Asked, **more: str) -> Posed:
    """Return a question that has an instruction set's layout; `more` are fields of Posed."""
    question = in_context(asked.question, asked.context)
    if asked.kind == "choose":
        return Posed("letter", question, [asked.answer], list(asked.options), **more)
    if asked.kind == "yes_no":
        return Posed("yes_no", question, [asked.answer], YES_NO, **more)
    return Posed("brief", question, [asked.answer], **more)


def in_context(question: str, context: str) -> str:
    """Return a question below the text that it is about."""
    return f"Context: {context}\nQuestion: {question}" if context else question


def given(answers: Any) -> list[str]:
    """Return the answers that people gave, in order; some of them may be empty, not all.

    Raises BadRowError where they are no list of texts, or all are empty.
    """
    if not isinstance(answers, list) or not all(isinstance(a, str) for a in answers):
        raise BadRowError("answers are not a list of texts")
    found = [answer.strip() for answer in answers]
    if not any(found) or not all(map(is_unicode, found)):
        raise BadRowError("no answer")
    return found


def label(found: Any) -> str:
    """Return what names a category, empty where a row says nothing usable."""
    return found if isinstance(found, str) and is_unicode(found) else ""


def content_id(content: str | bytes) -> str:
    """Return 20 hex digits that name a content: equal contents are one cluster."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:20]
