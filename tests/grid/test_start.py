"""What is told of the last start of a study, and of which checkout."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlan.grid import start
from mlan.grid.start import Start, commit_of, read_start, remember_start


def checkout(folder: Path) -> str:
    """Make a checkout of one commit; return the commit."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (folder / "file").write_text("first")
    for asked in (["init", "-q"], ["add", "file"], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *asked], cwd=folder, check=True)
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, check=True)
    return said.stdout.decode().strip()


def test_commit_is_that_of_the_checkout_and_marked_where_files_differ(tmp_path: Path) -> None:
    commit = checkout(tmp_path)
    assert len(commit) == 40
    assert commit_of(tmp_path) == commit
    (tmp_path / "file").write_text("second")
    assert commit_of(tmp_path) == f"{commit}+"


def test_package_that_lies_within_another_checkout_tells_none(tmp_path: Path) -> None:
    checkout(tmp_path)
    (tmp_path / "inside").mkdir()
    assert commit_of(tmp_path / "inside") == ""


def test_broken_checkout_tells_none(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert commit_of(tmp_path) == ""


def test_start_is_read_as_it_was_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "REPOSITORY", tmp_path)
    assert read_start(tmp_path) == Start()
    days = [datetime.now(UTC).date().isoformat()]
    remember_start(tmp_path)
    days.append(datetime.now(UTC).date().isoformat())
    found = read_start(tmp_path)
    assert found.day in days
    assert found.commit == ""
    (tmp_path / "state" / "start.json").write_text("{")
    assert read_start(tmp_path) == Start()
