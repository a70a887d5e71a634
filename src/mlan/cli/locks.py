"""Who runs a study: the engine's lock file, and locks that a killed engine left behind.

The workflow holds `state/engine.lock` of its study from its first job to its last, a runner
`state/runner.lock` around that. The kernel frees both when their process ends. The engine's own
locks in `.snakemake/locks` are plain files, which a killed engine leaves; they may be removed
only while nobody runs any study in this folder.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

ENGINE, RUNNER = "engine.lock", "runner.lock"
LEFT_BEHIND = Path(".snakemake/locks")
# An engine takes its own locks some seconds before the study's.
SETTLED_S = 20.0


def take(path: Path) -> IO[str] | None:
    """Take a lock until the returned file is closed; None if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


def is_held(path: Path) -> bool:
    """Whether another process holds a lock. A moment long this process holds it instead."""
    if not path.exists():
        return False
    stream = take(path)
    if stream is None:
        return True
    stream.close()
    return False


@contextmanager
def all_studies(results: Path, own: Path) -> Iterator[bool]:
    """Hold the locks of every study below `results` but the runner's `own`; yield success."""
    with ExitStack() as stack:
        for path in sorted(results.glob("*/state/*.lock")):
            if path == own or path.name not in (ENGINE, RUNNER):
                continue
            stream = take(path)
            if stream is None:
                yield False
                return
            stack.enter_context(stream)
        yield True


def left_behind(folder: Path = LEFT_BEHIND) -> bool:
    """Whether the engine's folder of locks holds any."""
    return folder.is_dir() and any(folder.iterdir())


def wait_until_settled(folder: Path = LEFT_BEHIND, pause_s: float = 1.0) -> None:
    """Wait until the engine's locks are gone or old enough to have been left behind."""
    while left_behind(folder):
        newest = max((_time(path) for path in folder.iterdir()), default=0.0)
        if time.time() - newest >= SETTLED_S:
            return
        time.sleep(pause_s)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
