"""A question of a known kind, and the words in which it is put.

The layout follows the data code of the MLAN paper (arXiv 2411.10557): with options, the
question, a request, one line an option, and the letter as the answer; otherwise a request and
the question on the next line; a context stands before the question. The requests are our own
words. Which of them a row gets depends on the row's name alone, never on its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlan.data.chance import stream
from mlan.data.fields import letters

Kind = Literal["choose", "yes_no", "brief", "free"]

REQUESTS: dict[Kind, tuple[str, ...]] = {
    "choose": (
        "Pick the option that answers it and give its letter.",
        "Which of the options fits? Reply with one letter.",
        "Choose from the list below; the letter is enough.",
        "Name the letter of the right option.",
        "One option is right. State its letter only.",
        "Decide for one of these and write its letter.",
    ),
    "yes_no": (
        "Say yes or no.",
        "Reply with a yes or a no, nothing more.",
        "Is it so? One word, yes or no.",
        "Decide between yes and no.",
        "Give your verdict as yes or no.",
        "A plain yes or no is wanted here.",
    ),
    "brief": (
        "Reply in a few words.",
        "Keep the answer to a word or a short phrase.",
        "Give the answer only, as briefly as you can.",
        "Say it in as few words as possible.",
        "A short phrase is enough for an answer.",
        "No full sentence is needed; name the answer.",
    ),
}


@dataclass(frozen=True)
class Asked:
    """A question and its answer: a letter for `choose`, `yes` or `no` for `yes_no`, else text."""

    kind: Kind
    question: str
    answer: str
    options: Sequence[str] = ()
    context: str = ""


def put(asked: Asked, *name: str) -> dict[str, str]:
    """Return the turn `{user, assistant}`; `name` is what the row is called."""
    question = asked.question
    if asked.context:
        question = f"Context: {asked.context}\n{question}"
    if asked.kind != "free":
        request = stream("request", asked.kind, *name).choice(REQUESTS[asked.kind])
        if asked.kind == "choose":
            listed = zip(letters(len(asked.options)), asked.options, strict=True)
            lines = "\n".join(f"{letter} {option}" for letter, option in listed)
            question = f"{question} {request}\n{lines}"
        else:
            question = f"{request}\n{question}"
    return {"user": question, "assistant": asked.answer}
