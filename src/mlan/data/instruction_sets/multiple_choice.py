"""CommonsenseQA and ARC: a question with labelled choices, laid out alike.

Cards: huggingface.co/datasets/tau/commonsense_qa (five choices) and allenai/ai2_arc (three to
five, labels A to E or 1 to 5): `id, question, answerKey` (text), `choices` (`{label: [text],
text: [text]}`). Releases (tau-nlp.org/commonsenseqa, allenai.org/data/arc): JSONL of `id,
answerKey, question: {stem, choices: [{label, text}]}`. Labels become A, B, ... in their order.
"""

from __future__ import annotations

from typing import Any

from mlan.data.asked import Asked
from mlan.data.fields import labelled, text
from mlan.data.instruction_sets.layout import InstructionSet, chosen


def read(row: dict[str, Any]) -> Asked:
    """Return a question with options; `answerKey` is a label."""
    nested = row.get("question")
    if isinstance(nested, dict):
        question, (names, options) = text(nested, "stem"), labelled(nested, "choices")
    else:
        question, (names, options) = text(row, "question"), labelled(row, "choices")
    answer = chosen(names, options, text(row, "answerKey"), "answerKey")
    return Asked("choose", question, answer, options)


COMMONSENSEQA = InstructionSet(read, ("question", "choices", "answerKey"))
ARC = InstructionSet(read, ("question", "choices", "answerKey"))
