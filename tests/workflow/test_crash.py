"""Kills at any moment, then the same command again: the files of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.workflow.engine import Engine

TARGET = "results/test/cells/text50/seed0/scores/record.json"
SLOW = {"mixture": {"instances": 160}}


def _wait(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)


def _jobs_of(engine: Engine, stage: str) -> list[int]:
    """Process ids of a stage's running jobs: each writes its own into its state folder."""
    found = []
    for lock in engine.results("state", stage).glob("**/lock"):
        text = lock.read_text()
        if text and Path("/proc", text.strip()).exists():
            found.append(int(text))
    return found


def _progress(engine: Engine, stage: str) -> int:
    path = engine.results("state", stage, "text50", "seed0", "progress.json")
    try:
        return int(json.loads(path.read_text())["done"])
    except (OSError, ValueError):
        return 0


def _start(
    engine: Engine, *, runner: bool = True, stderr: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a run of TARGET as `make run` does, or the bare engine."""
    through = [sys.executable, "workflow/setup/run_study.py", "--study", "test", "--"]
    return subprocess.Popen(
        [*(through if runner else []), *engine.command(TARGET)],
        cwd=engine.folder,
        env=engine.environment,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


def test_kills_of_training_evaluation_and_engine_leave_the_same_files(
    finished: Engine, scratch: Engine
) -> None:
    # 1. a training job dies in the middle: the engine reports it, the checkpoint stays
    run = _start(scratch)
    _wait(lambda: _progress(scratch, "tune") >= 1 or run.poll() is not None)
    for job in _jobs_of(scratch, "tune"):
        os.kill(job, signal.SIGKILL)
    run.wait(120)
    # 2. the engine and everything below it dies while answers are being given
    run = _start(scratch)
    journal = scratch.results("state", "predict", "text50", "seed0", "journal.jsonl")
    _wait(lambda: journal.exists() or run.poll() is not None)
    for process in (run.pid, *_engines(scratch), *_jobs_of(scratch, "predict")):
        os.kill(process, signal.SIGKILL)
    run.wait(60)
    # 3. the same command once more
    run = _start(scratch)
    assert run.wait(300) == 0
    ours, theirs = scratch.deterministic_files(), finished.deterministic_files()
    same = [name for name in ours if name.startswith(("cells/text50/", "align/", "data/"))]
    assert any(name.endswith("scores/items.parquet") for name in same)
    assert [name for name in same if ours[name] != theirs[name]] == []


def test_job_orphaned_by_a_killed_engine_is_waited_for(scratch: Engine) -> None:
    run = _start(scratch)
    _wait(lambda: bool(_jobs_of(scratch, "align")))
    for process in (run.pid, *_engines(scratch)):
        os.kill(process, signal.SIGKILL)
    assert _jobs_of(scratch, "align"), "the job was meant to outlive its engine"
    run.wait(60)
    run = _start(scratch)
    assert run.wait(300) == 0
    assert scratch.results("cells", "text50", "seed0", "scores", "record.json").exists()


def _engines(engine: Engine) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _is_engine(entry, engine.folder)
    ]


def _is_engine(entry: Path, folder: Path) -> bool:
    try:
        line = (entry / "cmdline").read_bytes().decode().split("\0")
        here = (entry / "cwd").resolve() == folder
    except OSError:
        return False
    return here and "snakemake" in line and "--cores" in line


def test_second_run_of_a_study_is_refused_by_the_study_s_own_lock(scratch: Engine) -> None:
    first = _start(scratch, runner=False)
    _wait(scratch.results("config.yaml").exists)  # written once the study is taken
    # Held still with all its jobs to come: else it may end while the second one starts.
    os.killpg(first.pid, signal.SIGSTOP)
    assert not (scratch.folder / TARGET).exists()
    # `make run`, and an engine that is told to leave its own locks alone.
    second = _start(scratch, stderr=subprocess.PIPE)
    third = scratch.run(TARGET, "--nolock")
    said = second.communicate(timeout=120)[1].decode()
    os.killpg(first.pid, signal.SIGCONT)
    os.killpg(first.pid, signal.SIGINT)
    first.wait(120)
    refused = "study 'test' is being run by another process"
    assert (second.returncode, said) == (1, f"{refused}; see `mlan status`\n")
    assert third.returncode == 1
    assert refused in third.stderr.splitlines()
