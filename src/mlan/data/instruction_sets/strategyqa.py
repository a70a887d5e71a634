"""StrategyQA: yes or no, from facts.

Release (github.com/eladsegal/strategyqa, train.json): a list of `qid, term, description,
question` (text), `answer` (true or false), `facts` (list of text), `decomposition, evidence`.
Card: huggingface.co/datasets/ChilleD/StrategyQA, where `facts` is one text. The gold facts are
the context, as in the paper's data code.
"""

from __future__ import annotations

from typing import Any

from mlan.data.asked import Asked
from mlan.data.fields import text, texts, truth, value
from mlan.data.instruction_sets.layout import InstructionSet


def read(row: dict[str, Any]) -> Asked:
    """Return a yes/no question in the light of its facts."""
    facts = value(row, "facts")
    context = text(row, "facts") if isinstance(facts, str) else " ".join(texts(row, "facts"))
    answer = "yes" if truth(row, "answer") else "no"
    return Asked("yes_no", text(row, "question"), answer, context=context)


STRATEGYQA = InstructionSet(read, ("question", "answer", "facts"), id="qid")
