"""VQAv2: a short answer, or yes or no, about a COCO picture.

Release (visualqa.org/download): v2_OpenEnded_mscoco_train2014_questions.json, `questions[]` of
`{image_id, question, question_id}`, and v2_mscoco_train2014_annotations.json, `annotations[]`
of `{question_id, image_id, answer_type, multiple_choice_answer, answers, question_type}`; they
are joined by `question_id`, and must agree on `image_id`. Card: lmms-lab/VQAv2 and
HuggingFaceM4/VQAv2 on huggingface.co hold both in one row, with the picture as `image`.

The most frequent of ten answers (`multiple_choice_answer`) is learnt. A question is put as
yes/no where the release's own `answer_type` says so and the answer is yes or no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mlan.data.asked import Asked
from mlan.data.fields import BadRowError, text, whole
from mlan.data.instruction_sets.layout import InstructionSet
from mlan.data.rows import Unreadable
from mlan.errors import DataError


def read(row: dict[str, Any]) -> Asked:
    """Return a question about a picture. Raises BadRowError for a row without its annotation."""
    if "multiple_choice_answer" not in row:
        raise BadRowError("no multiple_choice_answer (a file beside it? name it in `annotations`)")
    answer = text(row, "multiple_choice_answer")
    yes_no = text(row, "answer_type") == "yes/no" and answer.lower() in ("yes", "no")
    question = text(row, "question")
    if yes_no:
        return Asked("yes_no", question, answer.lower())
    return Asked("brief", question, answer)


def unfold(raw: Any) -> Iterable[Any]:
    """Yield the questions or annotations of a release's one object; other rows as they are."""
    for key in ("questions", "annotations"):
        if isinstance(raw, dict) and isinstance(raw.get(key), list):
            rows: list[Any] = raw[key]
            return rows
    return [raw]


def join(where: str, questions: Iterable[Any], annotations: Iterable[Any]) -> Iterator[Any]:
    """Yield each question with its annotation's columns, or why it has none.

    Raises DataError when an annotation has no `question_id`, stands twice, or has no question.
    """
    answers = _by_question(where, annotations)
    unused = set(answers)
    for question in questions:
        key = _key(question)
        if key is None or key not in answers:
            yield Unreadable("no annotation of this question_id", question)
            continue
        unused.discard(key)
        if answers[key].get("image_id") != question.get("image_id"):
            yield Unreadable("annotation of another image_id", question)
        else:
            yield {**answers[key], **question}
    if unused:
        raise DataError(f"{where}: {len(unused)} annotations have no question in `path`")


def _by_question(where: str, annotations: Iterable[Any]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    wanted = ("question_id", "image_id", "answer_type", "multiple_choice_answer")
    for number, annotation in enumerate(annotations):
        key = _key(annotation)
        if key is None:
            raise DataError(f"{where}: annotation {number} has no question_id")
        if key in found:
            raise DataError(f"{where}: question_id {key} stands twice")
        found[key] = {column: annotation[column] for column in wanted if column in annotation}
    return found


def _key(row: Any) -> int | None:
    try:
        return whole(row, "question_id") if isinstance(row, dict) else None
    except BadRowError:
        return None


VQAV2 = InstructionSet(
    read,
    ("question",),
    ("answer_type", "multiple_choice_answer"),
    id="question_id",
    unfold=unfold,
    image_name="COCO_train2014_{image_id:012d}.jpg",
)
