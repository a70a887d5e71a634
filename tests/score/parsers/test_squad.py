"""SQuAD's exact match and F1 of tokens: numbers by hand, and precision and recall written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.score.parsers import PARSERS
from mlan.score.rule import Item, Reading


def item(*golds: str) -> Item:
    return Item("i", "brief", "When?", [], golds)


@pytest.mark.parametrize(
    ("text", "gold", "match", "f1"),
    [
        ("Denver Broncos", "Denver Broncos", 1, 1),
        ("the Denver  Broncos.", "denver broncos", 1, 1),
        ("Broncos Denver", "Denver Broncos", 0, 1),  # a bag of words
        ("The Denver Broncos won", "Denver Broncos", 0, 0.8),  # P 2/3, R 1
        ("Broncos", "Denver Broncos", 0, 2 / 3),  # P 1, R 1/2
        ("red red red", "red blue", 0, 0.4),  # one of three, one of two
        ("in 1985", "1985", 0, 2 / 3),
        ("two", "2", 0, 0),  # number words stay
        ("U.S.", "US", 1, 1),
        ("don't", "dont", 1, 1),
        ("another", "other", 0, 0),  # an article is a whole word
        ("a an the", "red", 0, 0),
        ("caf\u00e9", "cafe", 0, 0),
        ("\u201cred\u201d", "red", 0, 0),  # only ASCII punctuation goes
        ("", "red", 0, 0),
    ],
)
def test_squad_known_credits(text: str, gold: str, match: int, f1: float) -> None:
    assert PARSERS["squad_em"](item(gold), text).credit == match
    assert PARSERS["squad_f1"](item(gold), text).credit == pytest.approx(f1)


def test_squad_best_of_several_golds() -> None:
    several = item("on Sunday", "Sunday, 7 February 2016", "Sunday")
    assert PARSERS["squad_em"](several, "Sunday") == Reading("sunday", 1.0)
    assert PARSERS["squad_f1"](several, "7 February").credit == pytest.approx(2 / 3)


def test_squad_nothing_left_on_both_sides_matches_and_shares_no_token() -> None:
    assert PARSERS["squad_em"](item("The"), "a") == Reading("", 1.0)
    assert PARSERS["squad_f1"](item("The"), "a") == Reading(None, 0.0)


bags = st.lists(st.sampled_from(["red", "green", "blue", "one"]), min_size=1, max_size=6)


@given(bags, bags)
def test_squad_f1_is_the_harmonic_mean_of_precision_and_recall(
    words: list[str], gold: list[str]
) -> None:
    common = sum(min(words.count(word), gold.count(word)) for word in set(gold))
    expected = 0.0
    if common:
        precision, recall = common / len(words), common / len(gold)
        expected = 2 * precision * recall / (precision + recall)
    found = PARSERS["squad_f1"](item(" ".join(gold)), " ".join(words))
    assert found.credit == pytest.approx(expected)
