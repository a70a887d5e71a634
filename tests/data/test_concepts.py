from collections import Counter

import pandas as pd
import pytest

from mlan.config.data import Concepts
from mlan.data.concepts import build_concepts, slug
from mlan.data.countries import article, countries
from mlan.data.objects import CATEGORIES, OVERLAPS, objects, with_article
from mlan.data.words import words
from mlan.errors import DataError


def _country(full: pd.DataFrame, name: str) -> pd.Series:
    return full[full["name"] == name].iloc[0]


def test_full_tables_have_the_default_sizes(full: pd.DataFrame) -> None:
    assert full["kind"].value_counts().to_dict() == {"word": 600, "object": 186, "country": 158}


def test_splits_have_exact_sizes_per_kind(full: pd.DataFrame) -> None:
    counts = full.groupby(["kind", "split"]).size().to_dict()
    assert counts == {
        ("object", "train"): 67,
        ("object", "dev"): 19,
        ("object", "test"): 100,
        ("country", "train"): 57,
        ("country", "dev"): 16,
        ("country", "test"): 85,
        ("word", "train"): 216,
        ("word", "dev"): 60,
        ("word", "test"): 324,
    }


def test_dev_countries_are_among_the_hundred_most_populous(full: pd.DataFrame) -> None:
    of_countries = full[full["kind"] == "country"]
    assert of_countries["population"].is_monotonic_decreasing
    assert set(of_countries.index[of_countries["split"] == "dev"]) <= set(of_countries.index[:100])


def test_known_facts_of_countries(full: pd.DataFrame) -> None:
    france = _country(full, "France")
    assert france["concept"] == "country/france"
    assert france["emoji"] == "1F1EB-1F1F7"
    assert (france["capital"], france["continent"]) == ("Paris", "Europe")
    assert (france["demonym"], france["language"]) == ("French", "French")
    assert _country(full, "Brazil")["continent"] == "South America"
    assert _country(full, "Mexico")["continent"] == "North America"


def test_wrong_facts_of_the_package_are_corrected(full: pd.DataFrame) -> None:
    assert _country(full, "Burundi")["capital"] == "Gitega"
    assert _country(full, "Eswatini")["capital"] == "Mbabane"
    assert _country(full, "Kazakhstan")["capital"] == "Astana"


def test_ambiguous_facts_are_left_out(full: pd.DataFrame) -> None:
    assert pd.isna(_country(full, "Singapore")["capital"])
    assert pd.isna(_country(full, "Cyprus")["continent"])


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("France", ["French"]),
        ("Switzerland", ["German", "French", "Italian"]),
        ("Belgium", ["Dutch", "French", "German"]),
        ("Finland", ["Finnish", "Swedish"]),
        ("Argentina", ["Spanish", "Guarani"]),
        ("Norway", ["Norwegian"]),
        ("Malaysia", ["Malay", "English"]),
        ("North Macedonia", ["Macedonian", "Albanian"]),
        ("Philippines", ["English", "Filipino"]),
        ("United Kingdom", ["English", "Irish", "Welsh"]),
        ("Afghanistan", ["Pashto", "Persian", "Uzbek", "Turkmen"]),
    ],
)
def test_official_languages_of_known_countries(
    full: pd.DataFrame, name: str, languages: list[str]
) -> None:
    assert _country(full, name)["languages"].split("; ") == languages
    assert _country(full, name)["language"] == languages[0]


def test_countries_without_a_certain_official_language_have_none(full: pd.DataFrame) -> None:
    of_countries = full[full["kind"] == "country"]
    without = of_countries[of_countries["languages"].isna()]
    assert set(without["name"]) == {"Burkina Faso", "Eritrea", "Mali", "Mauritius", "Niger"}
    assert (of_countries["language"].isna() == of_countries["languages"].isna()).all()


def test_languages_of_every_country_are_different_names() -> None:
    every = countries(163)
    assert sum(country.languages is None for country in every) == 5
    for country in every:
        names = country.languages.split("; ") if country.languages else []
        assert names[:1] == ([country.language] if country.language else [])
        assert len(set(names)) == len(names)
        assert all(name.istitle() and name.replace(" ", "").isalpha() for name in names)


def test_enough_test_countries_have_each_fact(full: pd.DataFrame) -> None:
    test = full[(full["kind"] == "country") & (full["split"] == "test")]
    counts = test[["capital", "continent", "demonym", "language"]].notna().sum().to_dict()
    assert counts == {"capital": 82, "continent": 84, "demonym": 85, "language": 83}


def test_facts_stay_with_their_kind(full: pd.DataFrame) -> None:
    assert (
        full.loc[full["kind"] != "country", ["capital", "languages", "population"]]
        .isna()
        .all()
        .all()
    )
    assert full.loc[full["kind"] != "word", "gloss"].isna().all()
    assert full.loc[full["kind"] == "word", "gloss"].str.len().between(25, 80).all()


def test_no_answer_contains_a_comma(full: pd.DataFrame) -> None:
    answers = full[["name", "capital", "demonym", "language", "category"]].stack()
    assert not answers.str.contains(",").any()


def test_equal_configs_give_equal_tables(small: pd.DataFrame) -> None:
    config = Concepts(objects=24, countries=24, words=24, train_fraction=0.4, dev_fraction=0.15)
    pd.testing.assert_frame_equal(build_concepts(config), small)


def test_split_seed_moves_concepts_but_not_their_number(small: pd.DataFrame) -> None:
    other = build_concepts(
        Concepts(
            objects=24, countries=24, words=24, train_fraction=0.4, dev_fraction=0.15, split_seed=8
        )
    )
    assert not small["split"].equals(other["split"])
    assert Counter(small["split"]) == Counter(other["split"])


def test_few_objects_still_come_from_all_categories() -> None:
    assert {thing.category for thing in objects(len(CATEGORIES))} == set(CATEGORIES)
    assert set().union(*OVERLAPS) <= set(CATEGORIES)


def test_words_are_frequent_and_never_an_objects_name(full: pd.DataFrame) -> None:
    names = full[full["kind"] == "word"]["name"]
    assert names.iloc[0] == "hand"
    assert not set(names) & set(full[full["kind"] == "object"]["name"])


def test_more_concepts_than_exist_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        objects(1000)
    assert error.value.lines == (
        "data.concepts.objects = 1000: 216 objects exist; ask for at most 216",
    )
    with pytest.raises(DataError, match=r"data.concepts.countries = 999: \d+ countries exist"):
        countries(999)
    with pytest.raises(DataError, match=r"data.concepts.words = 99999: \d+ words exist"):
        words(99999, set())


def test_a_split_without_concepts_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        build_concepts(Concepts(objects=8, countries=8, words=8, dev_fraction=0.05))
    assert error.value.lines == (
        "data.concepts: 8 concepts of kind 'object' give 3 train, 0 dev and 5 test; every split "
        "needs one, so change train_fraction or dev_fraction",
    )


def test_articles_and_slugs() -> None:
    assert article("Netherlands") == "the Netherlands"
    assert article("Dominican Republic") == "the Dominican Republic"
    assert article("France") == "France"
    assert with_article("owl") == "an owl"
    assert with_article("jeans") == "jeans"
    assert slug("Côte d'Or") == "cote-d-or"
