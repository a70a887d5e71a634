"""What the report page depends on: the design and never a place; which two cells it compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlan.config.hub import HubName, Revision
from mlan.grid import Grid
from mlan.grid.materials import Material, model_materials, study_materials
from mlan.grid.page import compared, page_identity, page_inputs
from mlan.records import RECORD, write_bytes
from tests.config.example import plain_study, put, validated

Plain = dict[str, Any]
COMMIT = "0123456789" * 4


def grid_of(plain: Plain, folder: str = "config") -> Grid:
    return Grid(validated(plain, "example", folder), "cpu")


def told(plain: Plain, folder: str = "config") -> Plain:
    """The page's identity."""
    return dict(json.loads(grid_of(plain, folder).identity("page")))


def claim(*cells: tuple[float, str], family: str = "primary", runnable: bool = True) -> Plain:
    """A resolved claim with one contrast."""
    terms = [
        [weight, cell, "vision average", "generate", "strict", "real"] for weight, cell in cells
    ]
    contrasts = [{"name": "x", "role": "difference", "terms": terms}]
    return {
        "id": "c", "family": family, "runnable": runnable, "contrasts": contrasts,
        "cells": [cell for _, cell in cells], "tokens": None,
    }  # fmt: skip


def test_identity_does_not_depend_on_where_the_study_lies() -> None:
    assert told(plain_study()) == told(plain_study(), folder="elsewhere")


def test_folder_of_a_model_of_ones_own_is_no_part_of_the_identity() -> None:
    texts = []
    for folder in ("./here", "./some/where/else"):
        plain = plain_study()
        put(plain, "recipe", {**plain["recipe"], "backbone": {"language_model": f"{folder}/mine"}})
        identity = told(plain)
        assert identity["recipe"]["backbone"]["language_model"] == "mine"
        assert ["files", "mine", ""] in identity["materials"]
        texts.append(json.dumps(identity))
    assert texts[0] == texts[1]


def test_identity_names_what_is_special_about_a_cell_and_nothing_else() -> None:
    cells = {cell["cell"]: cell for cell in told(plain_study())["cells"]}
    assert cells["text0"]["differs"] == {"mixture.text_share": 0}
    assert cells["text50"]["differs"] == {}
    assert cells["untuned"]["differs"] == {}  # its mixture means nothing


def test_experiments_that_are_off_are_told_with_their_cells() -> None:
    plain = plain_study()
    off = {"description": "d", "set": {"align.method": "plain"}, "default": False}
    put(plain, "experiments", {**plain["experiments"], "other": off})
    entry = next(e for e in told(plain)["experiments"] if e["name"] == "other")
    assert entry["cells"] == ["text50_method-plain"]
    assert entry["cells"][0] not in {cell["cell"] for cell in told(plain)["cells"]}


def test_pair_is_the_ends_of_the_curve_where_no_claim_says_otherwise() -> None:
    grid = grid_of(plain_study())
    assert compared(grid, ()) == ("text0", "text100")
    three = claim((1, "text0"), (-0.5, "text50"), (-0.5, "text100"))
    for claims in (
        [claim((1, "text50"), (-1, "text0"), family="secondary")],
        [claim((1, "text50"), (-1, "text0"), runnable=False)],
        [claim((1, "gone"), (-1, "text0"))],
        [three],
    ):
        assert compared(grid, claims) == ("text0", "text100")


def test_pair_is_of_the_first_primary_claim_the_one_that_should_win_last() -> None:
    claims = [claim((1, "text50"), (-1, "text100")), claim((1, "text0"), (-1, "text50"))]
    assert compared(grid_of(plain_study()), claims) == ("text100", "text50")


def test_cells_of_claims_are_told() -> None:
    grid = grid_of(plain_study())
    drawn = json.loads(grid.identity("draw"))
    identity = page_identity(grid, drawn, [claim((1, "text50"), (-1, "text0"))])
    assert identity["claim_cells"] == {"c": ["text50", "text0"]}


def test_inputs_are_folders_of_the_study_and_answers_of_the_pairs_first_seed() -> None:
    inputs = page_inputs(grid_of(plain_study()), ())
    assert {"summary", "report", "scores:text0", "predictions:text100"} < set(inputs)
    assert inputs["scores:text0"] == Path("results/example/cells/text0/seed0/scores")
    assert "file:lock" not in inputs


def test_partial_page_waits_for_no_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    grid = grid_of(plain_study())
    answers = [name for name in page_inputs(grid, ()) if name.startswith(("scores", "predict"))]
    assert len(answers) == 4
    assert not set(answers) & set(page_inputs(grid, (), partial=True))
    for name in answers:
        write_bytes(page_inputs(grid, ())[name] / RECORD, b"{}")
    assert set(answers) < set(page_inputs(grid, (), partial=True))


def test_lock_file_beside_the_study_is_an_input(tmp_path: Path) -> None:
    grid = grid_of(plain_study(), str(tmp_path))
    assert "file:lock" not in grid.inputs("page")
    grid.study.lock.write_text("format: 1\n")
    assert grid.inputs("page")["file:lock"] == tmp_path / "example.lock.yaml"


def test_materials_of_a_model_are_its_parts_and_what_it_learnt_from() -> None:
    grid = grid_of(plain_study())
    of_text = model_materials(grid, "text100")
    assert of_text[0].kind == "model"
    assert len(of_text) == len(set(of_text))
    styles = {one.name for one in study_materials(grid) if one.kind == "pictures"}
    assert styles == {image.style for image in grid.config.data.images.values()}
    assert set(of_text) <= set(study_materials(grid))


def test_material_of_a_hub_has_the_commit_that_the_study_means() -> None:
    plain = plain_study()
    put(plain, "released", {"llava": {"model": "hub:org/llava"}})
    name = HubName("model", "org/llava", COMMIT)
    study = validated(plain, "example", "config")
    grid = Grid(study, "cpu", revisions={"hub:org/llava": Revision(name, pinned=False)})
    assert model_materials(grid, "released_llava") == [Material("hub", "hub:org/llava", COMMIT)]
