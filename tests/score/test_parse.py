"""Known answers of the two parsers, and what must hold for any answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.score.parse import lenient, normalise, strict

CITIES = ["Paris", "London", "Rome", "Madrid"]
AFRICA = ["Niger", "Nigeria", "Guinea", "Guinea-Bissau"]
KOREA = ["Korea", "South Korea", "Japan", "China"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Paris ", "paris"),
        ("“Paris.”", "paris"),
        ("South\t \n Korea", "south korea"),
        ("ＰＡＲＩＳ", "paris"),  # full-width letters
        ("Cote\u0301 d'Ivoire", "coté d'ivoire"),  # e + combining accent = é
        ("STRASSE", normalise("Straße")),
        ("São Tomé.", "são tomé"),
        ("St. Lucia", "st. lucia"),  # inner punctuation stays
        ("`Paris`", "paris"),
        ("**Paris**", "paris"),
        ("...", ""),
        ("", ""),
    ],
)
def test_normalise_known_texts(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.text())
def test_normalise_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "options", "strictly", "leniently"),
    [
        pytest.param("Paris", CITIES, 0, 0, id="exact"),
        pytest.param(" paris", CITIES, 0, 0, id="lower case and a leading space"),
        pytest.param("Paris.", CITIES, 0, 0, id="trailing period"),
        pytest.param('"Rome"', CITIES, 2, 2, id="quotes"),
        pytest.param("“Rome”!", CITIES, 2, 2, id="typographic quotes"),
        pytest.param("", CITIES, None, None, id="empty"),
        pytest.param(" \n ", CITIES, None, None, id="white space only"),
        pytest.param("?!", CITIES, None, None, id="punctuation only"),
        pytest.param("Berlin", CITIES, None, None, id="no option"),
        pytest.param("A", CITIES, None, None, id="a letter is no answer"),
        pytest.param("(B) London", CITIES, None, 1, id="letter and option"),
        pytest.param("Paris\nUser: Choose one: Rome", CITIES, 0, 0, id="runs on after line 1"),
        pytest.param("\nParis", CITIES, None, 0, id="answer on the second line"),
        pytest.param("I think so.\nIt must be Rome", CITIES, None, 2, id="named on line 2"),
        pytest.param("the Paris", CITIES, None, 0, id="article"),
        pytest.param("The answer is Paris.", CITIES, None, 0, id="lead-in"),
        pytest.param("the correct answer is: Paris", CITIES, None, 0, id="lead-in with colon"),
        pytest.param("It is Rome.", CITIES, None, 2, id="it is"),
        pytest.param("It's Rome.", CITIES, None, 2, id="it's"),
        pytest.param("It's the Rome", CITIES, None, 2, id="lead-in, then article"),
        pytest.param("Answer: Rome", CITIES, None, 2, id="answer colon"),
        pytest.param("The city of Paris in France", CITIES, None, 0, id="inside a sentence"),
        pytest.param("Paris, Paris, Paris", CITIES, None, 0, id="one option three times"),
        pytest.param("Paris or London", CITIES, None, None, id="two options named"),
        pytest.param("Paris, London, Rome, Madrid.", CITIES, None, None, id="all options named"),
        pytest.param("Parisian", CITIES, None, None, id="inside a longer word"),
        pytest.param("It is not Paris.", CITIES, None, None, id="negated"),
        pytest.param("It isn't Paris", CITIES, None, None, id="negated, short form"),
        pytest.param("It is not Berlin. It is Paris", CITIES, None, 0, id="other sentence negated"),
        pytest.param("Nigeria", AFRICA, 1, 1, id="Niger is not in Nigeria"),
        pytest.param(
            "It is Nigeria.", AFRICA, None, 1, id="Niger is not in Nigeria, in a sentence"
        ),
        pytest.param(
            "It's Nigeria", ["Niger", "Chad"], None, None, id="longer word, not an option"
        ),
        pytest.param("In Guinea-Bissau", AFRICA, None, 3, id="longest option has its place"),
        pytest.param("In Guinea-Bissau", ["Guinea", "Chad"], None, None, id="hyphenated word"),
        pytest.param("capital of South Korea", KOREA, None, 1, id="overlap: longest wins"),
        pytest.param("capital of Korea", KOREA, None, 0, id="shorter alone"),
        pytest.param("South Korea, not Korea", KOREA, None, None, id="both, apart"),
        pytest.param("red car red", ["Red car", "Car red"], None, None, id="equal overlap"),
        pytest.param("snow", ["yes", "no"], None, None, id="no inside snow"),
        pytest.param("a notebook", ["yes", "no"], None, None, id="no inside notebook"),
        pytest.param("eyes", ["yes", "no"], None, None, id="yes inside eyes"),
        pytest.param("No, there is no cat.", ["yes", "no"], None, 1, id="no"),
        pytest.param("No, it is not.", ["yes", "no"], None, 1, id="negation after the option"),
        pytest.param("snow", ["snow", "no"], 0, 0, id="option that holds another"),
        pytest.param("netherlands", ["The Netherlands", "Peru"], None, 0, id="option has article"),
        pytest.param("it is a dog", ["a", "b"], None, None, id="option is an article"),
        pytest.param(
            "The answer is answer.", ["answer", "it"], None, 0, id="lead-in word as option"
        ),
        pytest.param("14.5", ["5", "14"], None, None, id="part of a number"),
        pytest.param("about 5, say", ["5", "14"], None, 0, id="number before a comma"),
        pytest.param("CÔTE D'IVOIRE", ["Côte d'Ivoire", "Mali"], 0, 0, id="accents, upper case"),
        pytest.param("Cote d'Ivoire", ["Côte d'Ivoire", "Mali"], None, None, id="accent missing"),
        pytest.param("c'est la Co\u0302te d'Ivoire", ["Côte d'Ivoire"], None, 0, id="combining"),
        pytest.param("cat", ["Cat", "cat."], None, None, id="options equal after normalising"),
    ],
)
def test_parse_known_answers(
    text: str, options: list[str], strictly: int | None, leniently: int | None
) -> None:
    assert strict(text, options) == strictly
    assert lenient(text, options) == leniently


words = st.sampled_from(["Paris", "London", "the", "a", "it is", "not", "South Korea", "Korea"])
answers = st.lists(st.one_of(words, st.text(max_size=4), st.just("\n"))).map(" ".join)


@given(answers)
def test_lenient_never_contradicts_strict(text: str) -> None:
    exact = strict(text, [*CITIES, "Korea", "South Korea"])
    if exact is not None:
        assert lenient(text, [*CITIES, "Korea", "South Korea"]) == exact


@given(answers, st.permutations(CITIES))
def test_parse_option_order_does_not_matter(text: str, options: list[str]) -> None:
    for parse in (strict, lenient):
        here, there = parse(text, CITIES), parse(text, options)
        assert (here is None) == (there is None)
        if here is not None and there is not None:
            assert CITIES[here] == options[there]


@given(st.sampled_from(CITIES), st.sampled_from(CITIES))
def test_lenient_two_named_options_are_invalid(first: str, second: str) -> None:
    found = lenient(f"either {first} or {second}", CITIES)
    assert found == (CITIES.index(first) if first == second else None)
