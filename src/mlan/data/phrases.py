"""The two ways in which every embedded question is put, in training and in evaluation."""

from __future__ import annotations

from collections.abc import Sequence


def choose(question: str, options: Sequence[str]) -> str:
    """Return the question followed by the options; the answer is an option's text."""
    return f"{question} Choose one: {', '.join(options)}."


def brief(question: str) -> str:
    """Return the question with the request for a short answer, no options."""
    return f"{question} Answer briefly."
