"""What the Snakefile needs: the grid of the asked study, and each rule's texts.

Owns the meaning of `--config`: `study` (name or path), `seeds` (`first` or a list),
`experiments` (a list), `partial` (draw what is finished). A user's mistake ends the engine
with one line each, before any job.
"""

from __future__ import annotations

import fcntl
import math
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import yaml

from mlan import forkserver
from mlan.code import code_digest
from mlan.config import load_study
from mlan.config.files import is_file_input
from mlan.cost.host import host_memory
from mlan.cost.shapes import Shapes
from mlan.data.files import shards
from mlan.device import remember_device, resolve_device
from mlan.errors import ConfigError, MlanError, nearest
from mlan.grid import Grid
from mlan.grid.ledger import register, registration
from mlan.hub import remember_revisions, revisions_in
from mlan.preflight import preflight
from mlan.records import RECORD, write_bytes
from mlan.report.page.gallery import title
from mlan.weights import KEPT

_OPTIONS = ("study", "seeds", "experiments", "partial")
SCRIPTS = Path("workflow/scripts")
RUN_STAGES = ("mixture", "weights", "predictions", "scores")


def open_workflow(config: Mapping[str, Any]) -> Workflow:
    """Return the workflow of a Snakemake `config`; on a mistake, print it and exit."""
    try:
        return Workflow(config)
    except MlanError as error:
        _exit(error)


def _exit(error: MlanError) -> NoReturn:
    for line in error.lines:
        print(line, file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)  # the engine would add a traceback of its own


class Workflow:
    """The grid plus what rules ask of it: inputs, identities, code digests, target lists."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        for option in config:
            if option not in _OPTIONS:
                raise ConfigError(f"--config {option}: unknown option; {nearest(option, _OPTIONS)}")
        study = load_study(
            str(config.get("study", "small")),
            seeds=_text(config.get("seeds")),
            experiments=_text(config.get("experiments")),
        )
        self.partial = str(config.get("partial", False)).lower() in ("true", "1", "yes")
        root = Path("results") / study.name
        device = resolve_device(study.config.device, root)
        self.grid = Grid(study, device, revisions=revisions_in(study, root))
        self.root = str(self.grid.root)
        self._notes = preflight(self.grid)
        self.gpus = study.config.gpus if self.grid.device == "cuda" else 0
        self.threads = study.config.threads
        self._lock: IO[str] | None = None
        self._jobs: int | None = None

    def start(self) -> None:
        """Take the study for this process and write down what it is run with."""
        lock = self.grid.folder("state") / "engine.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        self._lock = lock.open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _exit(MlanError(f"study {self.grid.study.name!r} is being run by another process"))
        for note in self._notes:
            print(f"note: {note}", file=sys.stderr)
        self._jobs = forkserver.start()
        remember_device(self.grid.device, self.grid.root)
        self._register()
        remember_revisions(self.grid.root, self.grid.unpinned)
        for name, commit in self.grid.unpinned.items():
            print(
                f"warning: {name} is neither pinned nor locked; it is taken at {commit}, and every "
                "record says `revision: unpinned`",
                file=sys.stderr,
            )
        resolved = self.grid.config.model_dump(mode="json") | {"device": self.grid.device}
        text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)
        write_bytes(self.grid.folder("config.yaml"), text.encode())

    def _register(self) -> None:
        """Write down the claims before any job, and tell which came too late."""
        register(self.grid)
        late = registration(self.grid).post_hoc
        if late:
            print(
                f"note: post hoc, since test scores existed before: claims {', '.join(late)}",
                file=sys.stderr,
            )

    def identity(self, stage: str, **wildcards: Any) -> str:
        """Canonical JSON of what decides the job's result."""
        seeds_missing = {"partial": self.partial} if stage == "claims" else {}
        try:
            return self.grid.identity(stage, **_typed(wildcards), **seeds_missing)
        except MlanError as error:
            _exit(error)

    def inputs(self, stage: str, **wildcards: Any) -> list[str]:
        """Files that the rule names as input: each producer's record, or a plain file."""
        named = self._named(stage, wildcards)
        return [str(p if is_file_input(name) else p / RECORD) for name, p in named.items()]

    def arguments(self, stage: str, **wildcards: Any) -> str:
        """The same inputs as `--input name=path` arguments, quoted for the shell."""
        named = self._named(stage, wildcards)
        return " ".join(f"--input {shlex.quote(f'{name}={path}')}" for name, path in named.items())

    def _named(self, stage: str, wildcards: Mapping[str, Any]) -> dict[str, Path]:
        typed = _typed(wildcards)
        if stage in ("collect", "page"):
            typed = {"partial": self.partial}
        # Sorted: the order of the study file must not show in a job's parameters.
        return dict(sorted(self.grid.inputs(stage, **typed).items()))

    def reading_mb(self, name: str) -> int:
        """Memory in MB that reading the files of a source or benchmark takes; 0 for embedded data.

        A text file is held whole with the objects that it spells, 6 times its size as measured
        on VQAv2's annotations; parquet is read in batches and its rows are kept.
        """
        source = self.grid.config.data.from_files().get(name)
        if source is None:
            return 0
        named = self.grid.source_files(name).values()
        files = [path for file in named for path in shards(file) if path.is_file()]
        held = [
            6 if path.suffix != ".parquet" else 3 * (source.modality == "text") for path in files
        ]
        return sum(times * p.stat().st_size for times, p in zip(held, files, strict=True)) // 10**6

    def model_mb(self, stage: str, cell: str | None = None, stack: str | None = None) -> int:
        """Main memory in MB of a job of `align`, `tune` or `predict`, on a cell or a stack."""
        shapes = Shapes(self.grid)
        if cell is not None:
            setting = shapes.of_cell(self.grid.cells[cell])
        else:
            setting = shapes.of_recipe(self.grid.stacks[str(stack)][0])
        return math.ceil(host_memory(stage, setting, self.gpus) / 1e6)

    def label(self, kind: str, name: str) -> dict[str, str]:
        """How the engine's own report lists a `figure` or `table`: its name and what it shows."""
        return {kind: name, "shows": title(kind, name)}

    def code(self, stage: str) -> str:
        """Digest of the meaning of the stage's script and of the modules it uses."""
        return code_digest(SCRIPTS / f"{stage}.py")

    def all_records(self) -> list[str]:
        """The records of every job that the report stands on, and the report's own."""
        runs = [*(r for stage in RUN_STAGES for r in self.records(stage))]
        stacks = [str(self.grid.folder("align", name) / RECORD) for name in self.grid.stacks]
        if self.grid.prunes and not self.partial:
            runs += self.records(KEPT)
        last = [
            str(self.grid.folder(*parts) / RECORD)
            for parts in (
                *(("data", "contamination"), ("summary",), ("evidence",)),
                *(("report",), ("page",)),
            )
        ]
        return [*self.prepared(), *stacks, *runs, *last]

    def records(self, stage: str) -> list[str]:
        """The records of all runs of one stage (`mixture`, `weights`, `predictions`, ...)."""
        return [
            str(self.grid.run_folder(cell, seed, stage) / RECORD)
            for cell, seed in self.grid.runs()
            if self.grid.cells[cell].kind == "tuned" or stage in ("predictions", "scores")
        ]

    def prepared(self) -> list[str]:
        """The records of all data that the grid uses, of backbones and projectors of a hub."""
        data = self.grid.config.data
        folders = [
            *(self.grid.folder("data", "sources", name) for name in self.grid.sources),
            *(self.grid.folder("data", "benchmarks", name) for name in data.benchmarks),
            *(self.grid.folder("backbone", name) for name in self.grid.backbones),
            *(self.grid.folder("models", name) for name in self.grid.hub_projectors),
        ]
        return [str(folder / RECORD) for folder in folders]

    def predictions(self) -> list[str]:
        """File names of a predict job, one a benchmark."""
        return [f"{name}.parquet" for name in self.grid.config.data.benchmarks]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _typed(wildcards: Mapping[str, Any]) -> dict[str, Any]:
    return {k: int(v) if k == "seed" else str(v) for k, v in wildcards.items()}
