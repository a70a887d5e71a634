"""AI2D and MMBench: lettered choices about a picture, the picture within the row.

AI2D (huggingface.co/datasets/lmms-lab/ai2d, test, 3,088 rows): `question` (text), `options`
(four texts), `answer` (a digit from 0, as text), `image`; a diagram has no name, so questions
about equal pictures are one cluster.

MMBench (lmms-lab/MMBench_EN, dev, 4,329 rows): `index` (number), `question, hint, answer` (a
letter), `A, ..., E` (text, `nan` where there is no such option), `category`, `image`. The
same question stands under several indices, its options rotated: `index` modulo 1,000,000 is
the base item, kept as `pair` for circular scores, and the cluster.
"""

from __future__ import annotations

from typing import Any

from mlan.data.benchmark_sets.choices import letter_of
from mlan.data.benchmark_sets.layout import BenchmarkSet, Posed, in_context, label
from mlan.data.fields import BadRowError, letters, text, texts, whole

_ROTATION = 1_000_000
_LETTERS = ("A", "B", "C", "D", "E")


def _ai2d(row: dict[str, Any]) -> Posed:
    options = texts(row, "options")
    gold = letter_of(whole(row, "answer"), len(options), "answer")
    return Posed("letter", text(row, "question"), [gold], options)


def _mmbench(row: dict[str, Any]) -> Posed:
    options = [text(row, letter) for letter in _LETTERS if _said(row, letter)]
    answer = text(row, "answer")
    if answer not in letters(len(options)):
        raise BadRowError("answer is no letter of an option")
    hint = text(row, "hint") if _said(row, "hint") else ""
    base = str(whole(row, "index") % _ROTATION)
    return Posed(
        "letter",
        in_context(text(row, "question"), hint),
        [answer],
        options,
        cluster=f"mmbench/{base}",
        category=label(row.get("category")),
        pair=base,
    )


def _said(row: dict[str, Any], column: str) -> bool:
    found = row.get(column)
    return found == found and found not in (None, "", "nan")


def _mmbench_picture(row: dict[str, Any]) -> str:
    return f"{whole(row, 'index') % _ROTATION}.jpg"


AI2D = BenchmarkSet(_ai2d, ("question", "options", "answer", "image"))
MMBENCH = BenchmarkSet(
    _mmbench,
    ("index", "question", "answer", *_LETTERS[:2], "image"),
    (*_LETTERS[2:], "hint", "category"),
    id="index",
    picture=_mmbench_picture,
)
