"""The instruction sets of the MLAN paper (arXiv 2411.10557) and its data code, by name.

Five of text (SQuAD, StrategyQA, CommonsenseQA, CosmosQA, ARC) and two of pictures (VQAv2,
A-OKVQA). Each is one function from a raw row, as its release or its data card lays it out, to
a question of a known kind; columns and types are asserted row by row. Answers are short and
direct, as in the paper's headline models. Not here: the words of the requests (`asked`).
"""

from __future__ import annotations

from typing import Any

from mlan.config.data import InstructionSetSource
from mlan.data.asked import put
from mlan.data.fields import BadRowError, has_image, image_of, mapping, whole
from mlan.data.instruction_sets.aokvqa import AOKVQA
from mlan.data.instruction_sets.cosmosqa import COSMOSQA
from mlan.data.instruction_sets.layout import InstructionSet
from mlan.data.instruction_sets.multiple_choice import ARC, COMMONSENSEQA
from mlan.data.instruction_sets.squad import SQUAD
from mlan.data.instruction_sets.strategyqa import STRATEGYQA
from mlan.data.instruction_sets.vqav2 import VQAV2
from mlan.data.rows import Adapter, Row, own_id, row_id

SETS: dict[str, InstructionSet] = {
    "squad": SQUAD,
    "strategyqa": STRATEGYQA,
    "commonsenseqa": COMMONSENSEQA,
    "cosmosqa": COSMOSQA,
    "arc": ARC,
    "vqav2": VQAV2,
    "aokvqa": AOKVQA,
}


def instruction_set(source: InstructionSetSource) -> Adapter:
    """Return how rows of a public set are read."""
    known = SETS[source.set]

    def parse(number: int, raw: Any) -> Row:
        row = mapping(raw)
        image, embedded = ("", False)
        if known.image_name:
            image, embedded = _image(row, number, source.image_name or known.image_name)
        asked = known.read(row)
        turn = put(asked, source.set, own_id(row, known.id) or asked.question)
        name = row_id(row, number, known.id)
        return Row(number, name, image, [turn], style=asked.kind, embedded=embedded)

    pictures = ("image", "image_id") if known.image_name else ()
    optional = (known.id, *known.optional, *pictures)
    return Adapter(parse, known.columns, optional, id=known.id, unfold=known.unfold)


def _image(row: dict[str, Any], number: int, pattern: str) -> tuple[str, bool]:
    """Return the picture that a row holds, or the file that its `image_id` names.

    A held picture has that name, too, so that questions about one picture share it; without an
    `image_id` it is named by its row.
    """
    image, embedded = image_of(row, "image", number) if has_image(row, "image") else ("", False)
    if image and not (embedded and "image_id" in row):
        return image, embedded
    if "image_id" not in row:
        raise BadRowError("neither image nor image_id")
    return pattern.format(image_id=whole(row, "image_id")), embedded
