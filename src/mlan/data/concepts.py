"""The table of all concepts and their split, made before any question is asked.

A concept is an object, a country or a word. The split is by concept, independent for each
kind and fixed by `split_seed`: sources ask about `train`, benchmarks about `dev` and `test`.
Not here: the lists themselves (`objects`, `countries`, `words`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict
from typing import Any

import pandas as pd

from mlan.config.data import Concepts
from mlan.data.chance import stream
from mlan.data.countries import countries
from mlan.data.objects import objects
from mlan.data.tables import CONCEPTS, conform
from mlan.data.words import words
from mlan.errors import DataError

ASSETS = ("twemoji", "noto", "emoji-names", "country-facts", "wordnet")
# Dev countries are among the most populous, whose facts a small language model may know.
_DEV_COUNTRIES = 100


def build_concepts(config: Concepts) -> pd.DataFrame:
    """Return one row per concept, `tables.CONCEPTS`; equal configs give equal tables.

    Raises DataError when a kind has fewer concepts than asked for, or a split is empty.
    """
    things = objects(config.objects)
    rows = [
        *_rows("object", things),
        *_rows("country", countries(config.countries)),
        *_rows("word", words(config.words, {thing.name for thing in things})),
    ]
    table = pd.DataFrame(rows)
    kinds = [_split(str(kind), group, config) for kind, group in table.groupby("kind", sort=False)]
    table["split"] = pd.concat(kinds)
    return conform(table, CONCEPTS, "concepts")


def slug(name: str) -> str:
    """Return a name as it stands in keys: `Côte d'Or` -> `cote-d-or`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _rows(kind: str, things: list[Any]) -> list[dict[str, Any]]:
    facts = [asdict(thing) for thing in things]
    return [{"concept": f"{kind}/{slug(f['name'])}", "kind": kind, **f} for f in facts]


def _split(kind: str, group: pd.DataFrame, config: Concepts) -> pd.Series[str]:
    """Assign exactly round(n x fraction) concepts to train and dev, the rest to test."""
    train, dev = (round(len(group) * f) for f in (config.train_fraction, config.dev_fraction))
    if train < 1 or dev < 1 or train + dev >= len(group):
        raise DataError(
            f"data.concepts: {len(group)} concepts of kind {kind!r} give {train} train, {dev} dev "
            f"and {len(group) - train - dev} test; every split needs one, so change "
            "train_fraction or dev_fraction"
        )
    shuffled = list(group.index)
    stream("split", config.split_seed, kind).shuffle(shuffled)
    first = group.index[:_DEV_COUNTRIES] if kind == "country" else group.index
    in_dev = [i for i in shuffled if i in set(first)][:dev]
    rest = [i for i in shuffled if i not in set(in_dev)]
    names = dict.fromkeys(in_dev, "dev") | dict.fromkeys(rest[:train], "train")
    return pd.Series([names.get(i, "test") for i in group.index], index=group.index)
