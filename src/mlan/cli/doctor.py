"""`mlan doctor`: is everything here that a study needs? One line each."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlan.cli.words import console
from mlan.data.assets import ASSETS, verify
from mlan.device import host_gpus
from mlan.errors import DataError

PACKAGES = (
    "matplotlib",
    "numpy",
    "pandas",
    "pillow",
    "pyarrow",
    "pydantic",
    "rich",
    "safetensors",
    "scipy",
    "snakemake",
    "tokenizers",
    "typer",
    "gguf",
    "huggingface-hub",
    "peft",
    "transformers",
)
# What one job of a model is given by the workflow, and room for the system.
_JOB_MB, _SYSTEM_MB = 3500, 500
_FREE_GB = 2.0
_TORCH = (
    "import json, torch;"
    "print(json.dumps([torch.__version__, torch.version.cuda, torch.cuda.is_available()]))"
)


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it (empty: all is well)."""

    what: str
    found: str
    mend: str = ""


def run() -> int:
    """Print all findings; return 1 if there is a problem."""
    screen = console()
    problems = 0
    for finding in findings():
        problems += bool(finding.mend)
        mark = "[red]problem[/red]" if finding.mend else "[green]ok[/green]     "
        rest = f"; {finding.mend}" if finding.mend else ""
        screen.print(f"{mark}  {finding.what:10s} {finding.found}{rest}", soft_wrap=True)
    return 1 if problems else 0


def findings() -> Iterator[Finding]:
    """Look at everything, the quick things first."""
    yield _python()
    yield _packages()
    gpus = host_gpus()
    yield from _torch(gpus)
    yield from _assets()
    yield _memory()
    yield _disk(Path())


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    old = sys.version_info < (3, 11)
    return Finding(
        "python", found, "3.11 or newer is needed; make install PYTHON=..." if old else ""
    )


def _packages() -> Finding:
    missing = []
    for name in PACKAGES:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", f"missing: {', '.join(missing)}", "run `make install`")
    engine = importlib.metadata.version("snakemake")
    return Finding("packages", f"{len(PACKAGES)} found, snakemake {engine}")


def _torch(gpus: list[str]) -> Iterator[Finding]:
    try:
        out = subprocess.run(
            [sys.executable, "-c", _TORCH], capture_output=True, text=True, timeout=120, check=True
        ).stdout
        version, cuda, usable = json.loads(out)
    except (OSError, subprocess.SubprocessError, ValueError):
        yield Finding("torch", "does not load", "run `make install`")
        return
    yield Finding("torch", f"{version}, built for {f'CUDA {cuda}' if cuda else 'the CPU'}")
    if not gpus:
        yield Finding("gpu", "none on this host; studies run on the CPU")
    elif usable:
        yield Finding("gpu", f"{len(gpus)} usable")
    else:
        yield Finding("gpu", f"{len(gpus)} that torch cannot use", "run `make install TORCH=cuda`")


def _assets() -> Iterator[Finding]:
    for name, asset in ASSETS.items():
        found = f"{name}, {asset.package} {asset.version}"
        try:
            verify([name])
        except DataError as error:
            yield Finding(
                "asset", error.lines[0].removesuffix("; run `make install`"), "run `make install`"
            )
        else:
            yield Finding("asset", found)


def _memory() -> Finding:
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    jobs = (megabytes - _SYSTEM_MB) // _JOB_MB
    found = f"{megabytes / 1024:.1f} GiB"
    if jobs < 1:
        return Finding(
            "memory", found, f"a job of a model asks for {_JOB_MB} MB; close other programs"
        )
    return Finding("memory", f"{found}, enough for {jobs} job(s) of a model at a time")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 1e9
    mend = f"a study takes up to {_FREE_GB:g} GB; make room" if free < _FREE_GB else ""
    return Finding("disk", f"{free:.1f} GB free", mend)
