from typing import get_args

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.config.data import Concepts
from mlan.config.section import Relation as RelationName
from mlan.data.concepts import build_concepts
from mlan.data.options import Pool, draw_options, initial, pool
from mlan.data.phrases import brief, choose
from mlan.data.relations import RELATIONS, also_true, asked_of, phrases, question
from mlan.data.tables import rows_of
from mlan.errors import DataError


def test_relations_are_those_of_the_config() -> None:
    assert set(RELATIONS) == set(get_args(RelationName))


def test_every_relation_has_four_different_phrasings_or_none() -> None:
    for relation in RELATIONS.values():
        for wordings in (relation.text, relation.vision):
            assert len(set(wordings)) == len(wordings)
            assert len(wordings) in (0, 4)
        assert relation.text or relation.vision


def test_relation_that_has_no_words_for_a_modality_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        phrases("colour", "text")
    assert error.value.lines == (
        "relation = 'colour': cannot be asked with modality 'text'; allowed: capital, country, "
        "continent, demonym, language, category, define",
    )
    with pytest.raises(DataError, match="relation = 'country': cannot be asked with modality"):
        phrases("country", "vision")


def test_phrases_fill_their_slots(full: pd.DataFrame) -> None:
    rows = full.set_index("name").to_dict("index")
    netherlands = {"name": "Netherlands", **rows["Netherlands"]}
    assert question(RELATIONS["capital"].text[0], netherlands) == (
        "What is the capital of the Netherlands?"
    )
    assert question(RELATIONS["country"].text[3], netherlands) == (
        "Which country has Amsterdam as its capital?"
    )
    octopus = {"name": "octopus", **rows["octopus"]}
    assert question(RELATIONS["category"].text[3], octopus) == "What type of thing is an octopus?"


def test_language_is_asked_of_one_among_several(full: pd.DataFrame) -> None:
    belgium = next(row for row in rows_of(full) if row["name"] == "Belgium")
    texts = [question(phrase, belgium) for phrase in phrases("language", "text")]
    assert texts[0] == "Name an official language of Belgium."
    assert texts[3] == "Which of these is an official language of Belgium?"
    for modality in ("text", "vision"):
        # The first three are also asked without options, so none may point at them.
        pointing = ["these" in phrase for phrase in phrases("language", modality)]
        assert pointing == [False, False, False, True]


def test_styles_read_as_agreed() -> None:
    assert choose("Which?", ["a", "b", "c", "d"]) == "Which? Choose one: a, b, c, d."
    assert brief("Which?") == "Which? Answer briefly."


def test_a_country_without_capital_is_never_asked_for_one(full: pd.DataFrame) -> None:
    for relation in ("capital", "country"):
        assert "Singapore" not in set(asked_of(relation, full)["name"])
    assert "Singapore" in set(asked_of("flag", full)["name"])


@pytest.mark.parametrize("relation", sorted(RELATIONS))
def test_options_contain_the_answer_and_differ_in_first_letters(
    relation: RelationName, full: pd.DataFrame
) -> None:
    wrong = pool(relation, full, held_out=True)
    answer = RELATIONS[relation].answer
    closed = RELATIONS[relation].closed
    for number, concept in enumerate(rows_of(asked_of(relation, full).head(60))):
        gold = concept[answer] if answer else closed[number % len(closed)]
        options = draw_options(wrong, gold, concept, number)
        assert len(options) == 4
        assert gold in options
        assert len({initial(option) for option in options}) == 4
        assert not set(options) & also_true(relation, gold, concept) - {gold}


@pytest.fixture(scope="module")
def every_country() -> pd.DataFrame:
    return build_concepts(Concepts(countries=163))


def test_no_other_official_language_is_a_wrong_option_of_any_country(
    every_country: pd.DataFrame,
) -> None:
    asked = asked_of("language", every_country)
    assert len(asked) == 158
    for held_out in (False, True):
        wrong = pool("language", every_country, held_out=held_out)
        for country in rows_of(asked):
            for number in range(8):
                options = set(draw_options(wrong, country["language"], country, number))
                assert options & set(country["languages"].split("; ")) == {country["language"]}


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("Switzerland", {"French", "Italian"}),
        ("Belgium", {"French", "German"}),
        ("Canada", {"French"}),
        ("Serbia", {"Croatian", "Bosnian", "Montenegrin", "Albanian", "Hungarian"}),
        ("Croatia", {"Serbian", "Bosnian", "Italian"}),
        ("Slovakia", {"Czech"}),
        ("Iran", {"Tajik"}),
        ("Afghanistan", {"Persian", "Tajik", "Uzbek"}),
        ("Indonesia", {"Malay"}),
        ("North Macedonia", {"Albanian"}),
        ("United Kingdom", {"Irish"}),
    ],
)
def test_languages_that_are_true_of_a_country_are_never_set_against_its_answer(
    every_country: pd.DataFrame, name: str, never: set[str]
) -> None:
    country = next(row for row in rows_of(every_country) if row["name"] == name)
    answers = Pool("language", tuple(asked_of("language", every_country)["language"]), (), ())
    assert never <= set(answers.near)
    drawn = {
        option
        for number in range(200)
        for option in draw_options(answers, country["language"], country, number)
    }
    assert not drawn & never
    assert len(drawn) > 30


def test_what_is_also_true_depends_on_the_relation() -> None:
    tomato = {"languages": None}
    assert also_true("category", "fruit", tomato) == {"fruit", "vegetable", "plant"}
    assert also_true("capital", "Paris", {"languages": "French"}) == {"Paris"}
    belgium = {"languages": "Dutch; French; German"}
    assert also_true("language", "Dutch", belgium) == {"Dutch", "French", "German"}


def test_wrong_options_of_sources_and_benchmarks_come_from_their_own_side(
    full: pd.DataFrame,
) -> None:
    for held_out in (False, True):
        wrong = pool("capital", full, held_out=held_out)
        side = full[(full["split"] != "train") == held_out]
        for gold in side["capital"].dropna():
            assert set(draw_options(wrong, gold, {}, "test")) <= set(side["capital"])


def test_the_answer_stands_in_every_place_about_equally_often(full: pd.DataFrame) -> None:
    wrong = pool("capital", full, held_out=True)
    golds = full["capital"].dropna()
    places = [draw_options(wrong, g, {}, n).index(g) for n in range(4) for g in golds]
    counts = pd.Series(places).value_counts(normalize=True)
    assert counts.between(0.2, 0.3).all()


def test_too_few_answers_are_an_error() -> None:
    few = Pool("capital", ("Paris", "Prague", "Rome"), (), ())
    with pytest.raises(DataError) as error:
        draw_options(few, "Bern", {})
    assert error.value.lines == (
        "relation = 'capital': only 3 answers with different first letters exist beside 'Bern', "
        "4 are needed; raise the numbers in data.concepts",
    )


_TEXT = st.text(st.characters(categories=["L"]), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(near=st.lists(_TEXT, max_size=30), gold=_TEXT, purpose=st.integers())
def test_options_of_any_pool_are_four_and_repeatable_or_an_error(
    near: list[str], gold: str, purpose: int
) -> None:
    some = Pool("capital", tuple(near), (), ())
    letters = {initial(value) for value in near} | {initial(gold)}
    if len(letters) < 4:
        with pytest.raises(DataError):
            draw_options(some, gold, {}, purpose)
    else:
        options = draw_options(some, gold, {}, purpose)
        assert len({initial(option) for option in options}) == 4
        assert gold in options
        assert options == draw_options(some, gold, {}, purpose)
