"""Stage `prepare_concepts`: the table of concepts and their split."""

from __future__ import annotations

from collections import Counter

from mlan.config.data import Concepts
from mlan.data.assets import verify
from mlan.data.concepts import ASSETS, build_concepts
from mlan.records import write_parquet
from mlan.stage import Job

CONCEPTS = "concepts.parquet"


def prepare_concepts(job: Job) -> None:
    """Write `concepts.parquet`. Identity: `concepts`. Raises DataError for wrong assets."""
    verify(ASSETS)
    concepts = build_concepts(Concepts(**job.identity["concepts"]))
    path = job.out / CONCEPTS
    write_parquet(path, concepts)
    counts = Counter(concepts["kind"] + " " + concepts["split"])
    job.finish(outputs=[path], facts={"rows": len(concepts), **counts})
