"""Stage 2 on a toy: resume is bitwise, a text-only run leaves the projector alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import mlan.train.tune as stage
from mlan.model.compose import compose, load_stage1, stage1_tensors
from mlan.records import RECORD
from mlan.stage import Job
from mlan.train import trainable
from mlan.train.checkpoint import Checkpoint
from tests.toy import TUNE, tune_job


@pytest.fixture
def job(tmp_path: Path, backbone: Path) -> Job:
    """A tune job of a half-and-half mixture with all its inputs on disk."""
    return tune_job(tmp_path, backbone, share=0.5)


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("killed_after", [1, 2, 3])
@pytest.mark.parametrize("mode", ["lora", "full"])
def test_killed_run_ends_bitwise_equal_to_an_undisturbed_one(
    tmp_path: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int, mode: str
) -> None:
    monkeypatch.setenv("MLAN_CHECKPOINT_SECONDS", "0")
    whole = tune_job(tmp_path / "whole", backbone, 0.5, language_model=mode)
    stage.tune(whole)
    broken = tune_job(tmp_path / "broken", backbone, 0.5, language_model=mode)
    saves: list[int] = []
    save = Checkpoint.save

    def save_then_die(self: Checkpoint, step: int, *args: object) -> None:
        save(self, step, *args)
        saves.append(step)
        if len(saves) == killed_after:
            raise _KilledError

    monkeypatch.setattr(Checkpoint, "save", save_then_die)
    with pytest.raises(_KilledError):
        stage.tune(broken)
    assert not (broken.out / RECORD).exists()
    resumed_from: list[int] = []
    load = Checkpoint.load

    def load_and_tell(self: Checkpoint, *args: object) -> object:
        result = load(self, *args)
        resumed_from.append(result[0])
        return result

    monkeypatch.setattr(Checkpoint, "save", save)
    monkeypatch.setattr(Checkpoint, "load", load_and_tell)
    stage.tune(broken)
    assert resumed_from == [killed_after]
    names = json.loads((whole.out / RECORD).read_text())["outputs"]
    for name in names:
        assert (whole.out / name).read_bytes() == (broken.out / name).read_bytes(), name


def test_checkpoint_of_another_recipe_is_ignored(
    job: Job, tmp_path: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLAN_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr(Checkpoint, "remove", lambda self: None)
    stage.tune(job)
    first = (job.out / trainable.ADAPTER).read_bytes()
    other = replace(job, identity={**job.identity, "tune": {**TUNE, "learning_rate": 2e-2}})
    stage.tune(other)
    fresh = tune_job(tmp_path / "fresh", backbone, 0.5, learning_rate=2e-2)
    stage.tune(fresh)
    assert (job.out / trainable.ADAPTER).read_bytes() != first
    assert (job.out / trainable.ADAPTER).read_bytes() == (
        fresh.out / trainable.ADAPTER
    ).read_bytes()


def test_text_only_run_leaves_the_projector_bit_identical(tmp_path: Path, backbone: Path) -> None:
    job = tune_job(tmp_path, backbone, 1.0)
    stage.tune(job)
    assert load_file(job.out / trainable.PROJECTOR_FILE) == {}
    model = compose(backbone)
    load_stage1(model, job.inputs["align"] / "projector.safetensors")
    before = stage1_tensors(model)
    trainable.restore(model, job.out, job.identity["tune"])
    after = stage1_tensors(model)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_vision_only_run_trains_language_model_and_projector(
    tmp_path: Path, backbone: Path
) -> None:
    job = tune_job(tmp_path, backbone, 0.0)
    stage.tune(job)
    stage1 = load_file(job.inputs["align"] / "projector.safetensors")
    tuned = load_file(job.out / trainable.PROJECTOR_FILE)
    assert set(tuned) == {n for n in stage1 if "projector" in n}
    assert all(not torch.equal(stage1[name], tuned[name]) for name in tuned)
    losses = pd.read_csv(job.out / "losses.csv")
    assert set(losses["source"]) == {"pictures"}


def test_loss_falls_when_the_same_examples_come_again(tmp_path: Path, backbone: Path) -> None:
    job = tune_job(tmp_path, backbone, 0.5, language_model="full", feature_noise=0.0)
    stage.tune(job)
    losses = pd.read_csv(job.out / "losses.csv").groupby("step")["loss"].mean()
    assert losses.iloc[-1] < losses.iloc[0]


def test_diverging_run_is_an_outcome_and_keeps_the_last_good_weights(
    tmp_path: Path, backbone: Path
) -> None:
    job = tune_job(tmp_path, backbone, 0.5, learning_rate=1e30, clip_norm=1e30)
    stage.tune(job)
    facts = json.loads((job.out / RECORD).read_text())["facts"]
    assert facts["diverged_at"] is not None
    assert all(torch.isfinite(t).all() for t in load_file(job.out / trainable.ADAPTER).values())


def test_adapters_reach_the_language_model_and_nothing_else(backbone: Path) -> None:
    model = compose(backbone)
    language, projector = trainable.select(model, TUNE, init_seed=0, has_pictures=True)
    layers, linears, parts = 2, 7, 2
    assert len(language) == layers * linears * parts
    assert all(name.startswith("model.language_model.layers.") for name in language)
    assert len(projector) == 4
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {*language, *projector}


def test_merged_adapter_gives_the_logits_of_the_unmerged_one(
    tmp_path: Path, backbone: Path
) -> None:
    job = tune_job(tmp_path, backbone, 0.5)
    stage.tune(job)
    ids = torch.tensor([[4, 6, 7, 9, 5]])
    merged, apart = compose(backbone), compose(backbone)
    for model in (merged, apart):
        load_stage1(model, job.inputs["align"] / "projector.safetensors")
    trainable.restore(merged, job.out, TUNE)
    trainable.add_adapter(apart, TUNE["lora"], 0)
    state = dict(apart.named_parameters())
    for name in (trainable.ADAPTER, trainable.PROJECTOR_FILE):
        for key, tensor in load_file(job.out / name).items():
            state[key].data.copy_(tensor)
    with torch.no_grad():
        torch.testing.assert_close(
            merged(input_ids=ids).logits, apart(input_ids=ids).logits, atol=1e-5, rtol=1e-5
        )
    assert not any("lora" in name for name, _ in merged.named_parameters())
