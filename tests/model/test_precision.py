"""Matrices held in bf16 give the very bits of bf16 products over fp32 weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from mlan.mixture.template import Template
from mlan.model.compose import (
    PROJECTOR,
    arithmetic,
    compose,
    initialise_projector,
    load_stage1,
    stage1_tensors,
)
from mlan.model.folders import HEAD
from mlan.train import trainable
from mlan.train.naming import check_naming
from tests.model.test_backbone import logits, pictures, prepared
from tests.model_folders import language_model, vision_tower
from tests.toy import TUNE, encode, tokenizer, write_backbone

LAYER = "model.language_model.layers.0"


@pytest.fixture(params=["tied", "own head", "biases"])
def backbone(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A toy with a tied head; folders with one of their own, grown for `<image>`, and biases."""
    if request.param == "tied":
        return write_backbone(tmp_path / "backbone")
    language_model(tmp_path / "lm", "llama" if request.param == "own head" else "qwen2")
    vision_tower(tmp_path / "eye")
    parts = {"language_model": tmp_path / "lm", "vision_tower": tmp_path / "eye"}
    return prepared(tmp_path / "backbone", **parts)


def model_of(backbone: Path, precision: str) -> Any:
    model = compose(backbone, precision=precision)
    initialise_projector(model, 0)
    return model


def inputs(model: Any) -> torch.Tensor:
    image = model.config.image_token_id
    tokens = model.config.image_seq_length
    return torch.tensor([[4, *[image] * tokens, 5, 6], [5, *[image] * tokens, 7, 4]])


def test_logits_are_those_of_bf16_products_bit_for_bit(backbone: Path) -> None:
    wide, half = model_of(backbone, "fp32"), model_of(backbone, "bf16")
    with arithmetic("cpu", "bf16"):
        expected, found = (logits(m, inputs(m), pictures(2)) for m in (wide, half))
    assert torch.equal(found, expected)
    assert not torch.equal(expected, logits(wide, inputs(wide), pictures(2)))


def test_stage_1_gets_the_gradient_of_bf16_products_bit_for_bit(backbone: Path) -> None:
    gradients = []
    for precision in ("fp32", "bf16"):
        model = model_of(backbone, precision)
        projector = model.model.multi_modal_projector.requires_grad_(True)
        draw = torch.Generator().manual_seed(0)
        width = model.config.vision_config.hidden_size
        features = torch.randn((2, model.config.image_seq_length, width), generator=draw)
        with arithmetic("cpu", "bf16"):
            hidden = model.model.language_model(inputs_embeds=projector(features))
            model.lm_head(hidden.last_hidden_state).float().logsumexp(-1).mean().backward()
        gradients.append({n: p.grad for n, p in projector.named_parameters()})
    first, second = gradients
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_matrices_alone_are_halved(backbone: Path) -> None:
    model = model_of(backbone, "bf16")
    halved = {n for n, p in model.named_parameters() if p.dtype == torch.bfloat16}
    assert f"{LAYER}.mlp.up_proj.weight" in halved
    assert (HEAD in halved) == (not model.config.tie_word_embeddings)
    kinds = {n.rpartition(".")[0].rpartition(".")[2] for n in halved - {HEAD}}
    assert all(kind.endswith("_proj") for kind in kinds)
    assert not any("vision_tower" in n or n.startswith(PROJECTOR) for n in halved)
    wide = model_of(backbone, "fp32")
    assert all(p.dtype == torch.float32 for p in wide.parameters())


@pytest.mark.parametrize("mode", ["lora", "full"])
def test_trained_weights_are_put_in_with_one_rounding(tmp_path: Path, mode: str) -> None:
    backbone = write_backbone(tmp_path / "backbone")
    tune = {**TUNE, "language_model": mode}
    run = model_of(backbone, "fp32")
    language, projector = trainable.select(run, tune, init_seed=0, has_pictures=True)
    draw = torch.Generator().manual_seed(1)
    for parameter in (*language.values(), *projector.values()):
        parameter.data = torch.randn(parameter.shape, generator=draw) * 0.1
    (tmp_path / "weights").mkdir()
    trainable.save(tmp_path / "weights", mode, language, projector)
    save_file(stage1_tensors(model_of(backbone, "fp32")), tmp_path / "stage1")

    name = f"{LAYER}.self_attn.q_proj"
    half = compose(backbone, precision="bf16")
    matrix = half.get_parameter(f"{name}.weight").float()
    load_stage1(half, tmp_path / "stage1")
    trainable.restore(half, tmp_path / "weights", tune)
    if mode == "full":
        expected = language[f"{name}.weight"]
    else:
        low = {part: language[f"{name}.lora_{part}.default.weight"] for part in "AB"}
        expected = matrix + low["B"] @ low["A"] * 2  # alpha / rank
    found = half.get_parameter(f"{name}.weight")
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.to(torch.bfloat16))
    for key, tensor in projector.items():
        assert torch.equal(half.get_parameter(key), tensor)


def test_naming_runs_in_the_arithmetic_of_stage_1(tmp_path: Path) -> None:
    backbone = write_backbone(tmp_path / "backbone")
    names = ["red", "blue cat", "green dog red", "dog"]
    shown = {f"set/{n}": picture for n, picture in enumerate(pictures(len(names)))}
    concepts = pd.DataFrame({"concept": names, "kind": "o", "name": names, "image": list(shown)})
    tables = []
    for precision in ("fp32", "bf16"):
        model = model_of(backbone, precision)
        template = Template("user-assistant", tokenizer(), model.config.image_seq_length)
        with arithmetic("cpu", "bf16"):
            features = encode(model, shown)
            tables.append(check_naming(model, template, "What ?", concepts, features, seed=0))
    pd.testing.assert_frame_equal(*tables)
