"""Compare the files of a snapshot with the manifest: missing, damaged, or right.

Content is hashed once. What a file looked like then (size, times, inode) is noted beside the
manifest, and a file that still looks the same is not read again: the weights of a large model
take half a minute. `thorough` reads every byte. Not here: mending what is found.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mlan.hub.cache import Place
from mlan.hub.manifest import Manifest
from mlan.records import write_json


@dataclass(frozen=True)
class Damage:
    """A file whose content is not what the hub says."""

    path: str
    algorithm: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.algorithm} of {self.path} is {self.found}, the hub says {self.expected}"


@dataclass
class Findings:
    """What a comparison found."""

    missing: list[str] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every file is there and right."""
        return not self.missing and not self.damaged


def examine(place: Place, wanted: Manifest, *, thorough: bool = False) -> Findings:
    """Compare a snapshot with its manifest, without a network."""
    noted = _read(place.seen)
    seen = {} if thorough else noted
    known = dict(noted)
    found = Findings()
    for path, entry in wanted.files.items():
        file = place.snapshot / path
        try:
            look = [*_look(file)]
            if seen.get(path) == [entry.hash, *look]:
                continue
            value = entry.hash_of(file)
        except OSError:  # absent, a dead link, or a disk that cannot read it
            found.missing.append(path)
            continue
        if value == entry.hash:
            known[path] = [entry.hash, *look]
        else:
            known.pop(path, None)
            found.damaged.append(Damage(path, entry.algorithm, value, entry.hash))
    if known != noted:
        with suppress(OSError):  # a cache that cannot be written is read anew each time
            write_json(place.seen, known)
    return found


def _look(file: Path) -> tuple[int, int, int, int]:
    status = os.stat(file)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _read(path: Path) -> dict[str, list[str | int]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
