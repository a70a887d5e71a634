"""Memory that jobs declare: for reading your own files, for a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlan.records import read_run
from mlan.workflow import Workflow
from tests.config.example import plain_study, put, write
from tests.workflow.engine import Engine


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


def test_memory_of_a_model_follows_its_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for precision in ("fp32", "bf16"):
        study = put(plain_study(), "recipe.mixture.instances", 100)
        backbone = {"language_model": "smollm2-135m-instruct", "precision": precision}
        put(study, "recipe.backbone", {**study["recipe"]["backbone"], **backbone})
        workflow = Workflow({"study": write(tmp_path, study)})
        (stack,), (cell, *_) = workflow.grid.stacks, workflow.grid.cells
        stages = workflow.model_mb("align", stack=stack), workflow.model_mb("predict", cell=cell)
        found.append((*stages, workflow.model_mb("tune", cell=cell)))
    for whole, half in zip(found[0][:2], found[1][:2], strict=True):
        assert half < whole
    assert found[0][2] == found[1][2]  # stage 2 reads 32 bits


def test_no_finished_job_took_more_than_it_had_reserved(
    finished: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)
    workflow = Workflow({"study": "test"})
    grid = workflow.grid
    told = [
        (grid.folder("align", stack), workflow.model_mb("align", stack=stack))
        for stack in grid.stacks
    ]
    for cell, seed in grid.runs():
        for stage, name in (("tune", "weights"), ("predict", "predictions")):
            told.append((grid.run_folder(cell, seed, name), workflow.model_mb(stage, cell=cell)))
    peaks = [(read_run(folder).get("peak_mb"), reserved) for folder, reserved in told]
    known = [(peak, reserved) for peak, reserved in peaks if peak is not None]
    assert len(known) == 1 + 3 + 4  # stage 1, three runs tuned, four that answer
    assert all(peak < reserved for peak, reserved in known)
