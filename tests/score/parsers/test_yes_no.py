"""Rules that read yes or no: what the official ones make of words that hold `no` or `yes`."""

from __future__ import annotations

import pytest

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading

RULES = ("pope", "mme", "exact", "mlan", "strict", "lenient")
SHORT = {"yes": "y", "no": "n", None: "-"}


def item(gold: str = "no") -> Item:
    return Item("i", "yes_no", "Is there a dog?", ["yes", "no"], [gold])


@pytest.mark.parametrize(
    ("text", "expected"),  # a place for each of RULES; `-` is invalid
    [
        ("Yes", "yyyyyy"),
        ("no", "nnnnnn"),
        ("No.", "nnnnnn"),
        (" NO ", "ynnnnn"),  # POPE knows `No` and `no` only
        ("", "y-----"),  # POPE: whatever does not deny is yes
        ("I can't tell", "y-----"),
        ("Yes, there is no dog.", "ny-y-y"),  # POPE looks for no first, MLAN stops at the comma
        ("There is a dog. Not a cat.", "y-----"),  # the first sentence only
        ("There is not a dog", "n-----"),
        ("No\nthere is not", "nn-nnn"),
        ("No\nthere is", "yn-nnn"),  # POPE's words end at spaces only
        ("No!", "ynnnnn"),
        ("no, it is a cat", "nn-n-n"),
        ("snow", "yn----"),  # MME: the first four characters
        ("notebook", "yn----"),
        ("nothing", "yn----"),
        ("knot", "yn----"),
        ("I know", "y-----"),
        ("eyes", "yy----"),
        ("yesterday", "yy----"),
        ("It is no", "n----n"),
        ("It is", "y-----"),
        ("yes or no", "ny---y"),
        ("not yes", "nn----"),
        ("true", "y--y-y"),
        ("False.", "y--n-n"),
        ("\uff4e\uff4f", "y---nn"),  # full-width `no`: our rules fold it, the official ones do not
    ],
)
def test_yes_no_known_readings(text: str, expected: str) -> None:
    assert "".join(SHORT[PARSERS[rule](item(), text).read] for rule in RULES) == expected


def test_yes_no_credit() -> None:
    assert PARSERS["pope"](item("yes"), "") == Reading("yes", 1.0)
    assert PARSERS["mme"](item("Yes"), "Yes, it is") == Reading("yes", 1.0)
    assert PARSERS["mme"](item("yes"), "It is so, yes") == Reading(None, 0.0)
    assert PARSERS["exact"](item("yes"), "No") == Reading("no", 0.0)
