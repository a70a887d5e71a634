"""What every workflow script has in common: its arguments, its record, its way to fail.

A rule calls `script --identity JSON --code HEX --out DIR --input name=path ...`. The identity
is everything that decides the result besides the inputs, as canonical JSON; the script gives
it to one library function, which writes its files into `out` and calls `Job.finish`. A user's
mistake (MlanError) ends a script with one plain line per mistake and exit code 1.

A stage with a state folder (checkpoints, journals) holds a lock on it: a job orphaned by a
killed engine may still be at work there. Whoever had to wait looks first whether the other
has finished the very same job.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlan.errors import IntegrityError, MlanError
from mlan.records import (
    PARTIAL,
    RECORD,
    RUN,
    canonical,
    checked,
    input_digest,
    read_record,
    write_json,
    write_record,
)

log = logging.getLogger("mlan")


@dataclass(frozen=True)
class Job:
    """One call of a stage: what decides the result, where it reads, where it writes."""

    stage: str
    identity: dict[str, Any]
    code: str
    out: Path
    inputs: dict[str, Path] = field(default_factory=dict)
    state_folder: Path | None = None
    threads: int = 1
    started: float = field(default_factory=time.monotonic)

    @property
    def state(self) -> Path:
        """Folder for checkpoints and journals; only stages called with one may ask."""
        assert self.state_folder is not None, f"stage {self.stage} has no state folder"
        return self.state_folder

    def begin(self) -> None:
        """Withdraw the record: from here on the folder is not complete."""
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / RECORD).unlink(missing_ok=True)
        for left in self.out.glob(f".*{PARTIAL}"):  # by a job that was killed as it wrote
            left.unlink()

    def is_complete(self) -> bool:
        """Whether the folder holds this very job's finished, unchanged result."""
        try:
            record = read_record(self.out)
            mine: bool = record["identity"] == json.loads(canonical(self.identity))
            for name in record["outputs"]:
                checked(self.out / name)
            inputs = {name: input_digest(path) for name, path in self.inputs.items()}
        except (IntegrityError, FileNotFoundError):
            return False
        return mine and record["code"] == self.code and record["inputs"] == inputs

    def finish(
        self,
        outputs: list[Path],
        facts: Mapping[str, Any] | None = None,
        run: Mapping[str, Any] | None = None,
    ) -> None:
        """Write run.json (seconds, host, peak memory, `run`), then the record of `outputs`."""
        seconds = round(time.monotonic() - self.started, 3)
        write_json(
            self.out / RUN,
            {
                "stage": self.stage,
                "seconds": seconds,
                "host": platform.node(),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "peak_mb": _peak_mb(),
                **(run or {}),
            },
        )
        write_record(
            self.out,
            stage=self.stage,
            identity=self.identity,
            code=self.code,
            inputs=self.inputs,
            outputs=outputs,
            facts=facts,
        )


def main(stage: str, work: Callable[[Job], None]) -> None:
    """Parse the command line of a workflow script, run `work`, exit."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    job = _parse(stage)
    try:
        with _sole_owner(job) as waited:
            if waited and job.is_complete():
                log.info("finished meanwhile by a job that was already at work")
                return
            job.begin()
            work(job)
    except MlanError as error:
        for line in error.lines:
            print(f"{stage}: {line}", file=sys.stderr)
        raise SystemExit(1) from None


@contextmanager
def _sole_owner(job: Job) -> Iterator[bool]:
    """Hold the lock of the job's state folder; yields whether it had to be waited for."""
    if job.state_folder is None:
        yield False
        return
    job.state.mkdir(parents=True, exist_ok=True)
    with (job.state / "lock").open("a") as stream:
        waited = False
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting for a job that is still at work in %s", job.state)
            waited = True
            fcntl.flock(stream, fcntl.LOCK_EX)
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")  # for people: who is at work here
        stream.flush()
        yield waited


def _peak_mb() -> int:
    """Largest resident memory of this process so far."""
    unit = 1 if platform.system() == "Darwin" else 1024  # getrusage counts bytes there
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 10**6


def _parse(stage: str) -> Job:
    parser = argparse.ArgumentParser(description=f"Workflow stage {stage!r}.")
    parser.add_argument("--identity", required=True, type=json.loads, help="canonical JSON")
    parser.add_argument("--code", required=True, help="digest of the stage's code")
    parser.add_argument("--out", required=True, type=Path, help="folder that the stage owns")
    parser.add_argument("--state", type=Path, help="folder for checkpoints and journals")
    parser.add_argument("--threads", type=int, default=1, help="threads of this job")
    parser.add_argument("--input", action="append", default=[], type=_named, help="name=path")
    arguments = parser.parse_args()
    return Job(
        stage=stage,
        identity=arguments.identity,
        code=arguments.code,
        out=arguments.out,
        inputs=dict(arguments.input),
        state_folder=arguments.state,
        threads=arguments.threads,
    )


def _named(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=path")
    return name, Path(path)
