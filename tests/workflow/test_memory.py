"""Memory that jobs declare for reading your own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlan.workflow import Workflow
from tests.config.example import plain_study, put, write


def test_memory_grows_with_a_text_file_and_not_with_embedded_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"question": f"{n}?", "answer": "x" * 990} for n in range(1000)]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    own = {"adapter": "qa", "modality": "text", "path": "own.jsonl"}
    study = put(plain_study(), "recipe.mixture.instances", 100)
    path = write(tmp_path, put(study, "data.sources.own", own))

    workflow = Workflow({"study": path})

    assert workflow.reading_mb("own") == 6  # of about 1.02 MB
    assert workflow.reading_mb("t_capital") == workflow.reading_mb("train") == 0
