"""A finished study of one seed, and edits of it that leave the original alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.engine import REPOSITORY, Engine


def tiny_study() -> dict[str, Any]:
    """The `tiny` study with one seed."""
    text = (REPOSITORY / "config" / "tiny.yaml").read_text(encoding="utf-8")
    study: dict[str, Any] = yaml.safe_load(text)
    return {**study, "seeds": [0]}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A study that ran to its end; tests that edit it go through `engine`."""
    made = Engine(tmp_path_factory.mktemp("study"), tiny_study())
    done = made.run()
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return made


@pytest.fixture
def engine(finished: Engine) -> Iterator[Engine]:
    """The finished study; whatever a test edits in code and config is put back after it."""
    kept = {
        path: path.read_bytes()
        for part in ("src", "config", "rules", "workflow")
        for path in (finished.folder / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    yield finished
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


@pytest.fixture
def study() -> dict[str, Any]:
    """The finished study's config, free to be changed."""
    return copy.deepcopy(tiny_study())


@pytest.fixture
def scratch(tmp_path: Path, study: dict[str, Any]) -> Engine:
    """A copy of the workflow in which nothing has run."""
    return Engine(tmp_path / "scratch", study)
