"""Rules that compare short answers: case, punctuation, number words, golds of several kinds."""

from __future__ import annotations

import pytest

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading

RULES = ("gqa", "exact", "realworldqa", "mlan", "strict", "lenient")


def item(*golds: str) -> Item:
    return Item("i", "brief", "What?", [], golds)


@pytest.mark.parametrize(
    ("gold", "text", "expected"),  # 1 right, 0 wrong, a place for each of RULES
    [
        ("desk", "desk", "111111"),
        ("desk", " Desk. ", "111111"),
        ("desk", "Desk...", "111111"),
        ("desk", '"desk"', "011011"),  # GQA takes off full stops only; MLAN ends at the quote
        ("desk", "desk!", "011111"),
        ("desk", ".desk", "011011"),
        ("desk", "a desk", "000001"),
        ("desk", "It is a desk.", "000001"),
        ("desk", "desks", "000000"),
        ("desk", "desk, lamp", "000100"),  # MLAN ends at the comma
        ("t-shirt", "tshirt", "011100"),
        ("t-shirt", "t shirt", "000000"),
        ("2", "two", "001100"),
        ("two", "2", "000000"),
        ("two", "two", "110011"),  # the gold's words are not turned into digits
        ("10", "ten", "001000"),
        ("0", "none", "000100"),
        ("2", "two dogs", "000000"),
        ("caf\u00e9", "CAF\u00c9", "111111"),
        ("caf\u00e9", "cafe\u0301", "000011"),  # combining accent
        ("snow", "no", "000000"),
        ("no", "No, it is not", "000100"),
        ("", "", "111100"),  # a gold that is no text
        ("desk", "", "000000"),
    ],
)
def test_short_answers_known_credits(gold: str, text: str, expected: str) -> None:
    credits = [PARSERS[rule](item(gold), text).credit for rule in RULES]
    assert "".join(f"{credit:.0f}" for credit in credits) == expected


def test_short_answers_read_what_they_compare_and_empty_is_invalid() -> None:
    assert PARSERS["gqa"](item("desk"), "Desk Lamp. ") == Reading("desk lamp", 0.0)
    assert PARSERS["exact"](item("desk"), "Desk-Lamp!") == Reading("desklamp", 0.0)
    assert PARSERS["gqa"](item("desk"), " . ") == Reading(None, 0.0)
    assert PARSERS["strict"](item("desk"), "\ndesk") == Reading(None, 0.0)


def test_short_answers_any_of_several_golds_is_right() -> None:
    for rule in RULES:
        assert PARSERS[rule](item("sofa", "couch"), "Couch").credit == 1


def test_short_answers_ours_read_the_part_that_is_right_else_the_first_line() -> None:
    lenient = PARSERS["lenient"]
    assert PARSERS["strict"](item("desk"), " The Sofa! ") == Reading("the sofa", 0.0)
    assert lenient(item("desk lamp"), "It is a desk lamp. It is on.") == Reading("desk lamp", 1.0)
    assert lenient(item("desk"), "It is a sofa.") == Reading("it is a sofa", 0.0)
