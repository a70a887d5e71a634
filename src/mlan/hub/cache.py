"""Where a repository lies on this machine, in the cache that all hub clients share.

The layout is huggingface_hub's: `models--org--name/` with `blobs/` (content by hash) and
`snapshots/<commit>/` (links by path). Beside them `manifests/` holds what mlan adds: the
manifest of a commit, a note of what was verified, a lock. Not here: the network.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlan.config.hub import HubName
from mlan.errors import HubError

log = logging.getLogger("mlan")
_DAY_S = 24 * 3600


@dataclass(frozen=True)
class Place:
    """The folder of one commit of a repository in a cache."""

    cache: Path
    name: HubName

    @property
    def storage(self) -> Path:
        """The folder of the repository, all commits."""
        return self.cache / f"{self.name.kind}s--{self.name.repository.replace('/', '--')}"

    @property
    def snapshot(self) -> Path:
        """The folder that is read: files by their path."""
        return self.storage / "snapshots" / str(self.name.commit)

    @property
    def manifest(self) -> Path:
        """The list of the commit's files."""
        return self.storage / "manifests" / f"{self.name.commit}.json"

    @property
    def seen(self) -> Path:
        """What was verified, and what the files looked like then."""
        return self.storage / "manifests" / f"{self.name.commit}.seen.json"

    @contextmanager
    def sole_user(self) -> Iterator[None]:
        """Hold the commit's lock: one process downloads, the others wait and find it done.

        Raises HubError if the cache cannot be written.
        """
        path = self.storage / "manifests" / f"{self.name.commit}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = path.open("w")
        except OSError as error:
            raise HubError(
                f"{path}: cannot be written ({error.strerror}); set HF_HOME to a folder of yours"
            ) from None
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("%s: waiting for another process that fetches it", self.name)
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def discard(self, path: str) -> None:
        """Remove a file of the snapshot and the content that it links to, inside the cache."""
        root = self.cache.resolve()
        step = self.snapshot / path
        while step.is_symlink():
            target = step.parent / os.readlink(step)
            step.unlink(missing_ok=True)
            step = target
        if step.resolve().is_relative_to(root):
            step.unlink(missing_ok=True)

    def clear_leftovers(self) -> None:
        """Remove unfinished downloads older than a day, and say so.

        No client ever goes on with one; a younger one may belong to a process at work.
        """
        old, young = [], []
        for path in self.storage.glob("blobs/*.incomplete"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if time.time() - status.st_mtime > _DAY_S:
                path.unlink(missing_ok=True)
                old.append(status.st_size)
            else:
                young.append(status.st_size)
        if old:
            log.warning(
                "%s: removed %d unfinished download(s) older than a day (%s)",
                self.name,
                len(old),
                in_words(sum(old)),
            )
        if young:
            log.warning(
                "%s: %d unfinished download(s) of the last day stay (%s), of a process at work or "
                "a killed one; they are removed when they are a day old",
                self.name,
                len(young),
                in_words(sum(young)),
            )

    def check_room(self, needed: int) -> None:
        """Raise HubError if the disk has less than `needed` bytes."""
        free = shutil.disk_usage(self.storage).free
        if needed > free:
            raise HubError(
                f"{self.name}: {in_words(needed)} are to be fetched, {in_words(free)} are free in "
                f"{self.cache}; make room, or set HF_HOME to a folder on a larger disk"
            )


def in_words(size: int) -> str:
    """Return bytes as `512 B`, `3.4 MB` or `13.5 GB`; powers of 1000."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
