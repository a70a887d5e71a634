"""What a commit of a repository holds: path, size and hash of every file.

A manifest is the hub's own list, asked once and kept beside the snapshot; a commit never
changes, so neither does its manifest. Big files (LFS) are known by the sha256 of their bytes,
small ones by the sha1 that git gives a blob. Not here: where files lie and whether they agree.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from mlan.config.hub import HubName
from mlan.errors import HubError
from mlan.records import canonical, digest, write_json

FORMAT = 1
Algorithm = Literal["sha256", "git-sha1"]
_DIGITS: dict[str, int] = {"sha256": 64, "git-sha1": 40}
_GLOB = "*?["


@dataclass(frozen=True)
class Entry:
    """One file: its size in bytes and the hash of its content."""

    size: int
    algorithm: Algorithm
    hash: str

    def hash_of(self, path: Path) -> str:
        """Return the same kind of hash of a local file; raises OSError if it cannot be read."""
        with path.open("rb") as stream:
            if self.algorithm == "sha256":
                return hashlib.file_digest(stream, "sha256").hexdigest()
            size = os.fstat(stream.fileno()).st_size
            blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
            return hashlib.file_digest(stream, lambda: blob).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """The files of one commit, or some of them, by path."""

    name: HubName
    files: Mapping[str, Entry]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files.values())

    def digest(self) -> str:
        """Return one hash of the whole list: paths, sizes and hashes."""
        return digest(_plain(self.files))

    def select(self, patterns: Sequence[str], optional: Sequence[str] = ()) -> Manifest:
        """Return the files that match a pattern; `*` stands for any text, also over `/`.

        Raises HubError for a pattern, other than an optional one, that matches nothing, naming
        what there is.
        """
        chosen: dict[str, Entry] = {}
        for pattern in (*patterns, *optional):
            whole = f"{pattern}*" if pattern.endswith("/") else pattern
            found = {path: e for path, e in self.files.items() if fnmatchcase(path, whole)}
            if not found and pattern not in optional:
                wild = any(sign in whole for sign in _GLOB)
                what = f"no file matches {pattern!r}" if wild else f"there is no file {pattern!r}"
                raise HubError(f"{self.name}: {what}; it has {some(sorted(self.files))}")
            chosen |= found
        return Manifest(self.name, dict(sorted(chosen.items())))


def some(names: Sequence[str], most: int = 6) -> str:
    """Return the first names in one line, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more


def manifest_of(name: HubName, files: Mapping[str, Entry]) -> Manifest:
    """Return the manifest of a hub's list, sorted.

    Raises HubError for a path that leads out of the folder.
    """
    for path in files:
        parts = PurePosixPath(path).parts
        if path.startswith("/") or "\\" in path or ".." in parts or not parts:
            raise HubError(f"{name}: names a file outside its folder, {path!r}; do not use it")
    return Manifest(name, dict(sorted(files.items())))


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest atomically. Raises HubError if the folder cannot be written."""
    content = {"format": FORMAT, "name": str(manifest.name), "files": _plain(manifest.files)}
    try:
        write_json(path, content)
    except OSError as error:
        raise HubError(
            f"{path}: cannot be written ({error.strerror}); set HF_HOME to a folder of yours"
        ) from None


def read_manifest(path: Path, name: HubName) -> Manifest | None:
    """Return the manifest of a commit, None if there is none that can be used.

    One that is damaged, or of another format, counts as none: it is asked again.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["name"] != str(name):
            return None
        return manifest_of(name, {k: _entry(v) for k, v in content["files"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _plain(files: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    return {path: {"size": e.size, e.algorithm: e.hash} for path, e in files.items()}


def _entry(plain: dict[str, Any]) -> Entry:
    algorithm: Algorithm = "sha256" if "sha256" in plain else "git-sha1"
    size, value = plain["size"], plain[algorithm]
    if not isinstance(size, int) or len(value) != _DIGITS[algorithm]:
        raise ValueError(f"not an entry: {canonical(plain)}")
    return Entry(size, algorithm, value)
