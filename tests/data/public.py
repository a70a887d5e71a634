"""Rows of public benchmarks as their cards lay them out, and reading them as a study would."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from mlan.config.benchmarks import SetBenchmark
from mlan.data.benchmark_files import Item, Questions, read_questions

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def picture(colour: str, size: tuple[int, int] = (12, 8)) -> dict[str, Any]:
    """A picture as a parquet file embeds it."""
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": None}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as JSONL or, by the ending, as parquet with pictures of the Hub's type."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text(pd.DataFrame(rows).to_json(orient="records", lines=True))
        return path
    columns = {key: [row.get(key) for row in rows] for row in rows for key in row}
    arrays = {
        key: pa.array(column, PICTURE if key.startswith("image") and _shows(column) else None)
        for key, column in columns.items()
    }
    pq.write_table(pa.table(arrays), path)
    return path


def _shows(column: list[Any]) -> bool:
    return all(cell is None or isinstance(cell, dict) for cell in column)


def benchmark(name: str, *paths: Path, **fields: Any) -> SetBenchmark:
    """The config of a public benchmark whose files lie side by side."""
    return SetBenchmark(
        adapter="benchmark_set", set=name, path=[path.name for path in paths], **fields
    )


def questions(name: str, *paths: Path, **fields: Any) -> Questions:
    """What the files of a benchmark hold, read under the name `mine`."""
    config = benchmark(name, *paths, **fields)
    local = {path.name: path for path in paths}
    folder = paths[0].parent
    files = {key: local.get(file.path, folder / file.path) for key, file in config.files().items()}
    return read_questions("mine", config, files)


def posed(item: Item) -> dict[str, Any]:
    """What an item says, without what is empty."""
    said = {
        **vars(item.posed),
        "options": list(item.posed.options),
        "golds": list(item.posed.golds),
        "id": item.id,
        "cluster": item.cluster,
        "image": item.image,
    }
    return {key: found for key, found in said.items() if found}
