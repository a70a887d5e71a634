"""`mlan diff`: configuration, data, code and scores of two runs, cells and studies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlan.cli.collected import collected
from mlan.cli.study import open_grid
from mlan.evidence.results import write_results
from mlan.grid import Grid
from mlan.records import RECORD, write_bytes, write_record
from tests.cli.example import call, finish_all, write_study
from tests.cli.planted_study import plant


def made(name: str, mixtures: str = "plan", seed: int = 0) -> Grid:
    """A study with fabricated records, mixtures that hold `mixtures`, and planted scores."""
    grid = open_grid(name)
    for cell, number in grid.runs():
        if grid.cells[cell].kind == "tuned":
            text = f"{mixtures} {cell} {number}"
            write_bytes(grid.run_folder(cell, number, "mixture") / "plan.csv", text.encode())
    finish_all(grid)
    plant(grid, clusters=60, seed=seed)
    return grid


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What `mlan diff --json` says."""
    assert call("diff", *words, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_diff_two_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made("tiny")
    found = told(capsys, "tiny:text0:1", "tiny:text100:1")
    assert (found["a"], found["b"], found["kind"]) == ("tiny:text0:1", "tiny:text100:1", "run")
    assert found["configuration"] == {"recipe.mixture.text_share": {"a": 0.0, "b": 1.0}}
    # A run of text alone has other sources and another mixture; items and stage 1 are shared.
    assert set(found["data"]) == {
        "mixture",
        *(f"source {name}" for name in ("t_capital", "t_define", "v_object", "v_colour")),
    }
    assert found["data"]["source t_capital"]["a"] == "-"
    assert found["code"] == {}
    scores = {row["score"]: row for row in found["scores"]}
    assert scores["text average"]["difference"] == pytest.approx(0.4, abs=0.15)
    assert scores["text average"]["low"] > 0
    assert scores["text average"]["covers"] == "items only (one seed)"
    assert {row["why"] for row in found["scores"]} == {""}


def test_diff_shows_what_differs_and_where_to_look_next(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made("tiny")
    assert call("diff", "text0:1", "text100:1", "--study", "tiny") == 0
    shown = capsys.readouterr().out
    assert "A = tiny:text0:1, B = tiny:text100:1" in shown
    assert "code: the same" in shown
    assert shown.rstrip().endswith("mlan show diff text0 text100 --seed 1 --study tiny")
    row = next(line for line in shown.splitlines() if line.startswith("vision average"))
    assert "items only (one seed)" in row


def test_diff_two_cells_takes_every_seed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made("tiny")
    found = told(capsys, "tiny:text0", "tiny:text50")
    row = next(row for row in found["scores"] if row["score"] == "text average")
    assert (row["seeds"], row["covers"]) == (2, "seeds and items")
    assert {"mixture seed 0", "mixture seed 1"} < set(found["data"])


def test_diff_compares_scores_in_the_measure_of_the_claims(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = made("tiny")
    folder, found = grid.folder("summary"), collected(grid).results
    likely = [
        replace(block, sums=np.broadcast_to(block.weights, block.sums.shape))
        if block.name[-2:] == ("label_logit", "argmax")
        else block
        for block in found.blocks.values()
    ]
    write_results(folder, list(found.runs), likely)
    outputs = [path for path in folder.iterdir() if path.name != RECORD]
    write_record(folder, stage="collect", identity={}, code="0", inputs={}, outputs=outputs)

    def text(*words: str) -> Any:
        rows = told(capsys, "tiny:text0", "tiny:text100", *words)["scores"]
        return next(row["difference"] for row in rows if row["score"] == "text average")

    assert text() == text("--scorer", "label_logit") == pytest.approx(0)
    assert text("--scorer", "generate") > 0.2


def test_diff_two_seeds_of_a_cell(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made("tiny")
    found = told(capsys, "tiny:text50:0", "tiny:text50:1")
    assert found["configuration"] == {"seed": {"a": 0, "b": 1}}
    assert set(found["data"]) == {"mixture"}


def test_diff_two_studies_compares_cells_of_equal_name(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made("tiny")
    write_study(
        project,
        recipe__tune__learning_rate=0.5,
        experiments={"sweep": {"vary": {"mixture.text_share": [0.0, 0.25, 0.5]}}},
    )
    made("mine", mixtures="other", seed=1)
    found = told(capsys, "tiny", "mine", "--scorer", "generate")
    assert found["configuration"]["recipe.tune.learning_rate"]["b"] == 0.5
    assert found["configuration"]["experiments.sweep.vary.mixture.text_share"] == {
        "a": [0.0, 0.5, 1.0],
        "b": [0.0, 0.25, 0.5],
    }
    assert "mixture text50 seed 0" in found["data"]
    assert found["data"]["mixture text25 seed 0"]["a"] == "-"
    assert not any(name.startswith(("source", "benchmark")) for name in found["data"])
    assert {row["cell_a"] for row in found["scores"]} == {"text0", "text50"}
    assert found["notes"] == ["only in A: text100", "only in B: text25"]
    assert call("diff", "tiny", "mine") == 0
    shown = capsys.readouterr().out
    assert "text50, vision average" in shown
    assert "text50, t_capital" not in shown


def test_diff_other_items_are_not_compared(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made("tiny")
    write_study(project, data__benchmarks__v_object__test=10)
    grid = open_grid("mine")
    write_bytes(grid.folder("data", "benchmarks", "v_object") / "items.parquet", b"others")
    made("mine")
    found = told(capsys, "tiny:text50:0", "mine:text50:0", "--scorer", "generate")
    assert found["configuration"] == {
        "claims": {"a": "tiny.claims.yaml", "b": None},
        "data.benchmarks.v_object.test": {"a": 8, "b": 10},
    }
    assert "benchmark v_object" in found["data"]
    why = {row["score"]: row["why"] for row in found["scores"]}
    assert why["v_object"] == why["vision average"] == "other items (v_object)"
    assert why["t_capital"] == ""


def test_diff_tells_other_code_of_a_stage(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = made("tiny")
    path = grid.run_folder("text50", 1, "weights") / RECORD
    record = json.loads(path.read_text())
    write_bytes(path, json.dumps(record | {"code": "feedbeef" * 4}).encode())
    found = told(capsys, "tiny:text50:0", "tiny:text50:1")
    assert found["code"] == {"tune": {"a": record["code"][:12], "b": "feedbeeffeed"}}


def test_diff_without_scores_still_tells_the_rest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "tiny:text0:0", "tiny:text50:0")
    assert found["configuration"] == {"recipe.mixture.text_share": {"a": 0.0, "b": 0.5}}
    # Text0 does not use the source, text50 does.
    assert found["data"]["source t_capital"] == {"a": "-", "b": "not made"}
    assert found["scores"] == []
    assert "no scores are collected yet" in found["notes"][0]


def test_diff_of_an_untuned_cell_has_no_mixture_and_no_tuning(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "tiny:untuned", "tiny:text50")["configuration"]
    assert found["kind"] == {"a": "untuned", "b": "tuned"}
    assert found["recipe.mixture.text_share"] == {"a": "-", "b": 0.5}
    assert {key.rsplit(".")[1] for key in found if key != "kind"} == {"mixture", "tune"}
    assert {pair["a"] for key, pair in found.items() if key != "kind"} == {"-"}


def test_diff_of_a_released_model_has_its_name_and_no_recipe(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released = {"llava": {"model": "./llava", "template": "vicuna-v1", "precision": "fp32"}}
    write_study(project, released=released)
    found = told(capsys, "mine:released_llava", "mine:untuned")["configuration"]
    assert found["model"] == {"a": "./llava", "b": "-"}
    assert found["recipe.align.steps"]["a"] == "-"
    assert found["recipe.backbone.template"]["a"] == "vicuna-v1"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("tiny", "tiny:text0"), "'tiny' is a study, 'tiny:text0' a cell; compare two of a kind"),
        (("tiny:text0:x", "tiny"), "'tiny:text0:x': name a study, study:cell or study:cell:seed"),
        (("tiny:text0:0:0", "tiny"), "'tiny:text0:0:0': name a study, study:cell or"),
        (("tiny:text", "tiny"), "cell = 'text': no such cell; did you mean"),
        (
            ("text0", "text50"),
            "study = 'text0': unknown study; allowed: tiny (a cell: study:text0, or text0 and "
            "--study)",
        ),
        (("tinny:text0:0", "tiny"), "study = 'tinny': unknown study; did you mean 'tiny'?"),
        (("tiny:text0:7", "tiny"), "seed = 7: cell 'text0' has no such seed; allowed: 0, 1"),
    ],
)
def test_diff_mistake_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    assert call("diff", *words) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"mlan: {error}")
    assert told.count("\n") == 1
