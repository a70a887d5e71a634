"""Stage `prepare_images`: the pictures of an embedded image set or of your own data."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pandas as pd

from mlan.config.data import ImageSet
from mlan.data.assets import verify
from mlan.data.file_sources import (
    check_pictures,
    own_source,
    read_embedded,
    read_source,
    source_files,
)
from mlan.data.image_store import INDEX, PICTURES, write_pictures
from mlan.data.images import build_index, draw_all
from mlan.data.photos import PADDING, load_all, load_embedded, photo_index
from mlan.data.rows import Rejected, check_rejected
from mlan.records import read_checked, write_csv, write_parquet
from mlan.stage import Job

CONCEPTS = "concepts.parquet"
REJECTED = "rejected.csv"


def prepare_images(job: Job) -> None:
    """Write `images.npy` and `index.parquet`, for your own data also `rejected.csv`.

    Identity: `name`, `image_size`, and `image_set` or (your own data) `source` and, unless it is
    the default, `padding`. Inputs:
    `concepts`, or `file`, `file:1`, ..., or `hub`. Raises DataError for wrong assets, or too many
    rejected rows.
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
    source = own_source(job.identity["source"])
    files = source_files(source, job.inputs)
    folder = None if source.image_folder is None else Path(source.image_folder)
    rows, dropped = read_source(name, source, files)
    check_pictures(name, source, rows, folder)
    red, green, blue = job.identity.get("padding", PADDING)
    padding = (red, green, blue)
    kept: list[str] = []
    problems: dict[str, str] = {}
    by_path = dict.fromkeys(row.image for row in rows if not row.embedded)
    held = {row.number: row.image for row in rows if row.embedded}
    contents = (
        (held.pop(number), content)
        for number, content in (read_embedded(name, source, files) if held else ())
        if number in held
    )
    pictures = chain(
        load_all(folder or Path(), by_path, size, kept, problems, padding),
        load_embedded(contents, size, kept, problems, padding),
    )
    write_pictures(job.out / PICTURES, pictures, size)
    problems |= dict.fromkeys(held.values(), "image without bytes")
    lost = [
        Rejected(row.number, row.id, problems[row.image]) for row in rows if row.image in problems
    ]
    check_rejected(name, source, len(rows) - len(lost), [*dropped, *lost])
    write_parquet(job.out / INDEX, photo_index(name, kept))
    rejected = pd.DataFrame(sorted(problems.items()), columns=["image", "reason"])
    write_csv(job.out / REJECTED, rejected)
    outputs = [job.out / file for file in (PICTURES, INDEX, REJECTED)]
    job.finish(outputs=outputs, facts={"rows": len(kept), "rejected": len(problems)})
