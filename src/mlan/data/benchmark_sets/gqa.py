"""GQA: short answers about scenes; questions and pictures lie in files of their own.

Card: huggingface.co/datasets/lmms-lab/GQA, `testdev_balanced_instructions` (12,578 rows): `id,
imageId, question, answer` (text), `types` (`{structural, semantic, detailed}`); and
`testdev_balanced_images` (398 rows): `id`, `image`. They are joined by `imageId`. The release
(testdev_balanced_questions.json) is one object, question id -> the same columns; its pictures
are files `<imageId>.jpg`. Whether yes or no is asked for is never told from the answer. The
cluster is the picture, of Visual Genome: about half are COCO's too, under other numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlan.data.benchmark_sets.layout import BenchmarkSet, Posed, label
from mlan.data.fields import text


def read(row: dict[str, Any]) -> Posed:
    """Return a question with its one answer."""
    kinds = row.get("types")
    category = label(kinds.get("structural")) if isinstance(kinds, dict) else ""
    cluster = f"gqa/{text(row, 'imageId')}"
    golds = [text(row, "answer")]
    return Posed("brief", text(row, "question"), golds, cluster=cluster, category=category)


def unfold(raw: Any) -> Iterable[Any]:
    """Yield the questions of the release's one object; other rows stand as they are."""
    if not isinstance(raw, dict) or "question" in raw:
        return [raw]
    return [{"id": key, **row} if isinstance(row, dict) else row for key, row in raw.items()]


def picture(row: dict[str, Any]) -> str:
    """Return the file name of a question's picture."""
    return f"{text(row, 'imageId')}.jpg"


GQA = BenchmarkSet(
    read, ("id", "imageId", "question", "answer"), ("types",), unfold=unfold, picture=picture
)
