"""Stage `prepare_benchmark`: the items of one benchmark."""

from __future__ import annotations

from collections import Counter

from mlan.config.data import BenchmarkItems
from mlan.data.benchmarks import build_benchmark
from mlan.data.image_store import INDEX
from mlan.records import read_checked, write_parquet
from mlan.stage import Job

CONCEPTS = "concepts.parquet"
ITEMS = "items.parquet"


def prepare_benchmark(job: Job) -> None:
    """Write `items.parquet`. Identity: `name`, `benchmark`; inputs: `concepts`, `images`.

    Raises DataError when fewer test concepts exist than items are asked for.
    """
    name, benchmark = job.identity["name"], BenchmarkItems(**job.identity["benchmark"])
    concepts = read_checked(job.inputs["concepts"] / CONCEPTS)
    index = read_checked(job.inputs["images"] / INDEX) if "images" in job.inputs else None
    items = build_benchmark(name, benchmark, concepts, index)
    path = job.out / ITEMS
    write_parquet(path, items)
    parts = Counter(items["part"])
    job.finish(outputs=[path], facts={"rows": len(items), "rejected": 0, **parts})
