"""How much answers hang on what they share a forward pass with: some are asked again alone.

Estimand: over a fixed sample of a run's questions, how many outcomes differ between the batches
of the run and each question by itself. Sums in another order move the last bits, and where two
tokens are nearly equally likely, an answer flips; a score is no more exact than that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlan.data.chance import rank
from mlan.evaluate.questions import Question

Given = Mapping[str, Any]


def sample(questions: Sequence[Question], count: int) -> list[Question]:
    """Return `count` questions, the same ones for every run that asks them."""
    return sorted(
        questions, key=lambda q: rank("recheck", q.benchmark, q.item, q.condition, len(q.choices))
    )[:count]


def flips(
    questions: Sequence[Question],
    before: Callable[[Question], Given],
    alone: Callable[[Question], Given],
) -> dict[str, Any]:
    """Return how many answers, likeliest labels and likeliest choices differ.

    Both sides give `text`, `labels` and `choices` of a question; `largest_gap` is the largest
    difference of a log-likelihood.
    """
    found: dict[str, Any] = {"asked": 0, "answers": 0, "labels": 0, "choices": 0}
    gap = 0.0
    for question in questions:
        old, new = before(question), alone(question)
        found["asked"] += 1
        found["answers"] += question.max_new_tokens > 0 and old["text"] != new["text"]
        for name in ("labels", "choices"):
            if new[name]:
                found[name] += _likeliest(old[name]) != _likeliest(new[name])
                pairs = zip(old[name], new[name], strict=True)
                gap = max(gap, *(abs(a - b) for a, b in pairs))
    return {**found, "largest_gap": round(gap, 6)}


def _likeliest(scores: Sequence[float]) -> int:
    return list(scores).index(max(scores))
