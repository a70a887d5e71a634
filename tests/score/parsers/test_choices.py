"""One table for all rules that read a lettered choice: the same answers, what each rule reads."""

from __future__ import annotations

import pytest

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading

CITIES = ["Paris", "A village", "Rome", "Madrid"]
RULES = ("letter", "seedbench", "scienceqa", "mmbench", "mmmu", "realworldqa", "mlan", "mlan_text")


def item(*options: str) -> Item:
    return Item("i", "letter", "Where?", options or CITIES, ["B"])


@pytest.mark.parametrize(
    ("text", "expected"),  # a place for each of RULES; `-` is invalid
    [
        ("B", "BBBBBBBB"),
        (" B\n", "BBBBBBBB"),
        ("B.", "BB-BBBBB"),  # LLaVA's ScienceQA wants a space after the stop
        ("b", "BB---BBB"),
        ("(B)", "B--BBBB-"),  # the paper's text tasks want no brackets
        ("(b)", "B----BB-"),
        ("B. cold", "BBBB--BB"),  # MMMU wants spaces or brackets around a letter
        ("B: cold", "-B-B--BB"),
        ("B) cold", "-B-B----"),
        ("B\nbecause it is cold", "-BB---B-"),
        ("The answer is B", "--BBB---"),
        ("The answer is B.", "--BBB---"),
        ("the answer is b", "---B----"),
        ("The answer is (B)", "---BB---"),
        ("It is neither cold nor hot, and so the answer must be B.", "---BB---"),
        ("B is cold, and so it has to be the right one", "-B--B---"),
        ("The answer is not A but B", "----B---"),  # two letters: MMMU takes the last
        ("A or B", "-A--B---"),
        ("(A) or B", "----A---"),  # ... but brackets go before
        ("E", "--------"),  # no such option
        ("The answer is E", "--------"),
        ("Z", "--------"),
        ("", "--------"),
        ("?", "--------"),
        ("Rome", "---C-CCC"),
        ("rome.", "---C--CC"),
        ("in Rome, not in Paris", "-----C-C"),  # the first one named
        ("I went all over, and I think that it is Rome", "---CCC--"),
        ("A village", "-A-AABBB"),  # an article that looks like a letter
        ("a village", "-A-B--BB"),
        ("a small village it was", "-A-----B"),
        ("because of the heat", "-B------"),  # SEED-Bench: the first character
        ("the answer is a dog", "---A----"),  # MMBench: one character after `answer is`
        ("The answer is Because", "--BB----"),  # both: not a word, a character
        ("Paris and Rome", "-----A-A"),
        ("Cannot determine the answer, B", "-C--B---"),  # MMBench's refusals
        ("\uff22", "--------"),  # a full-width B is no letter to any official rule
    ],
)
def test_choices_known_readings(text: str, expected: str) -> None:
    assert "".join(PARSERS[rule](item(), text).read or "-" for rule in RULES) == expected


def test_choices_right_letter_earns_one_wrong_and_invalid_nothing() -> None:
    for rule in RULES:
        assert PARSERS[rule](item(), "B") == Reading("B", 1.0)
        assert PARSERS[rule](item(), "C") == Reading("C", 0.0)
        assert PARSERS[rule](item(), "") == Reading(None, 0.0)


def test_choices_options_of_one_character_are_texts_too() -> None:
    # The option in second place is the text "a".
    letters = item("x", "a", "7", "b")
    assert [PARSERS[rule](letters, "7").read for rule in ("mmbench", "realworldqa", "mlan")] == [
        "C",
        "C",
        "C",
    ]
    assert PARSERS["mlan"](letters, "a").read == "B"  # the text goes before the letter
    assert PARSERS["mlan_text"](letters, "A").read == "A"  # ... and here a capital letter first
    assert PARSERS["realworldqa"](letters, "seven").read == "C"  # number words are digits
    assert PARSERS["letter"](letters, "a").read == "A"


def test_choices_mmbench_looks_at_the_last_four_words_for_a_letter() -> None:
    assert PARSERS["mmbench"](item(), "C it is I say").read is None
    assert PARSERS["mmbench"](item(), "C it is I").read == "C"


def test_choices_mmbench_text_counts_inside_a_word_unless_the_answer_is_long() -> None:
    yes_no = item("yes", "no")
    assert PARSERS["mmbench"](yes_no, "snow").read == "B"
    assert PARSERS["mmbench"](yes_no, "notebooks!").read == "B"
    assert PARSERS["mmbench"](yes_no, "notebooks!!").read is None  # longer than twice `yesno`


def test_choices_mmbench_unreachable_judge_counts_texts_only() -> None:
    failed = "Failed to obtain answer via API"
    long = item("Paris, the capital of France", "Lyon", "B " * 9)
    assert PARSERS["mmbench"](long, f"{failed}: B Lyon").read == "B"
    assert PARSERS["mmbench"](long, f"{failed}: C").read is None


def test_choices_without_options_take_any_letter() -> None:
    bare = Item("i", "letter", "?", [], ["K"])
    for rule in ("letter", "seedbench", "mmbench", "mlan", "mlan_text"):
        assert PARSERS[rule](bare, "K") == Reading("K", 1.0)


def test_choices_scienceqa_knows_five_letters() -> None:
    seven = Item("i", "letter", "?", list("uvwxyzq"), ["F"])
    assert PARSERS["scienceqa"](seven, "F") == Reading(None, 0.0)
    assert PARSERS["mmmu"](seven, "F") == Reading("F", 1.0)
