"""Raw rows of a file of yours: JSON, JSONL, CSV, TSV or parquet, by the file's ending.

A file that is missing, damaged, of another checksum or without a needed column is an error at
once, named by the config key. Columns that nobody asks for are not read, nor are the bytes of
pictures that a parquet file holds (`embedded_pictures` reads those). CSV has a header and the
quotes of RFC 4180; TSV has a header and no quotes, so that a quotation mark is a letter. A path
with `*` names several fetched files, its shards, which are read one after the other.
Not here: what a row means (the adapters), where a file came from.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import filter as matching
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlan.config.files import SourceFile
from mlan.data.fields import EMBEDDED
from mlan.data.rows import Adapter, Unreadable
from mlan.errors import DataError
from mlan.records import RECORD, file_digest, read_record

_BATCH, _PICTURE_BATCH = 1024, 32
_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}


def shards(file: Path) -> list[Path]:
    """Return a file itself or, of a path with `*`, the fetched files that match it, by name.

    `*` stands for any text, also over `/`. What was fetched stands in the record of the folder, so
    that a shard which got lost is missed, and a leftover is not read.
    """
    if "*" in str(file):
        for folder in file.parents:
            if (folder / RECORD).is_file():
                pattern = file.relative_to(folder).as_posix()
                names = sorted(matching(read_record(folder)["outputs"], pattern))
                return [folder / name for name in names] or [file]
    return [file]


def raw_rows(place: str, listed: SourceFile, file: Path, adapter: Adapter) -> Iterator[Any]:
    """Yield what the rows of a file, or of its shards, hold: dicts, or what stands in their place.

    `listed` is how the study names the file, below the key `place`. Raises DataError for a file
    that is missing, has another checksum, is not what its ending says, or lacks a needed column.
    """
    for shard in shards(file):
        where = _verified(place, listed, shard)
        if shard.suffix == ".parquet":
            yield from _parquet_rows(where, shard, adapter)
        elif shard.suffix in (".csv", ".tsv"):
            yield from _table_rows(where, shard, adapter)
        else:
            yield from _json_rows(where, _decoded(where, shard))


def embedded_pictures(
    place: str, listed: SourceFile, file: Path, adapter: Adapter
) -> Iterator[Any]:
    """Yield the bytes of each row's embedded picture, or None, as many as `raw_rows` yields."""
    for shard in shards(file):
        yield from _pictures(place, listed, shard, adapter)


def _pictures(place: str, listed: SourceFile, file: Path, adapter: Adapter) -> Iterator[Any]:
    if file.suffix != ".parquet":
        for found in raw_rows(place, listed, file, adapter):
            yield from (None for _ in adapter.unfold(found))
        return
    table = pq.ParquetFile(file)
    if adapter.image not in _embedded(table):
        yield from (None for _ in range(table.metadata.num_rows))
        return
    for batch in table.iter_batches(_PICTURE_BATCH, columns=[adapter.image]):
        for cell in batch.column(0).to_pylist():
            one = cell[0] if isinstance(cell, list) and cell else cell
            yield one.get("bytes") if isinstance(one, dict) else None


def _verified(place: str, listed: SourceFile, file: Path) -> str:
    shard = f" ({file.name})" if "*" in listed.path and "*" not in file.name else ""
    where = f"{place}.{listed.key} = {listed.path!r}{shard}"
    if not file.is_file():
        raise DataError(f"{where}: no such file; paths are relative to the study file")
    if listed.sha256 and (found := file_digest(file)) != listed.sha256:
        raise DataError(f"{where}: sha256 is {found}, {place}.{listed.sha256_key} says otherwise")
    return where


def _decoded(where: str, file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None


def _json_rows(where: str, text: str) -> Iterator[Any]:
    start = text.lstrip()[:1]
    if start == "[":
        yield from _json(text, where, 1, "is the file complete?")
        return
    whole = _json_object(text) if start == "{" else None
    if whole is not None:
        yield whole
        return
    hint = "a file is one JSON list, or one JSON object per line"
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _json(line, where, number, hint)


def _json_object(text: str) -> Any:
    """Return a file that is one object, which nests its rows; JSONL fails after a line."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json(text: str, where: str, first: int, hint: str) -> Any:
    """Return what a text says; `first` is the line of the file on which it begins."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {first - 1 + error.lineno} column {error.colno}"
        raise DataError(f"{where}: not JSON at {place} ({error.msg}); {hint}") from None
    except (ValueError, RecursionError) as error:  # e.g. a number of 5,000 digits
        raise DataError(f"{where}: cannot be read as JSON ({error})") from None


def _table_rows(where: str, file: Path, adapter: Adapter) -> Iterator[Any]:
    text = _decoded(where, file)
    read = _csv_lines(where, text) if file.suffix == ".csv" else _tsv_lines(text, adapter.escapes)
    header = list(adapter.header) if adapter.header is not None else next(read, [])
    _check_columns(where, header, adapter)
    for line in read:
        if len(line) == len(header):
            yield dict(zip(header, line, strict=True))
        else:
            few = "fewer" if len(line) < len(header) else "more"
            yield Unreadable(f"{few} fields than columns", dict(zip(header, line, strict=False)))


def _csv_lines(where: str, text: str) -> Iterator[list[str]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from (line for line in lines if line)
    except csv.Error as error:
        raise DataError(f"{where}: not CSV at line {lines.line_num} ({error})") from None


def _tsv_lines(text: str, escapes: bool) -> Iterator[list[str]]:
    for line in text.split("\n"):
        fields = line.removesuffix("\r").split("\t")
        if fields == [""]:
            continue
        yield [_unescaped(field) for field in fields] if escapes else fields


def _unescaped(field: str) -> str:
    return re.sub(r"\\[nt\\]", lambda found: _ESCAPES[found[0]], field)


def _parquet_rows(where: str, file: Path, adapter: Adapter) -> Iterator[dict[str, Any]]:
    try:
        table = pq.ParquetFile(file)
        _check_columns(where, table.schema_arrow.names, adapter)
        embedded = _embedded(table)
        columns = _leaves(table, {*adapter.needed, *adapter.optional}, embedded)
        for batch in table.iter_batches(_BATCH, columns=columns):
            for row in batch.to_pylist():
                yield {k: _marked(v) if k in embedded else v for k, v in row.items()}
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{where}: not a readable parquet file ({reason})") from None


def _check_columns(where: str, found: Sequence[str], adapter: Adapter) -> None:
    twice = sorted({column for column in found if found.count(column) > 1})
    if twice:
        raise DataError(f"{where}: column {twice[0]!r} stands twice")
    missing = [column for column in adapter.needed if column not in found]
    if missing:
        lacks = ", ".join(map(repr, missing))
        raise DataError(f"{where}: no column {lacks}; it has {', '.join(map(repr, found))}")


def _embedded(table: pq.ParquetFile) -> set[str]:
    """Columns of pictures as `{bytes, path}`, or lists of them."""
    found = set()
    for field in table.schema_arrow:
        kind = field.type
        kind = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            found.add(field.name)
    return found


def _leaves(table: pq.ParquetFile, wanted: set[str], embedded: set[str]) -> list[str]:
    """Paths of the leaves of the wanted columns, without the bytes of pictures."""
    paths = [table.schema.column(n).path for n in range(len(table.schema))]
    return [
        path
        for path in paths
        if path.split(".")[0] in wanted
        and not (path.split(".")[0] in embedded and path.endswith(".bytes"))
    ]


def _marked(cell: Any) -> Any:
    if isinstance(cell, list):
        return [EMBEDDED for _ in cell]
    return None if cell is None else EMBEDDED
