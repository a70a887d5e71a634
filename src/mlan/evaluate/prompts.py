"""What a model is asked, by the form of an item.

The requests are our own words and stand in no source (`mlan.data.asked` has other ones), so
that none is practised. Nothing in a prompt depends on an item's gold answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlan.data.fields import letters
from mlan.data.phrases import choose


def _letter(question: str, options: Sequence[str]) -> str:
    listed = zip(letters(len(options)), options, strict=True)
    lines = "\n".join(f"{letter}: {option}" for letter, option in listed)
    return f"{question}\nWhich of these is right? Answer with its letter alone.\n{lines}"


def _yes_no(question: str, options: Sequence[str]) -> str:
    return f"Answer the question with yes or no.\n{question}"


def _brief(question: str, options: Sequence[str]) -> str:
    return f"Answer with a single word or a short phrase.\n{question}"


PROMPTS: dict[str, Callable[[str, Sequence[str]], str]] = {
    "choose": choose,
    "letter": _letter,
    "yes_no": _yes_no,
    "brief": _brief,
}
