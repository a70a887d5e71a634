"""VQA accuracy in its two forms: numbers by hand, and the formula as its paper states it."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading


def item(*golds: str) -> Item:
    return Item("i", "brief", "What?", [], golds)


def ten(**counts: int) -> Item:
    """An item with so many golds of each kind, filled up to ten with `other`."""
    golds = [gold for gold, count in counts.items() for _ in range(count)]
    return item(*golds, *["other"] * (10 - len(golds)))


@pytest.mark.parametrize("rule", ["vqa", "m4c"])
@pytest.mark.parametrize(
    ("matches", "credit"),
    # Of two: without one of them (2 of 10 times) 1/3, without another (8) 2/3.
    [(0, 0), (1, 0.3), (2, 0.2 / 3 + 0.8 * 2 / 3), (3, 0.3 * 2 / 3 + 0.7), (4, 1), (10, 1)],
)
def test_vqa_accuracy_by_matches(rule: str, matches: int, credit: float) -> None:
    assert PARSERS[rule](ten(red=matches), "red").credit == pytest.approx(credit)


@given(st.lists(st.sampled_from(["red", "blue", "green"]), min_size=10, max_size=10))
def test_vqa_accuracy_is_the_mean_over_all_nines_of_annotators(golds: list[str]) -> None:
    nines = list(combinations(golds, 9))
    mean = sum(min(1, nine.count("red") / 3) for nine in nines) / len(nines)
    # m4c is the same on answers that need no normalising; vqa too, also where all ten agree.
    assert PARSERS["m4c"](item(*golds), "red").credit == pytest.approx(mean)
    assert PARSERS["vqa"](item(*golds), "red").credit == pytest.approx(mean)


# (answer, gold that it must match in the official form, and in the m4c form)
@pytest.mark.parametrize(
    ("text", "gold", "vqa", "m4c"),
    [
        ("Red", "red", True, True),
        ("the red", "red", True, True),
        ("a red an car the", "red car", True, True),
        ("theatre", "atre", False, False),  # articles are whole words
        ("two", "2", True, True),
        ("ten dogs", "10 dogs", True, True),
        ("none", "0", True, True),
        ("eleven", "11", False, False),  # no further words
        ("twofold", "2fold", False, False),
        ("dont", "don't", True, True),
        ("couldnt've", "couldn't've", True, True),
        ("couldntve", "couldn't've", False, False),  # both apostrophes missing
        ("were", "we're", False, False),  # another word without its apostrophe
        ("somebody'd", "somebodyd", True, True),  # the sources' table has it the wrong way round
        ("shed", "she'd", False, False),
        ("red.", "red", True, True),
        ("3.5", "3.5", True, True),
        ("3. 5", "3 5", True, True),
        ("1,000", "1000", True, True),
        ("1,000 red/blue", "1000 redblue", True, False),  # a comma in a number joins all marks
        ("red/blue", "red blue", True, True),
        ("red /blue/car", "red bluecar", True, True),  # one space beside one mark joins all of them
        ("red / blue", "red blue", True, True),
        ("t-shirt", "t shirt", True, True),
        ("t- shirt", "t shirt", True, True),
        ("red,blue", "red blue", True, False),  # m4c takes commas off first
        ("red,blue", "redblue", False, True),
        ("what?ever", "whatever", False, True),
        ("dog's", "dog's", True, True),
        ("dog's", "dog 's", False, True),  # m4c: 's is a word
        ("2:30", "2:30", True, True),  # colons stay
        ("\nred\tcar ", "red car", True, True),
        ("r\u00e9d", "r\u00e9d", True, True),
        ("re\u0301d", "r\u00e9d", False, False),  # unicode is compared as it is
        ("red" + "." * 32, "red", True, True),
        ("red" + "." * 33, "red", False, False),  # 32 full stops go, as in the source
    ],
)
def test_vqa_accuracy_normalises(text: str, gold: str, vqa: bool, m4c: bool) -> None:
    asked = item(gold, gold, gold, gold, *["zebra"] * 6)
    assert (PARSERS["vqa"](asked, text).credit == 1) is vqa
    assert (PARSERS["m4c"](asked, text).credit == 1) is m4c


def test_vqa_accuracy_ten_that_agree_are_compared_as_they_are() -> None:
    agreed = item(*["yes"] * 10)
    assert PARSERS["vqa"](agreed, "Yes") == Reading("Yes", 0.0)
    assert PARSERS["vqa"](agreed, "yes.") == Reading("yes.", 0.0)
    assert PARSERS["vqa"](agreed, " yes\n") == Reading("yes", 1.0)
    assert PARSERS["m4c"](agreed, "Yes.") == Reading("yes", 1.0)
    # One other voice, and the same answer is right.
    assert PARSERS["vqa"](item(*["yes"] * 9, "no"), "Yes.") == Reading("yes", 1.0)


def test_vqa_accuracy_few_golds_never_earn_all() -> None:
    assert PARSERS["vqa"](item("red"), "red").credit == 0
    assert PARSERS["m4c"](item("red", "red", "red"), "red").credit == pytest.approx(2 / 3)


def test_vqa_accuracy_empty_answers() -> None:
    assert PARSERS["vqa"](ten(red=5), "") == Reading(None, 0.0)
    assert PARSERS["m4c"](ten(red=5), "The") == Reading(None, 0.0)  # nothing but an article
    # Of letters people read "a", which normalises to nothing, as the answer does.
    assert PARSERS["m4c"](ten(a=5), "A") == Reading("", 1.0)


@pytest.mark.parametrize(("matches", "credit"), [(0, 0), (1, 1 / 3), (2, 2 / 3), (3, 1), (9, 1)])
def test_aokvqa_direct_leaves_no_gold_out(matches: int, credit: float) -> None:
    assert PARSERS["aokvqa_direct"](ten(red=matches), "red").credit == pytest.approx(credit)


def test_aokvqa_direct_normalises_nothing() -> None:
    assert PARSERS["aokvqa_direct"](ten(red=5), "Red") == Reading("Red", 0.0)
    assert PARSERS["aokvqa_direct"](ten(red=5), " red\n") == Reading("red", 1.0)
    assert PARSERS["aokvqa_direct"](ten(red=5), " ") == Reading(None, 0.0)
