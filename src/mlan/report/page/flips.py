"""Items that one of two cells answers rightly and the other does not, with both answers.

Model: greedy answers to the test part with the real picture, read strictly, of the two cells that
the page compares and one seed. Ten gained and ten lost a benchmark, those whose names hash lowest:
a choice that nobody makes, and the same every time. Not here: counts over seeds
(`mlan.evidence.forgetting`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.data.fields import letters
from mlan.data.items import read_items
from mlan.data.pictures import Pictures
from mlan.errors import DataError
from mlan.evidence.forgetting import changes
from mlan.records import read_checked
from mlan.report.page.embed import Embedded, picture

SHOWN = 10
_PART, _CONDITION, _SCORER, _PARSER = "test", "real", "generate", "strict"


@dataclass(frozen=True)
class Flip:
    """One item with both answers. `gained`: the second cell is right."""

    item: str
    question: str
    options: tuple[str, ...]
    golds: tuple[str, ...]
    first: str
    second: str
    gained: bool
    picture: Embedded | None


@dataclass(frozen=True)
class Flips:
    """The flips of a benchmark: how many of `n` there are, and those that are shown."""

    benchmark: str
    modality: str
    n: int
    gained: int
    lost: int
    shown: tuple[Flip, ...]


def flips(
    inputs: Mapping[str, Path], pair: Sequence[str], benchmarks: Mapping[str, Mapping[str, Any]]
) -> tuple[Flips, ...]:
    """Return the flips of every benchmark that both cells have answered.

    Inputs: `scores:<cell>` and `predictions:<cell>` of the pair, `items:<benchmark>` and
    `images:<set>`. Raises IntegrityError, and DataError where a run lacks an item.
    """
    if len(pair) != 2 or any(f"scores:{cell}" not in inputs for cell in pair):
        return ()
    folders = {
        name.removeprefix("images:"): path
        for name, path in inputs.items()
        if name.startswith("images:")
    }
    pictures = Pictures(folders)
    scored = [_right(inputs[f"scores:{cell}"]) for cell in pair]
    return tuple(
        _of_benchmark(name, str(entry["modality"]), inputs, pair, scored, pictures)
        for name, entry in benchmarks.items()
    )


def _right(scores: Path) -> pd.DataFrame:
    frame = read_checked(scores / "items.parquet")
    asked = (frame["part"] == _PART) & (frame["condition"] == _CONDITION)
    read = (frame["scorer"] == _SCORER) & (frame["parser"] == _PARSER)
    own = frame[asked & read]
    return own[["benchmark", "item"]].assign(right=own["correct"] > 0)


def _of_benchmark(
    name: str,
    modality: str,
    inputs: Mapping[str, Path],
    pair: Sequence[str],
    scored: Sequence[pd.DataFrame],
    pictures: Pictures,
) -> Flips:
    both = _joined(name, inputs, pair, scored)
    count = changes(both["right_0"], both["right_1"])
    chosen = [*_chosen(both, name, gained=True), *_chosen(both, name, gained=False)]
    keys = {row["image"] for row in chosen if row["image"]}
    images = {key: picture(pixels) for key, pixels in pictures.get(sorted(keys)).items()}
    shown = tuple(_flip(row, images) for row in chosen)
    return Flips(name, modality, count.n, count.gained, count.lost, shown)


def _joined(
    name: str, inputs: Mapping[str, Path], pair: Sequence[str], scored: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """One line an item: image, question, options, golds, and of both cells text and rightness."""
    items = read_items(inputs[f"items:{name}"])
    both = items[items["part"] == _PART].rename(columns={"id": "item"})
    both = both[["item", "image", "form", "question", "options", "golds"]]
    for n, (cell, right) in enumerate(zip(pair, scored, strict=True)):
        given = read_checked(inputs[f"predictions:{cell}"] / f"{name}.parquet")
        given = given[given["condition"] == _CONDITION][["item", "text"]]
        own = right[right["benchmark"] == name].drop(columns="benchmark")
        own = own.merge(given, on="item", validate="one_to_one")
        own = own.rename(columns={"right": f"right_{n}", "text": f"text_{n}"})
        both = both.merge(own, on="item", how="left", validate="one_to_one")
        if both[f"right_{n}"].isna().any():
            item = both.loc[both[f"right_{n}"].isna(), "item"].iloc[0]
            raise DataError(f"{name}: {cell} has no score for item {item!r}; score it again")
    return both.astype({"right_0": bool, "right_1": bool})


def _chosen(both: pd.DataFrame, name: str, *, gained: bool) -> list[dict[str, Any]]:
    flipped = both[(both["right_0"] != both["right_1"]) & (both["right_1"] == gained)]
    rows = [{str(k): v for k, v in row.items()} for row in flipped.to_dict("records")]
    return sorted(rows, key=lambda row: _place(name, row["item"]))[:SHOWN]


def _place(benchmark: str, item: str) -> str:
    return hashlib.sha256(f"{benchmark}\0{item}".encode()).hexdigest()


def _options(form: str, options: list[str]) -> list[str]:
    """The options as they were asked: behind their letters where the answer is one."""
    if form != "letter":
        return options
    return [f"{name}. {text}" for name, text in zip(letters(len(options)), options, strict=True)]


def _flip(row: Mapping[str, Any], images: Mapping[str, Embedded]) -> Flip:
    return Flip(
        item=row["item"],
        question=row["question"],
        options=tuple(_options(row["form"], list(row["options"]))),
        golds=tuple(dict.fromkeys(row["golds"])),
        first=str(row["text_0"]),
        second=str(row["text_1"]),
        gained=bool(row["right_1"]),
        picture=images.get(row["image"]),
    )
