from __future__ import annotations

import os
import platform
import shutil
import time
from pathlib import Path

import pytest

from mlan.cli.study import open_grid
from mlan.grid import Grid
from mlan.records import write_json

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the study `tiny` and the workflow's scripts."""
    (tmp_path / "config").mkdir()
    for name in ("tiny.yaml", "tiny.claims.yaml"):
        shutil.copy(REPOSITORY / "config" / name, tmp_path / "config")
    (tmp_path / "workflow").symlink_to(REPOSITORY / "workflow")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def grid(project: Path) -> Grid:
    """The tiny study's grid, nothing computed."""
    return open_grid("tiny")


@pytest.fixture
def known_speed(grid: Grid) -> None:
    """A fresh measurement, so that no test loads torch."""
    here = {"host": platform.node(), "cores": os.cpu_count(), "device": grid.device}
    write_json(grid.folder("state") / "speed.json", {**here, "gflops": 50.0, "time": time.time()})
