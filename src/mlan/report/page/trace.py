"""The way back from a number: the runs behind a summary, their records, data, code and versions.

Model: the summary's record names the scores of every run by digest; scores name the answers, they
the weights, they the plan, stage 1 and the data. Every digest on the way is compared with the
record that lies there, so that what is listed is what was summed up. Not here: tables of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.errors import IntegrityError
from mlan.records import RECORD, input_digest, read_record, read_run

# Stages of a run by the name of its folder; each stands on the next.
STAGES = {"scores": "score", "predictions": "predict", "weights": "tune", "mixture": "mix"}
# Folders of jobs that runs share.
_SHARED = (
    *("align/*", "backbone/*", "models/*", "data/*", "data/hub/*", "data/sources/*"),
    *("data/benchmarks/*", "data/images/*"),
)
PLAN = "plan.parquet"
_SCORES = "scores:"


@dataclass(frozen=True)
class Step:
    """One finished job: its stage, folder below the results, record and what it says."""

    stage: str
    place: str
    digest: str
    record: Mapping[str, Any]
    seconds: float | None

    @property
    def code(self) -> str:
        """Digest of the code that did it."""
        return str(self.record["code"])


@dataclass(frozen=True)
class Run:
    """A finished run with its jobs by folder name (`STAGES`)."""

    cell: str
    seed: int
    steps: Mapping[str, Step]

    @property
    def plan(self) -> str:
        """Digest of the plan: which examples, in which order; empty for a model not tuned."""
        step = self.steps.get("mixture")
        return str(step.record["outputs"][PLAN]) if step else ""


@dataclass(frozen=True)
class Trace:
    """All runs of a summary, and the jobs that they share: data, stage 1, backbones."""

    runs: tuple[Run, ...]
    shared: tuple[Step, ...]
    last: tuple[Step, ...]

    @property
    def steps(self) -> Iterator[Step]:
        """Every job behind the summary, those of runs first."""
        for run in self.runs:
            yield from run.steps.values()
        yield from self.shared

    def codes(self) -> dict[str, list[str]]:
        """Return the code digests of each stage, sorted; more than one: the code was mixed."""
        found: dict[str, set[str]] = {}
        for step in self.steps:
            found.setdefault(step.stage, set()).add(step.code)
        return {stage: sorted(codes) for stage, codes in sorted(found.items())}

    def versions(self) -> dict[str, list[str]]:
        """Return the versions of mlan and Python that wrote the records."""
        found: dict[str, set[str]] = {}
        for step in self.steps:
            for name, version in step.record["versions"].items():
                found.setdefault(name, set()).add(str(version))
        return {name: sorted(versions) for name, versions in sorted(found.items())}


def read_trace(inputs: Mapping[str, Path]) -> Trace:
    """Follow the records of a page's inputs, which hold `summary` and other last folders.

    Raises IntegrityError where a record is missing or is another one than was summed up.
    """
    root = inputs["summary"].parent
    summary = read_record(inputs["summary"])["inputs"]
    runs = tuple(
        _run(root, name.removeprefix(_SCORES), digest)
        for name, digest in summary.items()
        if name.startswith(_SCORES)
    )
    named = {d for run in runs for s in run.steps.values() for d in s.record["inputs"].values()}
    shared = tuple(_reached(root, named | set(summary.values())))
    names = ("summary", "evidence", "report")
    last = tuple(_step(root, inputs[name]) for name in names if name in inputs)
    return Trace(tuple(sorted(runs, key=lambda run: (run.cell, run.seed))), shared, last)


def _run(root: Path, name: str, digest: str) -> Run:
    cell, _, seed = name.rpartition(":")
    folder = root / "cells" / cell / f"seed{seed}"
    steps: dict[str, Step] = {}
    expected: str | None = digest
    for stage in STAGES:
        if expected is None:
            break
        step = _step(root, folder / stage)
        if step.digest != expected:
            raise IntegrityError(
                f"{folder / stage}: is not what {name} was scored from; run the study again"
            )
        steps[stage] = step
        expected = step.record["inputs"].get(_below(stage))
    return Run(cell, int(seed), steps)


def _below(stage: str) -> str:
    """The folder that a stage of a run reads, which is the next one of `STAGES`."""
    names = [*STAGES, ""]
    return names[names.index(stage) + 1]


def _reached(root: Path, named: set[str]) -> Iterator[Step]:
    """Jobs that runs share, found by the digest of their record, and those behind them."""
    folders = sorted({path.parent for place in _SHARED for path in root.glob(f"{place}/{RECORD}")})
    known = {input_digest(folder): folder for folder in folders}
    reached: dict[Path, Step] = {}
    todo = [digest for digest in named if digest in known]
    while todo:
        folder = known[todo.pop()]
        if folder not in reached:
            reached[folder] = _step(root, folder)
            todo += [d for d in reached[folder].record["inputs"].values() if d in known]
    yield from (reached[folder] for folder in sorted(reached))


def _step(root: Path, folder: Path) -> Step:
    record = read_record(folder)
    seconds = read_run(folder).get("seconds")
    return Step(
        stage=str(record["stage"]),
        place=str(folder.relative_to(root)),
        digest=input_digest(folder),
        record=record,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
    )
