"""The relations: what can be asked of a concept, in words or of its picture, and how.

A relation has four phrasings per modality: three for sources, the fourth for benchmarks only.
In text the concept is named, in vision it is shown (a country by its flag). Some relations
have one modality only: `country` and `define` are asked in text, `object`, `flag`, `colour` and
`position` of pictures. Not here: the wrong options (`options`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlan.config.section import Modality
from mlan.config.section import Relation as RelationName
from mlan.data.countries import CONTINENTS, LANGUAGE_OVERLAPS, SEPARATOR, article
from mlan.data.objects import CATEGORIES, OVERLAPS, with_article
from mlan.data.scenes import COLOURS, POSITIONS, Scene
from mlan.errors import DataError

TRAINING_PHRASES = 3


@dataclass(frozen=True)
class Relation:
    """One kind of question.

    `answer` is the concept column that holds the answer; a relation with a scene other than
    `plain` has its answer in the picture's `value`. `needs` are columns that the question
    uses. `closed` is the complete list of answers where there is one. Wrong options are kept
    apart from true ones: `all_true` is the concept column that lists every true answer where
    there may be several, `overlaps` are groups of answers that may be true together.
    """

    kind: str
    answer: str = ""
    text: tuple[str, ...] = ()
    vision: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    scene: Scene = "plain"
    closed: tuple[str, ...] = ()
    all_true: str = ""
    overlaps: tuple[frozenset[str], ...] = ()


RELATIONS: dict[RelationName, Relation] = {
    "capital": Relation(
        kind="country",
        answer="capital",
        text=(
            "What is the capital of {country}?",
            "Name the capital city of {country}.",
            "In {country}, which city is the capital?",
            "Which city is the capital of {country}?",
        ),
        vision=(
            "Name the capital of the country whose flag this is.",
            "This flag: which city is the capital of its country?",
            "Which city is the capital of the country with this flag?",
            "What is the capital of the country with this flag?",
        ),
    ),
    "country": Relation(
        kind="country",
        answer="name",
        needs=("capital",),
        text=(
            "{capital} is the capital of which country?",
            "Name the country whose capital is {capital}.",
            "Of which country is {capital} the capital?",
            "Which country has {capital} as its capital?",
        ),
    ),
    "continent": Relation(
        kind="country",
        answer="continent",
        closed=CONTINENTS,
        text=(
            "On which continent is {country}?",
            "Which continent does {country} belong to?",
            "Name the continent of {country}.",
            "Which continent is {country} in?",
        ),
        vision=(
            "Name the continent of the country with this flag.",
            "This flag belongs to a country on which continent?",
            "Which continent is the country of this flag in?",
            "On which continent is the country with this flag?",
        ),
    ),
    "demonym": Relation(
        kind="country",
        answer="demonym",
        text=(
            "What is a person from {country} called?",
            "Name the word for a person from {country}.",
            "A person from {country}: what is the word?",
            "What do you call a person from {country}?",
        ),
        vision=(
            "What is a person from the country with this flag called?",
            "Name the word for a person from the country of this flag.",
            "This flag: what is a person from its country called?",
            "What do you call a person from the country with this flag?",
        ),
    ),
    "language": Relation(
        kind="country",
        answer="language",
        all_true="languages",
        overlaps=LANGUAGE_OVERLAPS,
        text=(
            "Name an official language of {country}.",
            "What is an official language of {country}?",
            "In {country}, which language has official status?",
            "Which of these is an official language of {country}?",
        ),
        vision=(
            "Name an official language of the country with this flag.",
            "What is an official language of the country of this flag?",
            "This flag: which language has official status in its country?",
            "Which of these is an official language of the country with this flag?",
        ),
    ),
    "category": Relation(
        kind="object",
        answer="category",
        closed=CATEGORIES,
        overlaps=OVERLAPS,
        text=(
            "What kind of thing is {thing}?",
            "Which group does {thing} belong to?",
            "Name the category of {thing}.",
            "What type of thing is {thing}?",
        ),
        vision=(
            "What kind of thing is shown?",
            "Name the category of the thing in the image.",
            "Which group does the pictured thing belong to?",
            "What type of thing is in the picture?",
        ),
    ),
    "define": Relation(
        kind="word",
        answer="name",
        needs=("gloss",),
        text=(
            "Which word means: {gloss}?",
            "Name the word for this: {gloss}.",
            "What is this: {gloss}?",
            "Which word fits this definition: {gloss}?",
        ),
    ),
    "object": Relation(
        kind="object",
        answer="name",
        vision=(
            "What is in the picture?",
            "Name the thing in the picture.",
            "What does the image show?",
            "What can you see in this picture?",
        ),
    ),
    "flag": Relation(
        kind="country",
        answer="name",
        vision=(
            "Which country has this flag?",
            "Name the country of this flag.",
            "The flag of which country is this?",
            "To which country does this flag belong?",
        ),
    ),
    "colour": Relation(
        kind="object",
        scene="colour",
        closed=tuple(COLOURS),
        vision=(
            "What is the background colour?",
            "Which colour is behind the thing?",
            "Name the colour of the background.",
            "Which colour does the background have?",
        ),
    ),
    "position": Relation(
        kind="object",
        scene="position",
        closed=tuple(POSITIONS),
        vision=(
            "Where in the picture is the thing?",
            "At which edge of the picture is the thing?",
            "Name the side of the picture where the thing is.",
            "On which side of the picture is the thing?",
        ),
    ),
}


def phrases(name: RelationName, modality: Modality) -> tuple[str, ...]:
    """Return the four phrasings of a relation in a modality, the benchmark's one last.

    Raises DataError when the relation cannot be asked in this modality.
    """
    found = RELATIONS[name].text if modality == "text" else RELATIONS[name].vision
    if not found:
        others = ", ".join(n for n, r in RELATIONS.items() if getattr(r, modality))
        raise DataError(
            f"relation = {name!r}: cannot be asked with modality {modality!r}; allowed: {others}"
        )
    return found


def asked_of(name: RelationName, concepts: pd.DataFrame) -> pd.DataFrame:
    """Return the concepts (rows) that have all the relation needs, in the table's order."""
    relation = RELATIONS[name]
    used = [column for column in (relation.answer, *relation.needs) if column]
    return concepts[concepts["kind"] == relation.kind].dropna(subset=used)


def question(phrase: str, concept: Mapping[str, Any]) -> str:
    """Return a phrasing with its slots filled from a row of the concept table."""
    return phrase.format(
        country=article(concept["name"]),
        capital=concept["capital"],
        thing=with_article(concept["name"]),
        gloss=concept["gloss"],
    )


def also_true(name: RelationName, gold: str, concept: Mapping[str, Any]) -> frozenset[str]:
    """Return answers that are or may be true of a concept, `gold` among them.

    None of them is ever set against `gold` as a wrong option.
    """
    relation = RELATIONS[name]
    listed = str(concept[relation.all_true]).split(SEPARATOR) if relation.all_true else []
    true = frozenset((gold, *listed))
    return true.union(*(group for group in relation.overlaps if group & true))
