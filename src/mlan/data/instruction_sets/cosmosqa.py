"""CosmosQA: four answers to a question about a story.

Card: huggingface.co/datasets/allenai/cosmos_qa: `id, context, question, answer0, ..., answer3`
(text), `label` (0 to 3, -1 in the test part). Release (github.com/wilburOne/cosmosqa,
train.csv): the same columns.
"""

from __future__ import annotations

from typing import Any

from mlan.data.asked import Asked
from mlan.data.fields import BadRowError, letters, text, whole
from mlan.data.instruction_sets.layout import InstructionSet

ANSWERS = ("answer0", "answer1", "answer2", "answer3")


def read(row: dict[str, Any]) -> Asked:
    """Return a question with four options about its story."""
    options = [text(row, column) for column in ANSWERS]
    label = whole(row, "label")
    if label >= len(options):
        raise BadRowError("label is not 0 to 3")
    answer = letters(len(options))[label]
    return Asked("choose", text(row, "question"), answer, options, text(row, "context"))


COSMOSQA = InstructionSet(read, ("context", "question", *ANSWERS, "label"))
