"""Stage `overlap`: what training sources and benchmarks share, item by item.

Model: pictures are compared first, through prints that each image set gives once; then every
source is read once past the questions of all benchmarks. An item has one row a source and kind,
its best match. Not here: which matches count for a model (`mlan.evidence.clean`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from mlan.data.contamination.pictures import PictureIndex, Twin
from mlan.data.contamination.prints import Prints, take_prints
from mlan.data.contamination.search import Example, search
from mlan.data.contamination.wording import GRAM, Question, WordingIndex, lines_of, words_of
from mlan.data.fields import letters
from mlan.data.image_store import INDEX, PICTURES
from mlan.data.items import read_items
from mlan.data.prepare.source import EXAMPLES
from mlan.data.tables import rows_of
from mlan.records import checked, read_checked, write_csv, write_parquet
from mlan.stage import Job, log

MATCHES, PAIRS = "items.parquet", "pairs.csv"
COLUMNS = ["benchmark", "part", "item", "source", "kind", "match", "found", "evidence"]
COUNTS = ("exact_text", "near_text", "exact_image", "near_image")

Row = dict[str, Any]
Twins = dict[str, list[Twin]]


@dataclass(frozen=True)
class Item:
    """What is compared of an item; `images` is its image set, None for an item of text."""

    part: str
    images: str | None
    question: Question


def overlap(job: Job) -> None:
    """Write `items.parquet` (every match with its evidence) and `pairs.csv` (their counts).

    Identity: `sources` and `benchmarks`, names with the `images` set or null. Inputs:
    `source:<name>` (a source without it is all pictures of its set), `items:<name>`,
    `images:<set>`. Raises IntegrityError for a file that differs from its record.
    """
    benchmarks: Mapping[str, Any] = job.identity["benchmarks"]
    items = [i for n in sorted(benchmarks) for i in _items(job, n, benchmarks[n]["images"])]
    sources = sorted(job.identity["sources"])
    twins = _all_twins(job, items)
    pictured = {image for found in twins.values() for image in found}
    compared = [i for i in items if not i.images or i.question.image in pictured]
    index = WordingIndex([item.question for item in compared])
    rows: list[Row] = []
    for name in sources:
        equal = {image: {t.found for t in found} for image, found in twins[name].items()}
        texts = search(index, _examples(job.inputs.get(f"source:{name}")), equal)
        log.info("%s: %d equal questions, %d equal pictures", name, len(texts), len(equal))
        for place, text in texts.items():
            told = "whole question" if text.exact else f"{text.share:.0%} of its {GRAM}-grams"
            rows.append(_row(compared[place], name, "text", text.exact, text.example, told))
        for item in items:
            if item.question.image in equal:
                best = twins[name][item.question.image][0]
                rows.append(_row(item, name, "image", best.exact, best.found, best.evidence))
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype="str")
    frame = frame.sort_values(["benchmark", "item", "source", "kind"], ignore_index=True)
    write_parquet(job.out / MATCHES, frame)
    write_csv(job.out / PAIRS, count_pairs(frame, items, sources))
    facts = {"items": len(items), "touched": int(frame["item"].nunique())}
    job.finish([job.out / MATCHES, job.out / PAIRS], facts=facts)


def count_pairs(matches: pd.DataFrame, items: Sequence[Item], sources: Sequence[str]) -> Any:
    """Return a row a source, benchmark and part: its items, those of each kind, and any's share.

    An item with an equal question and an equal picture counts in both columns, once in `fraction`.
    """
    sizes = Counter((item.question.benchmark, item.part) for item in items)
    kinds: dict[tuple[str, ...], Counter[str]] = {}
    touched: dict[tuple[str, ...], set[str]] = {}
    for row in rows_of(matches):
        key = (row["source"], row["benchmark"], row["part"])
        kinds.setdefault(key, Counter())[f"{row['match']}_{row['kind']}"] += 1
        touched.setdefault(key, set()).add(row["item"])
    rows = []
    for source, ((benchmark, part), size) in product(sources, sorted(sizes.items())):
        key = (source, benchmark, part)
        counts = {name: kinds.get(key, Counter())[name] for name in COUNTS}
        own = {"source": source, "benchmark": benchmark, "part": part, "items": size}
        rows.append({**own, **counts, "fraction": len(touched.get(key, ())) / size})
    return pd.DataFrame(rows)


def _row(item: Item, source: str, kind: str, exact: bool, found: str, evidence: str) -> Row:
    question = item.question
    match = "exact" if exact else "near"
    values = (question.benchmark, item.part, question.item, source, kind, match, found, evidence)
    return dict(zip(COLUMNS, values, strict=True))


def _items(job: Job, benchmark: str, images: str | None) -> Iterator[Item]:
    for row in rows_of(read_items(job.inputs[f"items:{benchmark}"])):
        golds = list(row["golds"])
        if row["form"] == "letter":  # then an answer is what its letter stands for
            golds = [row["options"][letters(len(row["options"])).index(gold)] for gold in golds]
        said = tuple(dict.fromkeys(" ".join(words) for g in golds if (words := words_of(g))))
        image = row["image"] if images else ""
        lines = lines_of(row["question"])
        question = Question(benchmark, row["id"], row["cluster"], image, lines, said)
        yield Item(row["part"], images, question)


def _all_twins(job: Job, items: Sequence[Item]) -> dict[str, Twins]:
    """The equal pictures of every source, by the benchmarks' pictures."""
    sets = {name: entry["images"] for name, entry in job.identity["sources"].items()}
    shown = {name: _shown(job, name, images) for name, images in sorted(sets.items()) if images}
    asked: dict[str, dict[str, str]] = {}
    for item in items:
        if item.images:
            asked.setdefault(item.images, {})[item.question.image] = item.question.cluster
    wanted: dict[str, dict[str, None]] = {images: dict.fromkeys(asked[images]) for images in asked}
    for name, keys in shown.items():
        wanted.setdefault(sets[name], {}).update(dict.fromkeys(keys))
    prints = {images: _prints(job, images, list(keys)) for images, keys in wanted.items()}
    found: dict[str, Twins] = {name: {} for name in sets}
    for name, keys in shown.items():
        index = PictureIndex(prints[sets[name]].of(keys))
        for images, clusters in sorted(asked.items()):
            found[name] |= index.twins(prints[images].of(list(clusters)), clusters)
    return found


def _shown(job: Job, source: str, images: str) -> list[str]:
    """Pictures that a source trains on, each once, in the order of its examples."""
    folder = job.inputs.get(f"source:{source}")
    if folder is None:
        return list(read_checked(job.inputs[f"images:{images}"] / INDEX)["image"])
    column = pq.read_table(checked(folder / EXAMPLES), columns=["image"])["image"]
    return [image for image in column.unique().to_pylist() if image]


def _prints(job: Job, images: str, keys: Sequence[str]) -> Prints:
    """Prints of some pictures of an image set."""
    folder = job.inputs[f"images:{images}"]
    index = read_checked(folder / INDEX)
    row = dict(zip(index["image"], index["row"], strict=True))
    pictures = np.load(checked(folder / PICTURES), mmap_mode="r")
    return take_prints(pictures, [row[key] for key in keys], keys)


def _examples(folder: Path | None) -> Iterator[Example]:
    """The examples of a source, a batch of the file in memory at a time."""
    if folder is None:
        return
    for batch in pq.ParquetFile(checked(folder / EXAMPLES)).iter_batches(
        batch_size=4096, columns=["id", "image", "turns"]
    ):
        for row in batch.to_pylist():
            messages = (message for turn in row["turns"] for message in turn.values())
            yield Example(row["id"], row["image"] or "", tuple(messages))
