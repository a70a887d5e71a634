from typing import get_args

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.config.data import Relation as RelationName
from mlan.data.options import Pool, draw_options, initial, pool
from mlan.data.phrases import brief, choose
from mlan.data.relations import RELATIONS, also_true, asked_of, phrases, question
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
    asked = asked_of(relation, full).head(60)
    golds = list(asked[answer]) if answer else list(RELATIONS[relation].closed)
    for number, gold in enumerate(golds):
        options = draw_options(wrong, gold, number)
        assert len(options) == 4
        assert gold in options
        assert len({initial(option) for option in options}) == 4
        assert not set(options) & also_true(relation, gold) - {gold}


def test_wrong_options_of_sources_and_benchmarks_come_from_their_own_side(
    full: pd.DataFrame,
) -> None:
    for held_out in (False, True):
        wrong = pool("capital", full, held_out=held_out)
        side = full[(full["split"] != "train") == held_out]
        for gold in side["capital"].dropna():
            assert set(draw_options(wrong, gold, "test")) <= set(side["capital"])


def test_the_answer_stands_in_every_place_about_equally_often(full: pd.DataFrame) -> None:
    wrong = pool("capital", full, held_out=True)
    golds = full["capital"].dropna()
    places = [draw_options(wrong, g, n).index(g) for n in range(4) for g in golds]
    counts = pd.Series(places).value_counts(normalize=True)
    assert counts.between(0.2, 0.3).all()


def test_too_few_answers_are_an_error() -> None:
    few = Pool("capital", ("Paris", "Prague", "Rome"), (), ())
    with pytest.raises(DataError) as error:
        draw_options(few, "Bern")
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
            draw_options(some, gold, purpose)
    else:
        options = draw_options(some, gold, purpose)
        assert len({initial(option) for option in options}) == 4
        assert gold in options
        assert options == draw_options(some, gold, purpose)
