"""Lettered choices: OpenBookQA, ARC, CommonsenseQA, CosmosQA, MMLU, HellaSwag.

OpenBookQA (huggingface.co/datasets/allenai/openbookqa, `main`): `id, question_stem, answerKey`
(text), `choices` (`{label: [text], text: [text]}`); its release is JSONL with `question: {stem,
choices}`. ARC, CommonsenseQA and CosmosQA: see the instruction sets of these names. MMLU
(cais/mmlu, `all`): `question, subject` (text), `choices` (four texts), `answer` (0 to 3);
its release has a file a subject, here with the columns `question, choice0, ..., answer`.
HellaSwag (Rowan/hellaswag): `activity_label, ctx, source_id` (text), `endings` (four texts),
`label` (a digit). The cluster is the item, in HellaSwag the video or article it was made from.
"""

from __future__ import annotations

import re
from typing import Any

from mlan.data.benchmark_sets.layout import FILE, BenchmarkSet, Posed, posed
from mlan.data.fields import BadRowError, labelled, letters, text, texts, whole
from mlan.data.instruction_sets.cosmosqa import COSMOSQA as COSMOSQA_ROWS
from mlan.data.instruction_sets.layout import chosen
from mlan.data.instruction_sets.multiple_choice import read as read_labelled

_COLUMNS = ("choice0", "choice1", "choice2", "choice3")
_BRACKETS = re.compile(r"\[[^\]]*\] ?")


def _openbookqa(row: dict[str, Any]) -> Posed:
    if isinstance(row.get("question"), dict):
        return posed(read_labelled(row))
    names, options = labelled(row, "choices")
    gold = chosen(names, options, text(row, "answerKey"), "answerKey")
    return Posed("letter", text(row, "question_stem"), [gold], options)


def _mmlu(row: dict[str, Any]) -> Posed:
    flat = "choices" not in row
    options = [text(row, c) for c in _COLUMNS] if flat else texts(row, "choices")
    subject = text(row, "subject") if "subject" in row else row[FILE].removesuffix("_test")
    gold = letter_of(whole(row, "answer"), len(options), "answer")
    return Posed("letter", text(row, "question"), [gold], options, category=subject)


def _hellaswag(row: dict[str, Any]) -> Posed:
    options = [_plain(ending) for ending in texts(row, "endings")]
    gold = letter_of(whole(row, "label"), len(options), "label")
    question = f"{text(row, 'activity_label')}: {_plain(text(row, 'ctx'))}"
    cluster = f"hellaswag/{text(row, 'source_id')}"
    return Posed("letter", question, [gold], options, cluster=cluster)


def _plain(written: str) -> str:
    """Return a text without the marks of WikiHow's layout, `[header]`, `[title]`, `[step]`."""
    return " ".join(_BRACKETS.sub("", written).split())


def letter_of(place: int, count: int, column: str) -> str:
    """Return the letter of an option by its place. Raises BadRowError beyond the last."""
    if place >= count:
        raise BadRowError(f"{column} is beyond the last option")
    return letters(count)[place]


OPENBOOKQA = BenchmarkSet(_openbookqa, ("question_stem", "choices", "answerKey"))
ARC = BenchmarkSet(lambda row: posed(read_labelled(row)), ("question", "choices", "answerKey"))
COMMONSENSEQA = ARC
COSMOSQA = BenchmarkSet(lambda row: posed(COSMOSQA_ROWS.read(row)), COSMOSQA_ROWS.columns)
MMLU = BenchmarkSet(_mmlu, ("question", "answer"), ("subject", "choices", *_COLUMNS))
HELLASWAG = BenchmarkSet(
    _hellaswag, ("activity_label", "ctx", "endings", "source_id", "label"), id="ind"
)
