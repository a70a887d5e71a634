"""ScienceQA: school questions with options, about half of them with a picture.

Card: huggingface.co/datasets/lmms-lab/ScienceQA (`ScienceQA-FULL`, test 4,241 rows): `image`
(empty for questions of text), `question, hint, subject` (text), `choices` (list of text),
`answer` (from 0). `scienceqa_text` and `scienceqa_image` each take their rows of the same file.
A hint, where there is one, stands before the question. The cluster is the picture, or the item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlan.data.benchmark_sets.choices import letter_of
from mlan.data.benchmark_sets.layout import BenchmarkSet, Posed, in_context, label
from mlan.data.fields import as_text, has_image, text, texts, whole


def _reader(*, pictures: bool) -> Callable[[dict[str, Any]], Posed | None]:
    def read(row: dict[str, Any]) -> Posed | None:
        if has_image(row, "image") != pictures:
            return None
        options = texts(row, "choices")
        gold = letter_of(whole(row, "answer"), len(options), "answer")
        hint = as_text(row["hint"], "hint") if row.get("hint") else ""
        question = in_context(text(row, "question"), hint)
        return Posed("letter", question, [gold], options, category=label(row.get("subject")))

    return read


_LAYOUT = (("question", "choices", "answer", "image"), ("hint", "subject"))
SCIENCEQA_TEXT = BenchmarkSet(_reader(pictures=False), *_LAYOUT)
SCIENCEQA_IMAGE = BenchmarkSet(_reader(pictures=True), *_LAYOUT)
