"""Stage `prepare_images`: the pictures of an embedded image set or of your own data."""

from __future__ import annotations

from itertools import chain

import pandas as pd

from mlan.config.benchmarks import SetBenchmark
from mlan.config.data import ImageSet
from mlan.data.assets import verify
from mlan.data.benchmark_files import read_pictures
from mlan.data.file_sources import (
    album_of,
    own_source,
    picture_place,
    read_embedded,
    read_source,
    source_files,
)
from mlan.data.image_store import INDEX, PICTURES, write_pictures
from mlan.data.images import build_index, draw_all
from mlan.data.parts import read_parts
from mlan.data.photos import Colour, load_all, load_embedded, photo_index
from mlan.data.rows import Rejected, check_rejected
from mlan.records import read_checked, write_csv, write_parquet
from mlan.stage import Job

CONCEPTS = "concepts.parquet"
REJECTED = "rejected.csv"


def prepare_images(job: Job) -> None:
    """Write `images.npy` and `index.parquet`, for files of your own also `rejected.csv`.

    Identity: `name`, `image_size`, and `image_set`, `source`, or `benchmark` with `split_seed`;
    for files of your own also `padding`, unless it is the default. Inputs: `concepts`, or `file`,
    `file:1`, ..., or `hub`; `file:pictures`, an archive. Raises DataError for wrong assets, an
    archive that cannot be read, or too many rejected rows.
    """
    if "image_set" in job.identity:
        _draw(job)
    elif "benchmark" in job.identity:
        _load_benchmark(job)
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
    rows, dropped = read_source(name, source, files)
    album = album_of(name, source, rows, picture_place(source, job.inputs))
    padding = _padding(job)
    kept: list[str] = []
    problems: dict[str, str] = {}
    by_path = dict.fromkeys(row.image for row in rows if not row.embedded)
    named = {row.image: row.number for row in reversed(rows) if row.embedded}  # its first row
    held = {number: image for image, number in named.items()}
    contents = (
        (held.pop(number), content)
        for number, content in (read_embedded(name, source, files) if held else ())
        if number in held
    )
    pictures = chain(
        load_all(album, by_path, size, kept, problems, padding) if album else (),
        load_embedded(contents, size, kept, problems, padding),
    )
    write_pictures(job.out / PICTURES, pictures, size)
    problems |= dict.fromkeys(held.values(), "image without bytes")
    lost = [
        Rejected(row.number, row.id, problems[row.image]) for row in rows if row.image in problems
    ]
    check_rejected(name, source, len(rows) - len(lost), [*dropped, *lost])
    _finish(job, kept, problems, {})


def _load_benchmark(job: Job) -> None:
    """Store each picture of the drawn parts once, however many questions show it."""
    name, size = job.identity["name"], job.identity["image_size"]
    benchmark = SetBenchmark(**job.identity["benchmark"])
    files = source_files(benchmark, job.inputs)
    found = read_parts(name, benchmark, files, job.identity["split_seed"])
    items = found.items
    album = album_of(name, benchmark, items, picture_place(benchmark, job.inputs))
    padding = _padding(job)
    kept: list[str] = []
    problems: dict[str, str] = {}
    by_path = dict.fromkeys(item.image for item in items if not item.embedded)
    held = dict.fromkeys(item.image for item in items if item.embedded)
    contents = read_pictures(name, benchmark, files, held) if held else iter(())
    pictures = chain(
        load_all(album, by_path, size, kept, problems, padding) if album else (),
        load_embedded(contents, size, kept, problems, padding),
    )
    write_pictures(job.out / PICTURES, pictures, size)
    problems |= dict.fromkeys(held.keys() - {*kept, *problems}, "image without bytes")
    lost = [Rejected(i.number, i.id, problems[i.image]) for i in items if i.image in problems]
    check_rejected(name, benchmark, len(items) - len(lost), lost)
    _finish(job, kept, problems, {"unused": found.unused})


def _padding(job: Job) -> Colour:
    red, green, blue = job.identity["padding"]
    return red, green, blue


def _finish(job: Job, kept: list[str], problems: dict[str, str], more: dict[str, int]) -> None:
    write_parquet(job.out / INDEX, photo_index(job.identity["name"], kept))
    rejected = pd.DataFrame(sorted(problems.items()), columns=["image", "reason"])
    write_csv(job.out / REJECTED, rejected)
    outputs = [job.out / file for file in (PICTURES, INDEX, REJECTED)]
    job.finish(outputs=outputs, facts={"rows": len(kept), "rejected": len(problems), **more})
