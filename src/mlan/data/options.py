"""The four options of a question.

Options begin with different letters (whatever the case), so that their first tokens differ
under any tokenizer. Wrong options are the answers of other concepts, drawn concept by
concept: a frequent answer is as frequent among the wrong ones. No wrong option is another
true answer for the concept (`relations.also_true`). They come from the concept's
own side of the split while those suffice, so a source names no held-out answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlan.config.section import Relation as RelationName
from mlan.data.chance import stream
from mlan.data.relations import RELATIONS, also_true, asked_of
from mlan.errors import DataError

COUNT = 4


@dataclass(frozen=True)
class Pool:
    """Possible wrong options: `near` ones are preferred to `far` ones, `closed` come last."""

    relation: RelationName
    near: tuple[str, ...]
    far: tuple[str, ...]
    closed: tuple[str, ...]


def pool(relation: RelationName, concepts: pd.DataFrame, *, held_out: bool) -> Pool:
    """Return the answers of all concepts; `held_out` prefers those of dev and test."""
    answer, closed = RELATIONS[relation].answer, RELATIONS[relation].closed
    if not answer:
        return Pool(relation, (), (), closed)
    asked = asked_of(relation, concepts)
    near = (asked["split"] != "train") == held_out
    return Pool(relation, tuple(asked[answer][near]), tuple(asked[answer][~near]), closed)


def draw_options(
    pool: Pool, gold: str, concept: Mapping[str, Any], *purpose: str | int
) -> list[str]:
    """Return four options in random order, of which `gold` alone is true of the concept.

    `concept` is a row of the concept table; `purpose` seeds the draw. Raises DataError when
    the pool has too few answers with different first letters.
    """
    rng = stream("options", pool.relation, gold, *purpose)
    options, letters = [gold], {initial(gold)}
    excluded = also_true(pool.relation, gold, concept)
    for tier in (pool.near, pool.far, pool.closed):
        for value in rng.sample(tier, len(tier)):
            if len(options) < COUNT and value not in excluded and initial(value) not in letters:
                options.append(value)
                letters.add(initial(value))
    if len(options) < COUNT:
        raise DataError(
            f"relation = {pool.relation!r}: only {len(options)} answers with different first "
            f"letters exist beside {gold!r}, {COUNT} are needed; raise the numbers in data.concepts"
        )
    rng.shuffle(options)
    return options


def initial(text: str) -> str:
    """Return the letter that decides whether two options may stand together."""
    return text.strip()[:1].casefold()
