"""What holds for every rule, whatever the text: it never raises, is quick, credits in [0, 1]."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item

ITEMS = (
    Item("l", "letter", "?", ["Paris", "A village", "Rome", "Paris, Rome"], ["B"]),
    Item("s", "letter", "?", [*"abcd"], ["D"]),
    Item("y", "yes_no", "?", ["yes", "no"], ["no"]),
    Item("c", "choose", "?", ["Paris", "South Korea", "Korea", "a"], ["Korea"]),
    Item("b", "brief", "?", [], ["Paris"]),
    Item("v", "brief", "?", [], [*["two"] * 4, *["2"] * 3, "", "the", "dont"]),
    Item("n", "letter", "?", [], ["A"]),
)
PIECES = [
    "A",
    "(B)",
    "C.",
    "yes",
    "No",
    "not",
    "the answer is ",
    "The answer is ",
    "is ",
    "\n",
    ". ",
]
PIECES += ["Paris", "Korea", "two", "1,000", "3.5e2", "-", "=", "dont", "a", "'s", ",", "\u00df"]
pieces = st.sampled_from(PIECES)
texts = st.one_of(st.text(), st.lists(pieces).map("".join), st.lists(pieces).map(" ".join))


@given(texts)
def test_parsers_never_raise_and_credit_what_they_read(text: str) -> None:
    for name, parser in PARSERS.items():
        for item in ITEMS:
            found = parser(item, text)
            assert 0 <= found.credit <= 1, name
            assert found.read is not None or found.credit == 0, name
            assert parser(item, text) == found, name


@given(texts)
def test_parsers_of_choices_read_what_an_item_offers(text: str) -> None:
    for name in (
        "letter",
        "seedbench",
        "scienceqa",
        "mmbench",
        "mmmu",
        "mlan",
        "strict",
        "lenient",
    ):
        assert PARSERS[name](ITEMS[0], text).read in (None, "A", "B", "C", "D"), name
    for name in ("pope", "mme", "exact", "mlan", "bbh_flexible", "strict", "lenient"):
        assert PARSERS[name](ITEMS[2], text).read in (None, "yes", "no"), name


# Patterns of quadratic cost: runs of digits, of words, of what might begin a match and does not.
LONG = ["1", "1.", ",111", "not Paris ", "A ", "no ", "a", "\n", "is ", "the answer is \n"]
LONG += ["correct   ", "1e", ":  ", "\u00e9", "Paris Rome "]


@pytest.mark.parametrize("piece", LONG)
def test_parsers_long_answers_are_quick(piece: str) -> None:
    text = (piece * 100_000)[:100_000] + "x"
    for name, parser in PARSERS.items():
        for item in (ITEMS[0], ITEMS[3], ITEMS[5]):
            start = time.process_time()
            parser(item, text)
            # Linear cost is 0.3 s at most on a slow core; quadratic cost is minutes.
            assert time.process_time() - start < 5, (name, item.form)
