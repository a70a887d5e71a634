"""A user's mistakes end in one line each before any job, and never in a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.engine import Engine


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A copy of the workflow in which nothing runs."""
    return Engine(tmp_path_factory.mktemp("bare"))


# All that the Snakefile does before it names a rule; a third of an engine's start.
OPEN = """
import sys
from mlan.workflow import open_workflow
open_workflow(dict(word.split("=", 1) for word in sys.argv[1:]))
print("opened")
"""


def _lines(engine: Engine, study: dict[str, Any], config: tuple[str, ...] = ()) -> list[str]:
    """What a study says when it is opened as the Snakefile opens it."""
    engine.write_study(study)
    done = subprocess.run(
        [sys.executable, "-c", OPEN, "study=test", *config],
        cwd=engine.folder,
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()


def test_all_mistakes_of_a_study_come_at_once(bare: Engine, study: dict[str, Any]) -> None:
    study["recipe"]["mixture"]["text_share"] = 1.5
    study["recipe"]["tune"]["learning_rat"] = 1e-3
    study["data"]["benchmarks"]["v_capital"]["relation"] = "capitol"
    study["seeds"] = []
    study["experiments"]["sweep"]["set"] = {"tune.loss_units": "token"}
    bare.write_study(study)
    done = bare.run("--dry-run")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in output
    assert "Job stats" not in output
    lines = [line for line in output.splitlines() if not line.startswith("Using ")]
    assert lines == _lines(bare, study)
    assert len(lines) == 5
    assert any("recipe.mixture.text_share = 1.5" in line and "1" in line for line in lines)
    assert any("recipe.tune.learning_rat: unknown key; did you mean 'learning_rate'?" in line
               for line in lines)  # fmt: skip
    assert any("relation = 'capitol'" in line and "did you mean 'capital'?" in line
               for line in lines)  # fmt: skip
    assert any("seeds = []" in line for line in lines)
    assert any("experiments.sweep: tune.loss_units: unknown recipe key" in line
               and "did you mean 'loss_unit'?" in line for line in lines)  # fmt: skip


def test_unknown_source_names_the_nearest(bare: Engine, study: dict[str, Any]) -> None:
    study["recipe"]["mixture"]["text"] = {"t_capitl": 1}
    assert _lines(bare, study) == [
        "config/test.yaml: recipe.mixture.text.t_capitl: unknown source; did you mean 't_capital'?"
    ]


def test_template_of_another_language_model_is_refused(bare: Engine, study: dict[str, Any]) -> None:
    study["experiments"]["sweep"]["set"] = {"backbone.template": "vicuna-v1"}
    assert _lines(bare, study) == [
        "config/test.yaml: recipe.backbone.template = 'vicuna-v1': the tokenizer has no '</s>' "
        "token; choose the template that the language model was made for"
    ]


def test_duplicate_cells_are_refused(bare: Engine, study: dict[str, Any]) -> None:
    study["experiments"]["sweep"]["vary"]["mixture.text_share"] = [0.0, 0.5, 0.5]
    [line] = _lines(bare, study)
    assert line == (
        "config/test.yaml: experiments.sweep.vary.mixture.text_share = 0.5: stands twice; "
        "cells would be duplicates"
    )


def test_budget_above_a_source_that_is_not_matched_is_refused(
    bare: Engine, study: dict[str, Any]
) -> None:
    study["recipe"]["mixture"]["instances"] = 100_000
    lines = _lines(bare, study)
    assert lines
    assert all("set recipe.mixture.match: down or up" in line for line in lines)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (("seeds=7",), "seeds = '7': not a seed of the study; allowed: first, 0"),
        (("experiments=swep",), "experiments = 'swep': unknown experiment; did you mean 'sweep'?"),
        (("sed=1",), "--config sed: unknown option; did you mean 'seeds'?"),
    ],
)
def test_wrong_selection_is_refused(
    bare: Engine, study: dict[str, Any], config: tuple[str, ...], message: str
) -> None:
    assert _lines(bare, study, config) == [message]


def _own_data(engine: Engine, study: dict[str, Any], rows: list[Any], **source: Any) -> None:
    (engine.folder / "config" / "mine.json").write_text(json.dumps(rows))
    study["data"]["sources"]["mine"] = {
        "adapter": "conversations", "modality": "text", "path": "mine.json", **source,
    }  # fmt: skip
    study["recipe"]["mixture"]["text"] = {"mine": 1}


def _row(number: int, **more: Any) -> dict[str, Any]:
    talk = [{"from": "human", "value": f"Say {number}."}, {"from": "gpt", "value": str(number)}]
    return {"id": str(number), "conversations": talk, **more}


def test_source_of_another_checksum_is_refused(bare: Engine, study: dict[str, Any]) -> None:
    _own_data(bare, study, [_row(i) for i in range(40)], sha256="0" * 64)
    [line] = _lines(bare, study)
    assert "data.sources.mine" in line
    assert "sha256" in line


def test_truncated_source_is_refused(bare: Engine, study: dict[str, Any]) -> None:
    _own_data(bare, study, [_row(i) for i in range(40)])
    path = bare.folder / "config" / "mine.json"
    path.write_text(path.read_text()[:-30])
    [line] = _lines(bare, study)
    assert "data.sources.mine" in line


def test_picture_that_does_not_decode_stops_before_any_training(
    scratch: Engine, study: dict[str, Any]
) -> None:
    rows = [
        {
            "id": str(i),
            "image": f"{i}.png",
            "conversations": [
                {"from": "human", "value": "<image>\nWhat?"},
                {"from": "gpt", "value": "It."},
            ],
        }
        for i in range(60)
    ]
    study["data"]["sources"]["mine"] = {
        "adapter": "conversations", "modality": "vision", "path": "mine.json",
        "image_folder": "pictures",
    }  # fmt: skip
    study["recipe"]["mixture"]["vision"] = {"mine": 1}
    scratch.write_study(study)
    (scratch.folder / "config" / "mine.json").write_text(json.dumps(rows))
    _pictures(scratch.folder / "config" / "pictures", broken=3, count=60)
    done = scratch.run("results/test/data/sources/mine/record.json")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "3 of 60" in output
    assert "Traceback" not in output
    assert not scratch.results("data", "sources", "mine", "record.json").exists()


def _pictures(folder: Path, broken: int, count: int) -> None:
    from PIL import Image

    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(folder / f"{number}.png")
    for number in range(broken):
        path = folder / f"{number}.png"
        path.write_bytes(path.read_bytes()[:40])
