"""Identity, digests, atomic writes, and the record that every job writes last.

Model: one stage's job owns one folder. It writes its data files under temporary names, moves
them into place, and writes `record.json` last; the record's existence means "complete", and
it holds the digest of every file beside it. Readers go through `checked`, which compares the
file with its producer's record. Not here: what the files mean.

A model's weights are hashed once and not by every job that reads them: the digest of a large file
is remembered in the study's state folder with all that the file system says of the file. Any write
changes that (the time of change cannot be set), also one that puts size and modification time back,
and the file is hashed anew. What is given up: a byte of a large file that goes bad on the disk
itself, without a write, is seen only after `state/digests` is deleted. Files that are not large
are read in full every time.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlan
from mlan.errors import IntegrityError

if TYPE_CHECKING:
    import pandas as pd

RECORD = "record.json"
# How names of files end that are being written.
PARTIAL = ".partial"
RUN = "run.json"
FORMAT = 1
# Bytes from which a file's digest is remembered; less takes a tenth of a second to read.
LARGE = 100_000_000
# A file younger than this may be written again without another time.
_SETTLED_NS = 2 * 10**9


def canonical(value: Any) -> str:
    """Serialise to JSON with sorted keys; equal meaning gives equal text.

    Raises TypeError for what has no such form (NaN, sets, objects), so that nothing forks
    an identity silently. Floats with an integer value are written as integers.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"the key {wrong[0]!r} has no place in an identity: not a string")
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{value} has no place in an identity")
        return int(value) if value.is_integer() else value
    raise TypeError(f"{type(value).__name__} has no place in an identity: {value!r}")


def digest(value: Any) -> str:
    """Return the sha256 of the canonical form, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def known_digest(path: Path) -> str:
    """Return `file_digest`, remembered for a large file below a study's results."""
    resolved = path.resolve()
    studies = (parent for parent in path.absolute().parents if (parent / "state").is_dir())
    root = next(studies, None)
    if root is None or resolved.stat().st_size < LARGE:
        return file_digest(path)
    memory = root / "state" / "digests" / f"{digest(str(resolved))[:16]}.json"
    before = _state(resolved)
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["file"] == before:
            return str(known["sha256"])
    found = file_digest(resolved)
    if _state(resolved) == before and time.time_ns() - resolved.stat().st_ctime_ns > _SETTLED_NS:
        with suppress(OSError):  # a state folder that cannot be written: hashed anew each time
            write_json(memory, {"file": before, "sha256": found})
    return found


def _state(path: Path) -> list[int]:
    """What tells that a file was written: device, inode, size, times of content and of change."""
    stat = path.stat()
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder and move it to `path` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PARTIAL, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON atomically, keys sorted."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False)
    write_bytes(path, f"{text}\n".encode())


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table atomically; equal frames give equal bytes."""
    with atomic(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV atomically, floats with six significant digits."""
    text = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_bytes(path, text.encode())


def write_record(
    folder: Path,
    *,
    stage: str,
    identity: Mapping[str, Any],
    code: str,
    inputs: Mapping[str, Path],
    outputs: list[Path],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write `folder/record.json`: deterministic provenance of the files beside it.

    `inputs` maps a name to a producer's folder (its record's digest is stored) or to a plain
    file (its own digest); `facts` are small results worth reading without opening a table.
    """
    record = {
        "format": FORMAT,
        "stage": stage,
        "identity": _plain(dict(identity)),
        "code": code,
        "inputs": {name: input_digest(path) for name, path in sorted(inputs.items())},
        "outputs": {str(p.relative_to(folder)): known_digest(p) for p in sorted(outputs)},
        "facts": _plain(dict(facts or {})),
        "versions": {"mlan": mlan.__version__, "python": platform.python_version()},
    }
    write_json(folder / RECORD, record)


def input_digest(path: Path) -> str:
    """Digest of an input: a producer's record for its folder, the bytes for a plain file."""
    return file_digest(path / RECORD if path.is_dir() else path)


def read_record(folder: Path) -> dict[str, Any]:
    """Return a stage's record. Raises IntegrityError if it is absent or unreadable."""
    path = folder / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise IntegrityError(f"{path}: missing; the job that writes it has not finished") from None
    except ValueError:
        record = {}
    if not isinstance(record, dict) or not isinstance(record.get("outputs"), dict):
        raise IntegrityError(f"{path}: not readable; delete it and run again")
    return record


def checked(path: Path) -> Path:
    """Return `path` after comparing it with the record of the folder that holds it.

    Raises IntegrityError when the file is missing, unknown to the record, or differs.
    """
    folder = path.parent
    while not (folder / RECORD).exists() and folder != folder.parent and folder != Path("."):
        folder = folder.parent
    record = read_record(folder if (folder / RECORD).exists() else path.parent)
    name = str(path.relative_to(folder))
    if name not in record["outputs"]:
        raise IntegrityError(f"{path}: not in {folder / RECORD}")
    if not path.exists():
        raise IntegrityError(f"{path}: missing although {folder / RECORD} names it")
    if known_digest(path) != record["outputs"][name]:
        raise IntegrityError(
            f"{path}: differs from what its record says; delete {folder} and run again"
        )
    return path


def read_checked(path: Path) -> pd.DataFrame:
    """Read a parquet table after `checked`."""
    import pandas as pd  # here: half a second that a job's start need not pay

    return pd.read_parquet(checked(path))


def read_run(folder: Path) -> dict[str, Any]:
    """Return a stage's run.json (seconds, rates: not deterministic), empty if there is none."""
    path = folder / RUN
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return run
