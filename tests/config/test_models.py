"""Names of models: embedded, of a hub, a folder of your own; and what is called after them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.config.models import short_name
from mlan.grid import Grid
from tests.config.example import mistakes, plain_study, put, validated

SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
COMMIT = "0123456789" * 4


def test_embedded_model_keeps_its_name() -> None:
    assert short_name("smollm2-135m-instruct") == "smollm2-135m-instruct"


def test_names_that_end_alike_stay_apart() -> None:
    names = [
        "hub:meta-llama/Llama-2-7b-hf",
        "hub:other/Llama-2-7b-hf",
        f"hub:other/Llama-2-7b-hf@{COMMIT}",
        "./models/Llama-2-7b-hf",
        "./models/llama-2-7b-hf",
    ]
    short = [short_name(name) for name in names]
    assert len(set(short)) == len(names)
    assert all(name.startswith("llama-2-7b-hf-") for name in short)


@given(st.text(min_size=1).map(lambda text: f"./{text}"))
def test_short_name_is_short_and_safe_for_a_file_system(name: str) -> None:
    assert SAFE.fullmatch(short_name(name))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "language_model",
            "toy-lama",
            "not one of smollm2-135m-instruct, toy-llama, hub:org/name, ./folder; "
            "did you mean 'toy-llama'?",
        ),
        ("vision_tower", "clip", "not one of mobilenetv2, toy-tower, hub:org/name, ./folder"),
        (
            "vision_tower",
            "hub:datasets/a/b",
            "is a dataset; a model is asked here, hub:org/name",
        ),
    ],
)
def test_unknown_model_is_told_what_is_allowed(
    tmp_path: Path, key: str, value: str, said: str
) -> None:
    study = put(plain_study(), f"recipe.backbone.{key}", value)
    assert mistakes(tmp_path, study) == [f": recipe.backbone.{key} = {value!r}: {said}"]


def test_noise_on_a_tower_without_statistics_is_refused(tmp_path: Path) -> None:
    study = put(plain_study(), "recipe.backbone.vision_tower", "hub:acme/clip")
    put(study, "recipe.tune.feature_noise", 0)
    assert mistakes(tmp_path, study) == [
        ": recipe.align.feature_noise = 0.3: noise is in units of standardised features, which "
        "only embedded towers have; set it to 0 for hub:acme/clip"
    ]


def test_tokenizer_for_an_embedded_language_model_is_refused(tmp_path: Path) -> None:
    study = put(plain_study(), "recipe.backbone.tokenizer", "hub:acme/words")
    assert mistakes(tmp_path, study) == [
        ": recipe.backbone.tokenizer = 'hub:acme/words': toy-llama is embedded and has its own; "
        "leave it out"
    ]


def test_cells_stacks_and_folders_are_named_by_the_short_name() -> None:
    study = plain_study()
    axes = {"mixture.text_share": [0.5], "backbone.language_model": ["toy-llama", "./my/Llama"]}
    grid = Grid(validated(put(study, "experiments.sweep.vary", axes)), "cpu")
    short = short_name("./my/Llama")
    assert [name for name, cell in grid.cells.items() if cell.kind == "tuned"] == [
        "text50",
        f"text50_backbone-language-model-{short}",
    ]
    assert list(grid.stacks) == ["base", f"base_backbone-language-model-{short}"]
    assert list(grid.backbones) == ["toy-llama_toy-tower", f"{short}_toy-tower"]


def test_released_model_is_a_cell_of_one_run_without_training() -> None:
    entry = {"model": "./models/llava", "template": "vicuna-v1"}
    grid = Grid(validated(put(plain_study(), "released", {"llava-1.5": entry})), "cpu")
    cell = grid.cells["released_llava-1.5"]
    assert (cell.kind, cell.seeds, cell.text_share) == ("released", (0,), None)
    assert cell.recipe.backbone.template == "vicuna-v1"
    assert ("released_llava-1.5", 0) in list(grid.runs())
    assert not any("released" in stack for stack in grid.stacks)
    folder = f"released_{short_name('./models/llava')}"
    assert grid.backbones[folder] == {"released": "./models/llava"}
    inputs = grid.inputs("predict", cell="released_llava-1.5", seed=0)
    assert inputs["backbone"] == grid.folder("backbone", folder)
    assert not {"align", "weights"} & set(inputs)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"model": "toy-llama"}, "model = 'toy-llama': not one of hub:org/name, ./folder"),
        (
            {"model": "hub:a/b", "template": "vicuna"},
            "template = 'vicuna': not one of user-assistant, plain, vicuna-v1, chatml, "
            "chatml-qwen2.5, chatml-smollm2, llama3; did you mean 'vicuna-v1'?",
        ),
    ],
)
def test_released_model_is_never_embedded(tmp_path: Path, entry: dict[str, Any], said: str) -> None:
    found = mistakes(tmp_path, put(plain_study(), "released", {"x": entry}))
    assert found == [f": released.x.{said}"]
