"""Benchmarks of text that ask for yes or no: BoolQ and StrategyQA.

BoolQ (huggingface.co/datasets/google/boolq): `question, passage` (text), `answer` (true or
false); the question is written without a question mark. The cluster is the passage.
StrategyQA: see the instruction set; here the question stands alone, since the gold facts would
give the answer away.
"""

from __future__ import annotations

from typing import Any

from mlan.data.benchmark_sets.layout import YES_NO, BenchmarkSet, Posed, content_id, in_context
from mlan.data.fields import text, truth


def _boolq(row: dict[str, Any]) -> Posed:
    passage = text(row, "passage")
    question = in_context(text(row, "question").rstrip("?") + "?", passage)
    return Posed("yes_no", question, [_said(row)], YES_NO, cluster=f"boolq/{content_id(passage)}")


def _strategyqa(row: dict[str, Any]) -> Posed:
    return Posed("yes_no", text(row, "question"), [_said(row)], YES_NO)


def _said(row: dict[str, Any]) -> str:
    return "yes" if truth(row, "answer") else "no"


BOOLQ = BenchmarkSet(_boolq, ("question", "passage", "answer"))
STRATEGYQA = BenchmarkSet(_strategyqa, ("question", "answer"), id="qid")
