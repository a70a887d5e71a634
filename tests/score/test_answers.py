"""Answers of every form under both rules: known ones, and what must hold for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.data.items import offered
from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading

CITIES = ["Paris", "A village", "Rome", "Madrid"]
YES_NO = ["yes", "no"]
GOLDS = ["the desk", "desk", "desk lamp"]


def _reading(
    form: str, text: str, options: list[str], golds: list[str], *, lenient: bool
) -> Reading:
    return PARSERS["lenient" if lenient else "strict"](Item("", form, "", options, golds), text)


def _read(form: str, text: str, options: list[str], *, lenient: bool) -> str | None:
    """The offered answer that a text is read as, found by trying each as the gold one."""
    answers = offered(form, options)
    readings = {a: _reading(form, text, options, [a], lenient=lenient) for a in answers}
    right = [answer for answer, found in readings.items() if found.credit == 1]
    assert len(right) <= 1
    assert all(found.read == (right[0] if right else None) for found in readings.values())
    return right[0] if right else None


@pytest.mark.parametrize(
    ("text", "strict", "lenient"),
    [
        ("B", "B", "B"),
        (" b.", "B", "B"),
        ("(B)", "B", "B"),
        ("B: A village", None, "B"),
        ("(b) something else", None, "B"),
        ("The answer is B", None, "B"),
        ("Option C", None, "C"),
        ("the correct answer is: (D) Madrid.", None, "D"),
        ("Rome", None, "C"),
        ("It is in Rome", None, "C"),
        ("A village", None, "B"),  # an article is no letter
        ("a", "A", "A"),
        ("E", None, None),  # beyond the last option
        ("Rome or Paris", None, None),
        ("", None, None),
        ("\nB", None, None),
    ],
)
def test_letters(text: str, strict: str | None, lenient: str | None) -> None:
    assert _read("letter", text, CITIES, lenient=False) == strict
    assert _read("letter", text, CITIES, lenient=True) == lenient


@pytest.mark.parametrize(
    ("text", "strict", "lenient"),
    [
        ("Yes", "yes", "yes"),
        ("no.", "no", "no"),
        ("Yes, there is no dog.", None, "yes"),
        ("No, it is not.", None, "no"),
        ("The answer is no", None, "no"),
        ("It is true", None, "yes"),
        ("False", None, "no"),
        ("Yesterday", None, None),
        ("I can not say yes", None, None),
        ("a dog", None, None),
    ],
)
def test_yes_or_no(text: str, strict: str | None, lenient: str | None) -> None:
    assert _read("yes_no", text, YES_NO, lenient=False) == strict
    assert _read("yes_no", text, YES_NO, lenient=True) == lenient


@pytest.mark.parametrize(
    ("text", "strict", "lenient"),
    [
        ("desk", True, True),
        (" The Desk. ", True, True),
        ("a desk", False, True),
        ("It is the desk lamp.", False, True),
        ("Desk. It stands there.", False, True),
        ("desk\nlamp", True, True),
        ("desks", False, False),
        ("a desk and a lamp", False, False),
        ("", False, False),
    ],
)
def test_free_answers(text: str, strict: bool, lenient: bool) -> None:
    assert _reading("brief", text, [], GOLDS, lenient=False).credit == strict
    assert _reading("brief", text, [], GOLDS, lenient=True).credit == lenient


@given(st.text(max_size=12) | st.sampled_from(["B.", "yes", "The answer is C", "no dog", "desk"]))
def test_lenient_never_contradicts_strict(text: str) -> None:
    for form, options in (("letter", CITIES), ("yes_no", YES_NO), ("choose", CITIES)):
        exact = _read(form, text, options, lenient=False)
        assert exact is None or _read(form, text, options, lenient=True) == exact
    if _reading("brief", text, [], GOLDS, lenient=False).credit:
        assert _reading("brief", text, [], GOLDS, lenient=True).credit


def test_letters_and_options_are_offered_and_a_free_answer_is_not() -> None:
    assert offered("letter", ["here", "there"]) == ["A", "B"]
    assert offered("yes_no", YES_NO) == YES_NO
    assert offered("brief", []) == []
