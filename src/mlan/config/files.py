"""Config of what is read from files: local ones, or those of a data set on a hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from mlan.config.hub import HubDataset
from mlan.config.section import Section, Share


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _shortest(value: list[str]) -> str | list[str]:
    return value[0] if len(value) == 1 else value


# A text or a list of texts in the file, always a list here; one is written as the text itself.
_ONE_OR_MORE = (
    Field(min_length=1),
    BeforeValidator(_listed),
    PlainSerializer(_shortest),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"items": {"type": "string"}, "type": "array"}]}),
)
Texts = Annotated[list[str], *_ONE_OR_MORE]
Digests = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]], *_ONE_OR_MORE
]


class SourceFile(NamedTuple):
    """A file of a source: its path and checksum as the source says them, and under which keys."""

    key: str
    path: str
    sha256_key: str
    sha256: str | None


# Name of a job's input: the archive that pictures are read from.
ARCHIVE = "file:pictures"


def is_archive(path: str) -> bool:
    """Whether a path of pictures is that of a zip archive, not of a folder."""
    return path.lower().endswith(".zip")


def is_file_input(name: str) -> bool:
    """Whether a job's input is a file of a source, not a folder that another job wrote."""
    return name == "file" or name.startswith("file:")


class FileData(Section):
    """What all sources and benchmarks share that are read from your own files."""

    section: ClassVar[str]

    repository: HubDataset | None = Field(
        None,
        description="Data set of a hub that `path` lies in, `hub:datasets/org/name`; its commit "
        "is pinned by `@` or by `mlan lock`.",
    )
    path: Texts = Field(
        description="File, or a list of files of one layout, relative to the study file, or to "
        "the repository; there `*` stands for any text, as in `data/train-*.parquet`."
    )
    image_folder: str | None = Field(
        None,
        description="Folder that `image` is relative to, or a zip archive (`.zip`) whose member it "
        "is.",
    )
    sha256: Digests | None = Field(
        None, description="Expected checksum of the file; of several files a list."
    )
    max_rejected: Share = Field(
        0.01, description="Largest fraction of rows that may be dropped; above it is an error."
    )

    @classmethod
    def place(cls, name: str) -> str:
        """Return the key of an entry in the study file."""
        return f"{cls.section}.{name}"

    @property
    def archive(self) -> str | None:
        """The zip archive of the pictures, which is a file like the others."""
        folder = self.image_folder
        return folder if folder is not None and is_archive(folder) else None

    def files(self) -> dict[str, SourceFile]:
        """Return the files of rows by the name of a job's input: `file`, `file:1`, ..."""
        return dict(numbered("file", "path", self.path, "sha256", self.sha256))


def numbered(
    name: str, key: str, paths: Sequence[str], sha256_key: str, digests: Sequence[str] | None
) -> Iterator[tuple[str, SourceFile]]:
    """Yield `name`, `name:1`, ... with the files of a key that holds one path or several."""
    told = chain(digests or (), repeat(None))
    for n, (path, digest) in enumerate(zip(paths, told, strict=False)):
        place = f".{n}" if len(paths) > 1 else ""
        listed = SourceFile(f"{key}{place}", path, f"{sha256_key}{place}", digest)
        yield (f"{name}:{n}" if n else name), listed


class FileSource(FileData):
    """What all sources share that are read from your own files."""

    section = "data.sources"
