"""Stage `prepare_images`: the pictures of an embedded image set or of your conversations."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlan.config.data import ConversationsSource, ImageSet
from mlan.data.assets import verify
from mlan.data.conversations import Rejected, check_rejected, read_conversations
from mlan.data.image_store import INDEX, PICTURES, write_pictures
from mlan.data.images import build_index, draw_all
from mlan.data.photos import load_all, photo_index
from mlan.errors import DataError
from mlan.records import read_checked, write_csv, write_parquet
from mlan.stage import Job

CONCEPTS = "concepts.parquet"
REJECTED = "rejected.csv"


def prepare_images(job: Job) -> None:
    """Write `images.npy` and `index.parquet`, for conversations also `rejected.csv`.

    Identity: `name`, `image_size`, and `image_set` or (conversations) `source`. Inputs:
    `concepts`, or `file`. Raises DataError for wrong assets or too many rejected rows.
    """
    if "image_set" in job.identity:
        _draw(job)
    else:
        _load(job)


def _draw(job: Job) -> None:
    name, size = job.identity["name"], job.identity["image_size"]
    images = ImageSet(**job.identity["image_set"])
    verify([images.style])
    concepts = read_checked(job.inputs["concepts"] / CONCEPTS)
    index = build_index(name, images, concepts)
    write_pictures(job.out / PICTURES, draw_all(index, images, concepts, size), size)
    write_parquet(job.out / INDEX, index)
    outputs = [job.out / PICTURES, job.out / INDEX]
    job.finish(outputs=outputs, facts={"rows": len(index), "rejected": 0})


def _load(job: Job) -> None:
    name, size = job.identity["name"], job.identity["image_size"]
    source = ConversationsSource(**job.identity["source"])
    if source.image_folder is None:
        raise DataError(f"data.sources.{name}.image_folder: missing; a vision source names one")
    rows, dropped = read_conversations(name, source, job.inputs["file"])
    wanted = list(dict.fromkeys(row.image for row in rows))
    kept: list[str] = []
    problems: dict[str, str] = {}
    pictures = load_all(Path(source.image_folder), wanted, size, kept, problems)
    write_pictures(job.out / PICTURES, pictures, size)
    lost = [
        Rejected(row.number, row.id, problems[row.image]) for row in rows if row.image in problems
    ]
    check_rejected(name, source, len(rows) - len(lost), [*dropped, *lost])
    write_parquet(job.out / INDEX, photo_index(name, kept))
    rejected = pd.DataFrame(sorted(problems.items()), columns=["image", "reason"])
    write_csv(job.out / REJECTED, rejected)
    outputs = [job.out / file for file in (PICTURES, INDEX, REJECTED)]
    job.finish(outputs=outputs, facts={"rows": len(kept), "rejected": len(problems)})
