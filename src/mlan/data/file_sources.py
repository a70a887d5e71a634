"""Sources that are read from your own files: rows of any adapter, and their pictures.

Files are local paths under the names of a job's inputs (`FileSource.files`); where they came
from is not asked. The same rows come out of a plan, the checks before a run, and the stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from mlan.config.data import (
    ChatSource,
    ConversationsSource,
    InstructionSetSource,
    OwnSource,
    QaSource,
)
from mlan.config.files import ARCHIVE, FileData, is_file_input
from mlan.data.albums import Album, open_album
from mlan.data.chat import chat
from mlan.data.conversations import conversations
from mlan.data.files import embedded_pictures, raw_rows, shards
from mlan.data.instruction_sets import instruction_set
from mlan.data.instruction_sets.vqav2 import join
from mlan.data.qa import qa
from mlan.data.rows import Adapter, Pictured, Rejected, Row, collect
from mlan.errors import DataError
from mlan.records import checked

_ANNOTATIONS = "file:annotations"


def own_source(fields: Mapping[str, Any]) -> OwnSource:
    """Return the source that the fields of an identity describe."""
    source: OwnSource = TypeAdapter(OwnSource).validate_python(fields)
    return source


def source_files(source: FileData, inputs: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files of a source: those of a job's inputs, or of the folder that fetched them.

    A path with `*` stays one, all its `shards` are checked. Raises IntegrityError if a fetched file
    is missing or differs from its record.
    """
    if "hub" in inputs:
        folder = inputs["hub"]
        files = {name: folder / file.path for name, file in source.files().items()}
        for shard in (shard for file in files.values() for shard in shards(file)):
            checked(shard)
        return files
    return {name: path for name, path in inputs.items() if is_file_input(name)}


def picture_place(source: FileData, inputs: Mapping[str, Path]) -> Path | None:
    """Return the folder or the archive of a source's pictures, the archive as `source_files`."""
    if source.archive is None:
        return None if source.image_folder is None else Path(source.image_folder)
    return checked(inputs["hub"] / source.archive) if "hub" in inputs else inputs[ARCHIVE]


def source_adapter(source: OwnSource) -> Adapter:
    """Return how a source reads its rows."""
    match source:
        case ConversationsSource():
            return conversations(source)
        case ChatSource():
            return chat(source)
        case QaSource():
            return qa(source)
        case InstructionSetSource():
            return instruction_set(source)


def read_source(
    name: str, source: OwnSource, files: Mapping[str, Path]
) -> tuple[list[Row], list[Rejected]]:
    """Return the usable and the dropped rows of the source's modality, in the files' order.

    A row that shows no modality counts for both. `files` are local paths by input name. Raises
    DataError for a file that is missing, unreadable, or differs from its checksum.
    """
    adapter = source_adapter(source)
    return collect(adapter, _rows(name, source, files, adapter))


def album_of(
    name: str, source: FileData, rows: Iterable[Pictured], place: Path | None
) -> Album | None:
    """Return the pictures that rows name by path, in the folder or archive `place`, if any do.

    Raises DataError if there is no such folder, or no archive that can be read.
    """
    if not any(row.image and not row.embedded for row in rows):
        return None
    key = f"{source.place(name)}.image_folder"
    if source.image_folder is None or place is None:
        raise DataError(f"{key}: missing; rows name pictures by path")
    return open_album(key, source.image_folder, place)


def read_embedded(
    name: str, source: OwnSource, files: Mapping[str, Path]
) -> Iterator[tuple[int, bytes]]:
    """Yield row number and bytes of every picture that the source's files hold themselves."""
    adapter = source_adapter(source)
    number = 0
    for input_name, listed in source.files().items():
        if input_name == _ANNOTATIONS:
            continue
        for content in embedded_pictures(source.place(name), listed, files[input_name], adapter):
            if isinstance(content, bytes):
                yield number, content
            number += 1


def _rows(
    name: str, source: OwnSource, files: Mapping[str, Path], adapter: Adapter
) -> Iterator[Any]:
    listed = source.files()
    if _ANNOTATIONS not in listed:
        return _unfolded(name, source, files, adapter)
    annotations = listed[_ANNOTATIONS]
    where = f"{source.place(name)}.{annotations.key} = {annotations.path!r}"
    columns = ("question_id", "image_id", "answer_type", "multiple_choice_answer")
    answers = Adapter(adapter.parse, columns)
    raw = raw_rows(source.place(name), annotations, files[_ANNOTATIONS], answers)
    return join(
        where,
        _unfolded(name, source, files, adapter),
        (row for found in raw for row in adapter.unfold(found)),
    )


def _unfolded(
    name: str, source: OwnSource, files: Mapping[str, Path], adapter: Adapter
) -> Iterator[Any]:
    for input_name, listed in source.files().items():
        if input_name != _ANNOTATIONS:
            for found in raw_rows(source.place(name), listed, files[input_name], adapter):
                yield from adapter.unfold(found)
