"""The final answer after some reasoning, as the BIG-Bench Hard tasks of the harness find it."""

from __future__ import annotations

import pytest

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading

bbh, flexible = PARSERS["bbh"], PARSERS["bbh_flexible"]
CHOICE = Item("i", "letter", "Which?", ["a red car", "Two dogs", "none"], ["B"])
YES_NO = Item("i", "yes_no", "Is it?", ["yes", "no"], ["no"])
FREE = Item("i", "brief", "How many?", [], ["14"])
LONG = "We first look at (A). " * 200


@pytest.mark.parametrize(
    ("text", "strictly", "flexibly"),
    [
        (LONG + "So the answer is (B).", "B", "B"),
        ("the answer is (B)", None, "B"),  # without a full stop the bracket goes
        ("the answer is (B).\n(C)", "B", "C"),  # the first `answer is`; the last letter
        ("the answer is (B) or (C).", None, "C"),
        ("The answer is (B).", None, "B"),  # a small `the`
        ("the answer is B.", None, None),
        ("the answer is\n(B).", None, "B"),
        ("It is two dogs, I think", None, "B"),
        ("A red car? No: two dogs.", None, "B"),
        ("My choice: B", None, "B"),  # a letter after a colon
        ("the answer is (Z).", None, None),
        ("(b)", None, None),
        ("", None, None),
    ],
)
def test_final_answers_letters(text: str, strictly: str | None, flexibly: str | None) -> None:
    assert bbh(CHOICE, text).read == strictly
    assert flexible(CHOICE, text).read == flexibly


@pytest.mark.parametrize(
    ("text", "strictly", "flexibly"),
    [
        ("Yes it moves, but then it does not. So the answer is no.", "no", "no"),
        ("the answer is No.", "No", "no"),  # the harness compares with case
        ("No, it is not. Or yes", None, "yes"),
        ("snow in a notebook", None, None),
    ],
)
def test_final_answers_yes_no(text: str, strictly: str | None, flexibly: str | None) -> None:
    assert bbh(YES_NO, text).read == strictly
    assert flexible(YES_NO, text).read == flexibly


def test_final_answers_free() -> None:
    for parser in (bbh, flexible):
        assert parser(FREE, "6 + 8 is 14. So the answer is 14.") == Reading("14", 1.0)
        assert parser(FREE, "So the answer is 14") == Reading("1", 0.0)
        assert parser(FREE, "14") == Reading(None, 0.0)
        assert parser(FREE, "the answer is 4") == Reading(None, 0.0)  # nothing but the last sign
