"""Official rules that read yes or no. Golds are `yes` or `no`, whatever their case."""

from __future__ import annotations

from mlan.score.rule import Item, Reading, matched


def pope(item: Item, text: str) -> Reading:
    """Read no where the first sentence has the word `No`, `no` or `not`, yes everywhere else.

    Nothing is invalid: an empty answer, `NO`, `Nothing` and `I can't tell` count as yes, and so
    does `No` before a line's end, for words end at spaces only. Commas are taken off first, and
    the first full stop ends the sentence.
    Source: haotian-liu/LLaVA, llava/eval/eval_pope.py.
    """
    words = text.strip().split(".", 1)[0].replace(",", "").split(" ")
    denies = any(word in words for word in ("No", "not", "no"))
    return _matched("no" if denies else "yes", item)


def mme(item: Item, text: str) -> Reading:
    """Read yes where the first four characters hold `yes`, else no where they hold `no`.

    Case does not matter. Words are not looked at: `Eyes` is yes, `Snow`, `Not` and `know` are no,
    `It is no` is invalid. An invalid answer is wrong.
    Source: BradyFU/Awesome-Multimodal-Large-Language-Models, tools/eval_tool.zip (calculation.py).
    """
    start = text.strip().lower()[:4]
    return _matched("yes" if "yes" in start else "no" if "no" in start else None, item)


def _matched(read: str | None, item: Item) -> Reading:
    return matched(read, [gold.lower() for gold in item.golds])
