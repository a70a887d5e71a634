"""Benchmarks on pictures of COCO: POPE and VQAv2, which share clusters `coco/<picture>`.

POPE (huggingface.co/datasets/lmms-lab/POPE; 3 x 3,000 questions about 500 pictures):
`question_id, question, answer` (yes or no), `image_source, category` (text), `image`. Release
(github.com/AoiDragon/POPE, output/coco): JSONL of `question_id, image` (a file's name), `text,
label`, one file a category, `coco_pope_<category>.json`. `category` is random, popular or
adversarial; some questions stand in several of them.

VQAv2 (lmms-lab/VQAv2, validation): `question_id, image_id` (numbers), `question` (text),
`answers` (ten of `{answer}`), `question_type`, `image`. All ten answers are kept.
"""

from __future__ import annotations

import re
from typing import Any

from mlan.data.benchmark_sets.layout import FILE, YES_NO, BenchmarkSet, Posed, given, label
from mlan.data.fields import BadRowError, mapping, text, value, whole

_NUMBER = re.compile(r"(\d{6,})(?:\.[a-z]+)?$")
_RELEASE = "coco_pope_"


def _pope(row: dict[str, Any]) -> Posed:
    released = "text" in row
    answer = text(row, "label" if released else "answer").lower()
    if answer not in YES_NO:
        raise BadRowError("answer is neither yes nor no")
    category = row[FILE].removeprefix(_RELEASE) if released else text(row, "category")
    question = text(row, "text" if released else "question")
    cluster = f"coco/{_coco_id(_pope_picture(row))}"
    name = f"{category}/{whole(row, 'question_id')}"
    return Posed("yes_no", question, [answer], YES_NO, cluster, category, id=name)


def _pope_picture(row: dict[str, Any]) -> str:
    if "image_source" in row:
        return text(row, "image_source").removesuffix(".jpg") + ".jpg"
    return text(row, "image")


def _coco_id(picture: str) -> int:
    found = _NUMBER.search(picture)
    if found is None:
        raise BadRowError("picture is not named as COCO's are")
    return int(found[1])


def _vqav2(row: dict[str, Any]) -> Posed:
    found = value(row, "answers")
    if not isinstance(found, list) or not found:
        raise BadRowError("answers hold no list")
    golds = given([mapping(answer).get("answer") for answer in found])
    cluster = f"coco/{whole(row, 'image_id')}"
    category = label(row.get("question_type"))
    return Posed("brief", text(row, "question"), golds, cluster=cluster, category=category)


def _vqav2_picture(row: dict[str, Any]) -> str:
    return f"COCO_val2014_{whole(row, 'image_id'):012d}.jpg"


POPE = BenchmarkSet(
    _pope,
    ("question_id", "question", "answer", "category", "image_source"),
    id="question_id",
    picture=_pope_picture,
)
VQAV2 = BenchmarkSet(
    _vqav2,
    ("question_id", "image_id", "question", "answers"),
    ("question_type",),
    id="question_id",
    picture=_vqav2_picture,
)
