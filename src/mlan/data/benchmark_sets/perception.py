"""MME, RealWorldQA and TextVQA: questions about what a picture shows.

MME (huggingface.co/datasets/lmms-lab/MME, test, 2,374 rows): `question_id` (names the picture,
which two questions share), `question, answer` (Yes or No), `category` (14 of them), `image`. The
question's own request for yes or no is taken off. `pair` and cluster are the picture.

RealWorldQA (lmms-lab/RealWorldQA or xai-org/RealworldQA, test, 765 rows): `question, answer`
(text), `image`. The question lists its options in lines `A. ...`, or asks for a word or number;
which of the two is told from the question alone. Its own request is taken off.

TextVQA (lmms-lab/textvqa, validation, 5,000 rows): `question_id` (number), `image_id, question`
(text), `answers` (ten texts), `image`. No recognised text is shown with the picture.
"""

from __future__ import annotations

import re
from typing import Any

from mlan.data.benchmark_sets.layout import YES_NO, BenchmarkSet, Posed, given
from mlan.data.fields import BadRowError, text, value

_ASKS_YES_NO = " Please answer yes or no."
_REQUEST = re.compile(r"\s*Please answer directly with[^\n]*$")
_OPTION = re.compile(r"^([A-Z])[.:)] *(\S.*)$")


def _mme(row: dict[str, Any]) -> Posed:
    answer = text(row, "answer").lower().removesuffix(".")
    if answer not in YES_NO:
        raise BadRowError("answer is neither yes nor no")
    question = text(row, "question").removesuffix(_ASKS_YES_NO.strip()).strip()
    pair = _mme_picture(row)
    return Posed("yes_no", question, [answer], YES_NO, f"mme/{pair}", text(row, "category"), pair)


def _mme_picture(row: dict[str, Any]) -> str:
    """Return `<category>/<file>`: one file's name may stand in several categories."""
    name, category = text(row, "question_id"), text(row, "category")
    return name if name.startswith(f"{category}/") else f"{category}/{name}"


def _realworldqa(row: dict[str, Any]) -> Posed:
    lines = _REQUEST.sub("", text(row, "question")).splitlines()
    found = [_OPTION.match(line.strip()) for line in lines]
    options = [match[2].strip() for match in found if match]
    names = [match[1] for match in found if match]
    question = "\n".join(line for line, match in zip(lines, found, strict=True) if not match)
    answer = text(row, "answer")
    if len(options) < 2:
        return Posed("brief", "\n".join(lines).strip(), [answer])
    if answer not in names or len(set(names)) < len(names):
        raise BadRowError("answer is no letter of an option")
    gold = chr(ord("A") + names.index(answer))
    return Posed("letter", question.strip(), [gold], options)


def _textvqa(row: dict[str, Any]) -> Posed:
    cluster = f"openimages/{text(row, 'image_id')}"
    golds = given(value(row, "answers"))
    return Posed("brief", text(row, "question"), golds, cluster=cluster)


def _textvqa_picture(row: dict[str, Any]) -> str:
    return f"{text(row, 'image_id')}.jpg"


MME = BenchmarkSet(
    _mme,
    ("question_id", "question", "answer", "category", "image"),
    id="",
    picture=_mme_picture,
)
REALWORLDQA = BenchmarkSet(_realworldqa, ("question", "answer", "image"))
TEXTVQA = BenchmarkSet(
    _textvqa,
    ("question_id", "image_id", "question", "answers"),
    id="question_id",
    picture=_textvqa_picture,
)
