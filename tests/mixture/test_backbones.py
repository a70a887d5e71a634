"""What is found wrong with models before a job runs, and the vocabulary of a model folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlan.config.hub import Revision, parse_name
from mlan.config.models import short_name
from mlan.grid import Grid
from mlan.mixture.backbones import model_problems
from tests.config.example import plain_study, put, validated
from tests.model_folders import language_model, pickle_weights, released, vision_tower, words


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder with three models beside it."""
    folder = tmp_path_factory.mktemp("study")
    language_model(folder / "lm")
    vision_tower(folder / "eye")
    released(folder / "llava")
    return folder


def problems(folder: Path, **changes: Any) -> list[str]:
    study = plain_study()
    put(study, "data.image_size", 32)
    put(study, "recipe.align.feature_noise", 0)
    put(study, "recipe.tune.feature_noise", 0)
    for key, value in changes.items():
        put(study, key.replace("__", "."), value)
    grid = Grid(validated(study, folder=str(folder)), "cpu", folder / "results")
    return list(model_problems(grid))


def test_models_that_fit_give_no_problem(models: Path) -> None:
    assert (
        problems(
            models,
            recipe__backbone={
                "language_model": "./lm",
                "vision_tower": "./eye",
                "template": "vicuna-v1",
            },
            released={"x": {"model": "./llava"}},
        )
        == []
    )


def test_each_wrong_model_is_one_line_with_its_key(models: Path) -> None:
    found = problems(
        models,
        recipe__backbone={"language_model": "./eye", "vision_tower": "./none"},
        released={"x": {"model": "./lm"}},
    )
    assert found == [
        f"recipe.backbone.language_model = './eye': {models / 'eye'}: config.json has model_type "
        "'clip_vision_model'; a language model is one of llama, qwen2",
        f"recipe.backbone.vision_tower = './none': {models / 'none'}: no such folder",
        f"released.x.model = './lm': {models / 'lm'}: config.json has model_type 'llama'; "
        "a released model is one of llava",
    ]


def test_template_is_held_against_each_models_own_tokens(models: Path) -> None:
    found = problems(
        models,
        recipe__backbone={"language_model": "./lm", "template": "chatml"},
        released={"x": {"model": "./llava", "template": "llama3"}},
    )
    ask = "choose the template that the language model was made for"
    assert found == [
        "released.x.template = 'llama3': the tokenizer has no '<|eot_id|>' token; " + ask,
        "recipe.backbone.template = 'chatml': the tokenizer has no '<|im_end|>' token; " + ask,
    ]


def test_embedded_model_is_held_against_the_embedded_tokenizer(models: Path) -> None:
    [line] = problems(models, recipe__backbone__template="vicuna-v1")
    assert line.startswith("recipe.backbone.template = 'vicuna-v1': the tokenizer has no ")


def test_pictures_of_another_size_are_told_before_any_job(models: Path) -> None:
    study = {"recipe__backbone__vision_tower": "./eye", "data__image_size": 96}
    assert problems(models, **study) == [
        "recipe.backbone.vision_tower = './eye': its tower takes pictures of 32 pixels; "
        "data.image_size = 96"
    ]


def test_model_of_a_hub_is_not_asked_for_before_it_is_fetched(models: Path) -> None:
    assert problems(models, recipe__backbone__language_model="hub:acme/tiny") == []


def test_files_of_a_model_of_your_own_are_inputs_without_a_path_in_the_identity(
    models: Path,
) -> None:
    study = put(plain_study(), "recipe.backbone.language_model", "./lm")
    grid = Grid(validated(study, folder=str(models)), "cpu")
    [name] = grid.backbones
    inputs = grid.inputs("prepare_backbone", backbone=name)
    assert inputs == {
        f"file:language_model/{file}": models / "lm" / file
        for file in ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json")
    }
    identity = json.loads(grid.identity("prepare_backbone", backbone=name))
    assert identity["backbone"] == {"language_model": "folder lm", "vision_tower": "toy-tower"}


def test_pickled_weights_are_inputs_where_there_are_no_others(tmp_path: Path) -> None:
    language_model(tmp_path / "lm")
    (tmp_path / "lm" / "pytorch_model.bin").write_bytes(b"not read")
    study = put(plain_study(), "recipe.backbone.language_model", "./lm")
    grid = Grid(validated(study, folder=str(tmp_path)), "cpu")
    [name] = grid.backbones
    assert "file:language_model/pytorch_model.bin" not in grid.inputs(
        "prepare_backbone", backbone=name
    )
    pickle_weights(tmp_path / "lm", shards=2)
    (tmp_path / "lm" / "pytorch_model.bin").unlink()
    weights = {f for f in grid.inputs("prepare_backbone", backbone=name) if f.endswith(".bin")}
    assert weights == {f"file:language_model/pytorch_model-0000{n}-of-00002.bin" for n in (1, 2)}
    told = {"language_model": "./lm", "template": "vicuna-v1"}
    assert problems(tmp_path, recipe__backbone=told) == []


def test_tokenizer_of_another_model_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    language_model(tmp_path / "lm")
    (tmp_path / "lm" / "tokenizer.json").unlink()
    language_model(tmp_path / "words")
    told = {"language_model": "./lm", "template": "vicuna-v1"}
    [line] = problems(tmp_path, recipe__backbone=told)
    assert line.startswith("recipe.backbone.language_model = './lm': ")
    assert "no tokenizer.json; set recipe.backbone.tokenizer" in line
    assert problems(tmp_path, recipe__backbone={**told, "tokenizer": "./words"}) == []
    assert problems(tmp_path, recipe__backbone={**told, "tokenizer": "./lm"}) == [
        f"recipe.backbone.language_model = './lm': {tmp_path / 'lm'}: no tokenizer.json"
    ]
    words("<one>", "<too many>").save(str(tmp_path / "words" / "tokenizer.json"))
    assert problems(tmp_path, recipe__backbone={**told, "tokenizer": "./words"}) == [
        f"recipe.backbone.tokenizer = './words': {tmp_path / 'words' / 'tokenizer.json'}: its ids "
        "go up to 14, the language model has 13 rows of embeddings; take the tokenizer of the "
        "model that it was tuned from"
    ]


def test_hub_model_that_is_only_a_tokenizer_is_fetched_as_one() -> None:
    lm, words = (f"hub:acme/{name}@{40 * '1'}" for name in ("vicuna", "llama"))
    study = put(plain_study(), "recipe.backbone.language_model", lm)
    put(study, "recipe.backbone.tokenizer", words)
    names = {name: Revision(parse_name(name), pinned=True) for name in (lm, words)}
    grid = Grid(validated(study), "cpu", revisions=names)
    [backbone] = grid.backbones
    assert backbone == f"{short_name(lm)}_toy-tower_{short_name(words)}"
    assert set(grid.cells) == {"text0", "text50", "text100", "untuned"}
    asked = json.loads(grid.identity("fetch_model", model=short_name(words)))
    assert (asked["part"], asked["key"]) == ("tokenizer", "recipe.backbone.tokenizer")
    assert "part" not in json.loads(grid.identity("fetch_model", model=short_name(lm)))
    assert grid.inputs("prepare_backbone", backbone=backbone) == {
        "language_model": grid.model_folder(lm),
        "tokenizer": grid.model_folder(words),
    }
