"""Stage `prepare_benchmark`: the items of one benchmark, embedded facts or a public set."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from mlan.config.benchmarks import BenchmarkItems, SetBenchmark
from mlan.data.benchmarks import build_benchmark
from mlan.data.file_sources import source_files
from mlan.data.image_store import INDEX
from mlan.data.items import ITEMS, build_items
from mlan.data.parts import read_parts
from mlan.data.prepare.source import with_pictures
from mlan.data.rows import check_rejected
from mlan.records import read_checked, write_csv, write_parquet
from mlan.stage import Job

CONCEPTS = "concepts.parquet"
REJECTED = "rejected.csv"


def prepare_benchmark(job: Job) -> None:
    """Write `items.parquet`, for a public set also `rejected.csv`.

    Identity: `name`, `benchmark`, of a public set `split_seed` too. Inputs: `concepts`, or `file`,
    `file:1`, ..., or `hub`; `images` for a vision benchmark. Raises DataError when fewer test
    items exist than are asked for, or rows cannot be used.
    """
    if job.identity["benchmark"].get("adapter", "facts") == "facts":
        _from_facts(job)
    else:
        _from_files(job)


def _from_facts(job: Job) -> None:
    name, benchmark = job.identity["name"], BenchmarkItems(**job.identity["benchmark"])
    concepts = read_checked(job.inputs["concepts"] / CONCEPTS)
    index = read_checked(job.inputs["images"] / INDEX) if "images" in job.inputs else None
    items = build_benchmark(name, benchmark, concepts, index)
    path = job.out / ITEMS
    write_parquet(path, items)
    parts = Counter(items["part"])
    job.finish(outputs=[path], facts={"rows": len(items), "rejected": 0, **parts})


def _from_files(job: Job) -> None:
    name, benchmark = job.identity["name"], SetBenchmark(**job.identity["benchmark"])
    files = source_files(benchmark, job.inputs)
    found = read_parts(name, benchmark, files, job.identity["split_seed"])
    items, dropped = found.items, found.dropped
    if benchmark.modality == "vision":
        items, lost = with_pictures(name, job.inputs["images"], items)
        check_rejected(name, benchmark, len(items), lost)
        dropped = [*dropped, *lost]
    frame = build_items(name, items)
    write_parquet(job.out / ITEMS, frame)
    table = [(row.number, row.id, row.reason) for row in dropped]
    write_csv(job.out / REJECTED, pd.DataFrame(table, columns=["row", "id", "reason"]))
    counts = {
        "rows": len(frame),
        "rejected": len(dropped),
        "left_out": found.left_out,
        "clusters": int(frame["cluster"].nunique()),
        **Counter(frame["part"]),
    }
    job.finish(outputs=[job.out / ITEMS, job.out / REJECTED], facts=counts)
