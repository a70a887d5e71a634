"""Stage `prepare_source`: the examples of one source, embedded facts or your own files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from mlan.config.data import FactsSource
from mlan.data.file_sources import own_source, read_source, source_files
from mlan.data.image_store import INDEX
from mlan.data.rows import Pictured, Rejected, build_examples, check_rejected
from mlan.data.sources import build_facts_source
from mlan.records import checked, read_checked, write_csv, write_parquet
from mlan.stage import Job

CONCEPTS = "concepts.parquet"
EXAMPLES = "examples.parquet"
REJECTED = "rejected.csv"
Shown = TypeVar("Shown", bound=Pictured)


def prepare_source(job: Job) -> None:
    """Write `examples.parquet`, for your own files also `rejected.csv`.

    Identity: `name`, `source`. Inputs: `concepts`, or `file`, `file:1`, ..., or `hub`; `images`
    for a vision source. Raises DataError for a relation without this modality, or too many
    rejected rows.
    """
    if job.identity["source"].get("adapter", "facts") == "facts":
        _from_facts(job)
    else:
        _from_files(job)


def _from_facts(job: Job) -> None:
    name, source = job.identity["name"], FactsSource(**job.identity["source"])
    concepts = read_checked(job.inputs["concepts"] / CONCEPTS)
    index = read_checked(job.inputs["images"] / INDEX) if "images" in job.inputs else None
    examples = build_facts_source(name, source, concepts, index)
    path = job.out / EXAMPLES
    write_parquet(path, examples)
    job.finish(outputs=[path], facts={"rows": len(examples), "rejected": 0})


def _from_files(job: Job) -> None:
    name, source = job.identity["name"], own_source(job.identity["source"])
    rows, dropped = read_source(name, source, source_files(source, job.inputs))
    if source.modality == "vision":
        rows, lost = with_pictures(name, job.inputs["images"], rows)
        dropped = sorted([*dropped, *lost], key=lambda row: row.number)
    check_rejected(name, source, len(rows), dropped)
    write_parquet(job.out / EXAMPLES, build_examples(name, source, rows))
    table = [(row.number, row.id, row.reason) for row in dropped]
    write_csv(job.out / REJECTED, pd.DataFrame(table, columns=["row", "id", "reason"]))
    outputs = [job.out / EXAMPLES, job.out / REJECTED]
    job.finish(outputs=outputs, facts={"rows": len(rows), "rejected": len(dropped)})


def with_pictures(
    name: str, folder: Path, rows: Sequence[Shown]
) -> tuple[list[Shown], list[Rejected]]:
    """Split rows by whether the image set `folder` of a source or benchmark holds their picture."""
    known = set(read_checked(folder / INDEX)["image"])
    problems = pd.read_csv(checked(folder / REJECTED), dtype=str)
    reasons = dict(zip(problems["image"], problems["reason"], strict=True))
    kept: list[Shown] = []
    lost = []
    for row in rows:
        if f"{name}/{row.image}" in known:
            kept.append(row)
        else:
            reason = reasons.get(row.image, "image not in the image set")
            lost.append(Rejected(row.number, row.id, reason))
    return kept, lost
