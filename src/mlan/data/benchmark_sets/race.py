"""RACE: questions about an exam's article, of which the last one of each article is asked.

Cards: huggingface.co/datasets/EleutherAI/race (`high`), a row an article: `article` (text),
`problems` (a list of `{question, answer, options}`, written as Python writes it); and
ehovy/race, a row a question: `example_id, article, question, answer` (text), `options` (four
texts). `answer` is a letter. The MLAN paper and its harness ask the last question of each
article, 1,045 in the test part of `high`. The cluster is the article.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from mlan.data.benchmark_sets.layout import BenchmarkSet, Posed, content_id, in_context
from mlan.data.fields import BadRowError, letters, text, texts


def read(row: dict[str, Any]) -> Posed:
    """Return one question about an article."""
    if "problems" in row:
        raise BadRowError("problems is not a list of questions")
    article, options = text(row, "article"), texts(row, "options")
    answer = text(row, "answer")
    if answer not in letters(len(options)):
        raise BadRowError("answer is no letter of an option")
    question = in_context(text(row, "question"), article)
    return Posed("letter", question, [answer], options, cluster=f"race/{content_id(article)}")


def unfold(raw: Any) -> Iterable[Any]:
    """Yield the questions of a row that is an article; other rows as they are."""
    problems = raw.get("problems") if isinstance(raw, dict) else None
    if isinstance(problems, str):
        try:
            problems = ast.literal_eval(problems)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [raw]
    if not isinstance(problems, list) or not problems:
        return [raw]
    whole = {"article": raw.get("article")}
    return [{**one, **whole} if isinstance(one, dict) else one for one in problems]


def last_of_each(questions: Sequence[Posed]) -> Sequence[int]:
    """Return the places of the last question of every article, in order."""
    return sorted({posed.cluster: place for place, posed in enumerate(questions)}.values())


RACE = BenchmarkSet(
    read,
    ("article",),
    ("problems", "question", "options", "answer"),
    id="example_id",
    unfold=unfold,
    asked=last_of_each,
)
