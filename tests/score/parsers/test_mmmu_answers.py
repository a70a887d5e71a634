"""MMMU's two rules: the last letter or text of a choice, phrases and numbers of an open answer."""

from __future__ import annotations

import pytest

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading

mmmu = PARSERS["mmmu"]


def choice(*options: str) -> Item:
    return Item("i", "letter", "Which?", options, ["B"])


def free(*golds: str) -> Item:
    return Item("i", "brief", "What?", [], golds)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("First (A) seems right, then (C), but in the end (B) fits; D does not", "B"),
        ("A is too small, C is too large and so it must be B", "B"),
        ("Let me think. If A holds then B holds. Therefore B", "B"),
        ("it could be green or red, and all in all it is green", "B"),  # texts: the last one too
        ("it is green", None),  # five words at most: no texts
        ("after some thought it seems to be evergreen", "B"),  # a text inside a word
        ("'B'", "B"),
        ("b", None),
        ("B-", None),
        ("", None),
    ],
)
def test_mmmu_choice_known_readings(text: str, read: str | None) -> None:
    assert mmmu(choice("red", "green", "blue", "violet"), text).read == read


def test_mmmu_choice_unreadable_is_wrong_and_not_drawn() -> None:
    assert mmmu(choice("red", "green"), "no idea") == Reading(None, 0.0)


def test_mmmu_choice_of_equal_texts_takes_the_first() -> None:
    twice = choice("green", "green", "red")
    assert mmmu(twice, "it seems to me that it is green").read == "A"


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("4", "4", True),
        ("The answer is 4.", "4", True),
        ("4.0", "4", True),
        ("4.004", "4", True),  # rounded to two digits
        ("4.006", "4", False),
        ("1,234,567", "1234567", True),
        ("1.5e3 metres", "1500", True),
        ("-5", "5", False),
        ("5", "five", False),  # number words stay
        ("x = 3 + 4 = 7", "7", True),  # after the last `=`
        ("so x = 7\nand y = 8", "7", True),  # a number of the phrase after `so `
        ("it was 7\nand y = 8", "7", False),  # lines without a sign say nothing if another does
        ("The capital is Paris", "paris", True),
        ("The result is not Paris", "paris", True),  # a gold text counts anywhere in the phrase
        ("concatenate", "cat", True),  # also inside a word
        ("The cat is here", "cat", False),  # the phrase is what follows `is `
        ("b", "b", True),
        ("abc", "b", False),  # one character must stand beside a space
        ("a b", "b", True),
        ("nan", "nan", False),  # the number that equals nothing
        ("", "4", False),
    ],
)
def test_mmmu_open_known_credits(text: str, gold: str, right: bool) -> None:
    assert mmmu(free(gold), text).credit == right


def test_mmmu_open_any_of_several_golds() -> None:
    assert mmmu(free("1/2", "0.5"), "The probability is .5").credit == 1
    assert mmmu(free("1/2", "0.5"), "It is 1/2.").credit == 1
    assert mmmu(free("1/2", "0.5"), "It is 2").credit == 0


def test_mmmu_open_empty_is_invalid() -> None:
    assert mmmu(free("4"), " ") == Reading(None, 0.0)
    assert mmmu(free("4"), "five") == Reading("five", 0.0)
