"""SQuAD v1.1: an answer that is a span of a paragraph.

Card: huggingface.co/datasets/rajpurkar/squad: `id, title, context, question` (text) and
`answers` (`{text: [text], answer_start: [int]}`). Release (rajpurkar.github.io/SQuAD-explorer,
train-v1.1.json): one object, `data[].paragraphs[].{context, qas[].{id, question, answers}}`
with `answers` a list of `{text, answer_start}`. The first answer is learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mlan.data.asked import Asked
from mlan.data.fields import BadRowError, as_text, mapping, text, value
from mlan.data.instruction_sets.layout import InstructionSet


def read(row: dict[str, Any]) -> Asked:
    """Return a short question about a paragraph."""
    context = text(row, "context")
    found = value(row, "answers")
    answers = found.get("text") if isinstance(found, dict) else found
    if not isinstance(answers, list):
        raise BadRowError("answers hold no list")
    if not answers:
        raise BadRowError("no answer")
    first = answers[0] if isinstance(found, dict) else value(mapping(answers[0]), "text")
    answer = as_text(first, "answer")
    if answer not in context:
        raise BadRowError("answer is not in the context")
    return Asked("brief", text(row, "question"), answer, context=context)


def unfold(raw: Any) -> Iterable[Any]:
    """Yield the questions of the release's one object; other rows stand as they are."""
    if not isinstance(raw, dict) or not isinstance(raw.get("data"), list):
        return [raw]
    return _questions(raw["data"])


def _questions(articles: list[Any]) -> Iterator[Any]:
    for article in articles:
        for paragraph in _list(article, "paragraphs"):
            for question in _list(paragraph, "qas"):
                if isinstance(question, dict) and isinstance(paragraph, dict):
                    yield {**question, "context": paragraph.get("context")}
                else:
                    yield question


def _list(holder: Any, key: str) -> list[Any]:
    """Return what an object nests; one that nests nothing stands as a row of its own."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else [holder]


SQUAD = InstructionSet(read, ("context", "question", "answers"), unfold=unfold)
