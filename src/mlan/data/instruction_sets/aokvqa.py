"""A-OKVQA: four choices of an answer that needs knowledge beside the picture.

Release (allenai.org/project/a-okvqa, aokvqa_v1p0_train.json): a list of `image_id` (int),
`question_id, question` (text), `choices` (list of text), `correct_choice_idx` (from 0),
`direct_answers, rationales`; pictures are COCO 2017's, found by `image_id`. Card:
huggingface.co/datasets/HuggingFaceM4/A-OKVQA, with the picture as `image`.
"""

from __future__ import annotations

from typing import Any

from mlan.data.asked import Asked
from mlan.data.fields import BadRowError, letters, text, texts, whole
from mlan.data.instruction_sets.layout import InstructionSet


def read(row: dict[str, Any]) -> Asked:
    """Return a question with options about a picture."""
    options = texts(row, "choices")
    names = letters(len(options))
    place = whole(row, "correct_choice_idx")
    if place >= len(options):
        raise BadRowError("correct_choice_idx is beyond the last choice")
    return Asked("choose", text(row, "question"), names[place], options)


AOKVQA = InstructionSet(
    read,
    ("question", "choices", "correct_choice_idx"),
    id="question_id",
    image_name="{image_id:012d}.jpg",
)
