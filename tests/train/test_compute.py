"""Weights, kernels and recomputed layers change how a step is computed, not what."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

import mlan.train.tune as stage
from mlan.errors import ConfigError
from mlan.model.compose import compose, initialise_projector
from mlan.train import trainable
from mlan.train.batches import Examples, build
from mlan.train.checkpoint import Checkpoint
from mlan.train.compute import Compute, prepare_model, recompute_layers, set_attention
from mlan.train.objective import step_loss, token_losses
from tests.toy import TUNE, plan, tune_job
from tests.train.test_batches import _features, _one_by_one


def _model(backbone: Path) -> LlavaForConditionalGeneration:
    model = compose(backbone)
    initialise_projector(model, 0)
    return model


def _gradients(
    model: LlavaForConditionalGeneration,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    table, sources, template = plan(layout="packed")
    batch = build(table[table["step"] == 1], Examples.encode(table, sources, template), packed=True)
    trainable.select(model, {**TUNE, "language_model": "full"}, init_seed=0, has_pictures=True)
    losses = token_losses(model, batch, _features(batch.images))
    step_loss(losses, batch).backward()
    return losses.detach(), {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("every", [1, 2])
def test_recomputed_layers_give_the_same_losses_and_gradients(backbone: Path, every: int) -> None:
    losses, gradients = _gradients(_model(backbone))
    again = _model(backbone)
    calls = []
    layers = again.model.language_model.layers
    layers[0].mlp.register_forward_pre_hook(lambda *_: calls.append(0))
    layers[1].mlp.register_forward_pre_hook(lambda *_: calls.append(1))
    recompute_layers(again, every)
    found, other = _gradients(again)
    assert torch.equal(found, losses)
    assert other.keys() == gradients.keys()
    assert all(torch.equal(other[name], gradients[name]) for name in gradients)
    assert (calls.count(0), calls.count(1)) == (2, 2 if every == 1 else 1)


def test_flex_attention_keeps_packed_documents_apart(backbone: Path) -> None:
    table, sources, template = plan(layout="packed")
    examples = Examples.encode(table, sources, template)
    lines = table[table["step"] == 0]
    batch = build(lines, examples, packed=True)
    apart = _one_by_one(_model(backbone), lines, examples)
    model = _model(backbone)
    set_attention(model, "flex", "cpu")
    features = _features(batch.images) if batch.images else None
    # Compiled kernels are for GPUs; the same function, run eagerly, computes the same mask.
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        together = token_losses(model, batch, features)
    torch.testing.assert_close(together, torch.tensor(apart), atol=1e-5, rtol=1e-5)


def test_flash_attention_without_a_gpu_is_one_line(backbone: Path) -> None:
    with pytest.raises(ConfigError, match=r"recipe\.tune\.attention = 'flash': needs") as caught:
        prepare_model(_model(backbone), Compute.of({**TUNE, "attention": "flash"}), "cpu")
    assert len(caught.value.lines) == 1


def test_halved_model_keeps_its_ties_its_tower_and_its_positions(backbone: Path) -> None:
    model = _model(backbone)
    prepare_model(model, Compute.of({**TUNE, "weights": "bf16_stochastic"}), "cpu")
    language, projector = trainable.select(model, TUNE, init_seed=0, has_pictures=True)
    assert {p.dtype for p in (*language.values(), *projector.values())} == {torch.bfloat16}
    assert {p.dtype for p in model.model.language_model.parameters()} == {torch.bfloat16}
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert {p.dtype for p in model.model.vision_tower.parameters()} == {torch.float32}
    assert model.model.language_model.rotary_emb.inv_freq.dtype == torch.float32


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("weights", ["fp32_master", "bf16_stochastic"])
def test_killed_run_in_bf16_ends_bitwise_equal_to_an_undisturbed_one(
    tmp_path: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    monkeypatch.setenv("MLAN_CHECKPOINT_SECONDS", "0")
    runs = {}
    for name in ("whole", "broken"):
        job = tune_job(tmp_path / name, backbone, 0.5, language_model="full", weights=weights)
        job.identity["precision"] = "bf16"
        runs[name] = job
    stage.tune(runs["whole"])
    save = Checkpoint.save

    def save_then_die(self: Checkpoint, step: int, *args: object) -> None:
        save(self, step, *args)
        if step == 2:
            raise _KilledError

    monkeypatch.setattr(Checkpoint, "save", save_then_die)
    with pytest.raises(_KilledError):
        stage.tune(runs["broken"])
    monkeypatch.setattr(Checkpoint, "save", save)
    stage.tune(runs["broken"])
    for name in (trainable.LANGUAGE, trainable.PROJECTOR_FILE, "losses.csv"):
        assert (runs["whole"].out / name).read_bytes() == (runs["broken"].out / name).read_bytes()
    tuned = load_file(runs["whole"].out / trainable.LANGUAGE)
    assert {t.dtype for t in tuned.values()} == {torch.bfloat16}
