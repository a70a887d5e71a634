"""What a rule that judges answers sees, and what it says.

A parser is one rule, ours or a benchmark's official one: a pure function of an item and an answer.
It never raises, whatever the text, and what it cannot read is invalid and earns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlan.data.fields import letters


@dataclass(frozen=True)
class Item:
    """What a rule sees of an item: of `mlan.data.tables.SET_ITEMS` all but the picture.

    `options` are those of the item, in the order in which it has them. `golds` are the accepted
    answers: of a choice one letter (form `letter`, 2 to 26 options) or one option, of a free answer
    the aliases, or what the annotators said, repeats kept.
    """

    id: str
    form: str
    question: str
    options: Sequence[str]
    golds: Sequence[str]
    category: str = ""
    pair: str = ""
    cluster: str = ""


@dataclass(frozen=True)
class Reading:
    """What a parser made of one answer.

    `read` is canonical: a letter `A`, `yes` or `no`, an option's text, or the answer as the rule
    normalises it; None is an invalid answer. `credit` is what the item earns under the rule, in
    [0, 1], and 0 where the answer is invalid.
    """

    read: str | None
    credit: float


Parser = Callable[[Item, str], Reading]


def matched(read: str | None, golds: Sequence[str]) -> Reading:
    """Return the reading whose credit is 1 where `read` is one of `golds`, else 0."""
    return Reading(read, float(read is not None and read in golds))


def names(item: Item) -> list[str]:
    """Return the letters of an item's options; of one that comes without them, A to Z."""
    return letters(len(item.options) or 26)


def lettered(read: str | None, item: Item) -> Reading:
    """Return the reading of an answer that names a letter; one that the item lacks is invalid."""
    return matched(read if read in names(item) else None, item.golds)
