"""Instruction sources of embedded facts: one relation, asked of train concepts.

Text: every concept x three phrasings x two styles. Vision: every picture of the relation's
scene x two styles, phrasings in turn. Styles are `choose` (four options) and `brief`. Not
here: your own files (`file_sources`), and how sources are mixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from mlan.config.data import FactsSource, ImageSet
from mlan.data.images import count_pictures
from mlan.data.options import Pool, draw_options, pool
from mlan.data.phrases import brief, choose
from mlan.data.relations import RELATIONS, TRAINING_PHRASES, asked_of, phrases, question
from mlan.data.tables import EXAMPLES, conform, rows_of
from mlan.errors import DataError

STYLES = ("choose", "brief")


def build_facts_source(
    name: str, source: FactsSource, concepts: pd.DataFrame, index: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the examples of a source, `tables.EXAMPLES`; `index` is its image set's.

    Raises DataError when the relation cannot be asked in the modality, the image set lacks a
    train concept, or no train concept has the fact.
    """
    asked = _trained(name, source, concepts)
    wrong = pool(source.relation, concepts, held_out=False)
    if source.modality == "text":
        rows = list(_text_rows(source, asked, wrong))
    else:
        rows = list(_vision_rows(name, source, asked, wrong, index))
    frame = pd.DataFrame(rows)
    frame["id"] = name + "/" + frame["id"]
    return conform(frame.assign(source=name, modality=source.modality), EXAMPLES, name)


def count_examples(
    name: str, source: FactsSource, concepts: pd.DataFrame, images: ImageSet | None
) -> int:
    """Return how many examples `build_facts_source` gives, without drawing a picture."""
    asked = _trained(name, source, concepts)
    if images is None:
        return len(asked) * TRAINING_PHRASES * len(STYLES)
    relation = RELATIONS[source.relation]
    return len(asked) * count_pictures(relation.kind, relation.scene, images) * len(STYLES)


def _trained(name: str, source: FactsSource, concepts: pd.DataFrame) -> pd.DataFrame:
    phrases(source.relation, source.modality)  # raises when it cannot be asked
    asked = asked_of(source.relation, concepts)
    trained = asked[asked["split"] == "train"]
    if trained.empty:
        raise DataError(
            f"source {name!r}: no train concept has {source.relation!r}; raise "
            "data.concepts or choose another relation"
        )
    return trained


def _text_rows(source: FactsSource, asked: pd.DataFrame, wrong: Pool) -> Iterator[dict[str, Any]]:
    wordings = phrases(source.relation, "text")[:TRAINING_PHRASES]
    for concept in rows_of(asked):
        gold = concept[RELATIONS[source.relation].answer]
        for number, wording in enumerate(wordings):
            for style in STYLES:
                key = f"{concept['concept']}/{number}-{style}"
                prompt = _prompt(wording, concept, style, wrong, gold, key)
                yield _example(key, "", prompt, gold, style, concept["concept"])


def _vision_rows(
    name: str, source: FactsSource, asked: pd.DataFrame, wrong: Pool, index: pd.DataFrame | None
) -> Iterator[dict[str, Any]]:
    relation = RELATIONS[source.relation]
    wordings = phrases(source.relation, "vision")[:TRAINING_PHRASES]
    facts = {concept["concept"]: concept for concept in rows_of(asked)}
    shown = _shown(name, source, facts, index)
    for number, picture in enumerate(rows_of(shown)):
        concept = facts[picture["concept"]]
        gold = concept[relation.answer] if relation.answer else picture["value"]
        for turn, style in enumerate(STYLES):
            wording = wordings[(number * len(STYLES) + turn) % len(wordings)]
            key = f"{picture['image'].split('/', 1)[1]}/{style}"
            prompt = _prompt(wording, concept, style, wrong, gold, key)
            yield _example(key, picture["image"], prompt, gold, style, concept["concept"])


def _shown(
    name: str, source: FactsSource, facts: dict[str, Any], index: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the pictures of the relation's scene; every concept must have one."""
    scene = RELATIONS[source.relation].scene
    if index is None:
        raise DataError(f"source {name!r}: a vision source needs the index of its image set")
    shown = index[(index["scene"] == scene) & index["concept"].isin(facts)]
    missing = sorted(set(facts) - set(shown["concept"]))
    if missing:
        raise DataError(
            f"source {name!r}: image set {source.images!r} has no {scene!r} picture of "
            f"{missing[0]!r} ({len(missing)} missing); delete the image set's folder and run again"
        )
    return shown


def _prompt(
    wording: str, concept: dict[str, Any], style: str, wrong: Pool, gold: str, key: str
) -> str:
    asked = question(wording, concept)
    if style == "brief":
        return brief(asked)
    return choose(asked, draw_options(wrong, gold, concept, "source", key))


def _example(
    key: str, image: str, prompt: str, gold: str, style: str, concept: str
) -> dict[str, Any]:
    turns = [{"user": prompt, "assistant": gold}]
    return {"id": key, "image": image, "turns": turns, "style": style, "concept": concept}
