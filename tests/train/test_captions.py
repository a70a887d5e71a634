"""Stage 1 on captions of a vision source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

import mlan.train.captions as stage
from mlan.data.tables import rows_of
from mlan.mixture.forms import FORMS
from mlan.model.compose import compose, initialise_projector, load_stage1, raw_features
from mlan.records import read_checked, read_record, read_run, write_parquet
from mlan.stage import Job
from mlan.train.align import align
from mlan.train.checkpoint import Checkpoint
from mlan.train.seeds import derive
from tests.toy import encode, examples, record

CAPTIONS = 10
RECIPE = {
    "captions": "pictures",
    "method": "plain",
    "naming_images": None,
    "steps": 4,
    "batch": 4,
    "learning_rate": 1e-2,
    "warmup_steps": 1,
    "feature_noise": 0.0,
    "clip_norm": 1.0,
    "epochs": None,
    "warmup_share": None,
    "caption_template": None,
    "caption_end": None,
    "caption_layout": "sorted",
    "caption_capacity": 2048,
    "rows_at_once": None,
}


def align_job(folder: Path, backbone: Path, **recipe: Any) -> Job:
    """A stage-1 job on ten captioned pictures, all inputs on disk."""
    frame = examples("pictures", "vision", CAPTIONS)
    write_parquet(folder / "source" / "examples.parquet", frame)
    pictures = np.random.default_rng(0).integers(0, 256, (CAPTIONS, 32, 32, 3), dtype=np.uint8)
    index = pd.DataFrame({"image": frame["image"], "row": range(CAPTIONS)})
    write_parquet(folder / "images" / "index.parquet", index)
    np.save(folder / "images" / "images.npy", pictures)
    inputs = {
        "backbone": backbone,
        "source:pictures": folder / "source",
        "images": folder / "images",
    }
    for path in inputs.values():
        record(path)
    identity = {
        "align": {**RECIPE, **recipe},
        "template": "user-assistant",
        "precision": "fp32",
        "device": "cpu",
        "seed": 0,
    }
    out = folder / "align"
    out.mkdir()
    return Job("align", identity, "code", out, inputs, folder / "state")


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("layout", ["sorted", "packed"])
def test_killed_stage_ends_bitwise_equal_to_an_undisturbed_one(
    tmp_path: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    monkeypatch.setenv("MLAN_CHECKPOINT_SECONDS", "0")
    recipe = {"caption_layout": layout, "feature_noise": 0.3, "rows_at_once": 2}
    whole = align_job(tmp_path / "whole", backbone, **recipe)
    align(whole)
    job = replace(align_job(tmp_path / "killed", backbone, **recipe))

    def save(self: Checkpoint, step: int, *state: Any) -> None:
        written(self, step, *state)
        if step == 2:
            raise _KilledError

    written = Checkpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save)
        with pytest.raises(_KilledError):
            align(job)
    align(job)

    for name in ("projector.safetensors", "plan.parquet", "naming.csv"):
        assert (job.out / name).read_bytes() == (whole.out / name).read_bytes()
    assert read_record(job.out)["facts"] == read_record(whole.out)["facts"]
    assert not (job.state / "checkpoint.safetensors").exists()


def test_one_epoch_learns_every_caption_once_and_so_it_is_written_down(
    tmp_path: Path, backbone: Path
) -> None:
    job = align_job(tmp_path, backbone, epochs=1)
    align(job)
    plan = read_checked(job.out / "plan.parquet")
    assert sorted(plan["example"]) == sorted(f"pictures/{n}" for n in range(CAPTIONS))
    assert plan.groupby("step").size().to_list() == [4, 4, 2] or sorted(
        plan.groupby("step").size()
    ) == [2, 4, 4]
    facts = read_record(job.out)["facts"]
    assert (facts["captions"], facts["steps"]) == (CAPTIONS, 3)
    assert pd.read_csv(job.out / "naming.csv").empty


def test_operations_of_captions_are_those_of_their_tokens(tmp_path: Path, backbone: Path) -> None:
    job = align_job(tmp_path, backbone, steps=40, rows_at_once=2)
    align(job)
    plan = read_checked(job.out / "plan.parquet")
    # Toy model: 15,360 weights in two layers, a head of 64 x 32, frozen: 4 operations each.
    lengths = plan["tokens"].astype(float)
    body = 4 * 15_360 * lengths.sum() + 12 * 2 * 32 * (lengths**2).sum()
    head = 4 * 64 * 32 * plan["supervised_tokens"].sum()
    assert read_run(job.out)["language_model_tflop"] == round((body + head) / 1e12, 6)
    assert read_run(job.out)["tower_tflop"] == 0.0  # no transformer


def test_steps_beyond_the_source_go_through_it_again(tmp_path: Path, backbone: Path) -> None:
    job = align_job(tmp_path, backbone, steps=6)
    plan = stage.plan_captions(job, 9).plan
    uses = plan["example"].value_counts()
    assert len(plan) == 24
    assert set(uses) == {2, 3}  # 2.4 epochs
    other = replace(job, identity={**job.identity, "seed": 1})
    assert list(stage.plan_captions(other, 9).plan["example"]) != list(plan["example"])


def test_projector_takes_the_step_of_a_loss_written_by_hand(tmp_path: Path, backbone: Path) -> None:
    job = align_job(tmp_path, backbone, steps=1, batch=CAPTIONS, clip_norm=1e9)
    align(job)
    found = load_file(job.out / "projector.safetensors")

    model = compose(backbone)
    initialise_projector(model, derive("projector", 0))
    pictures = np.load(tmp_path / "images" / "images.npy")
    tower = model.model.vision_tower
    tower.measure(raw_features(model, [torch.from_numpy(p) for p in pictures]))
    features = encode(model, {str(n): torch.from_numpy(p) for n, p in enumerate(pictures)})
    template = stage.caption_template(job, 9)
    weights = list(model.model.multi_modal_projector.parameters())
    for weight in weights:
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(weights, lr=1e-2, weight_decay=0.0)
    losses: list[Tensor] = []
    for number, row in enumerate(rows_of(examples("pictures", "vision", CAPTIONS))):
        caption = template.answer(row["turns"][0]["assistant"])
        ids = torch.tensor([model.config.image_token_id] * 9 + caption)
        inputs = model.get_input_embeddings()(ids)
        projected = model.model.multi_modal_projector(features.table[number])
        inputs = torch.cat([projected, inputs[9:]])[None]
        out = model.model.language_model(inputs_embeds=inputs, use_cache=False).last_hidden_state
        logits = model.lm_head(out)[0, 8:-1]
        losses += [*F.cross_entropy(logits, torch.tensor(caption), reduction="none")]
    torch.stack(losses).mean().backward()
    optimiser.step()

    for name, tensor in model.model.multi_modal_projector.state_dict().items():
        mine = found[f"model.multi_modal_projector.{name}"]
        assert torch.allclose(mine, tensor, atol=2e-4), name  # Adam's first step is +- the rate


@pytest.mark.parametrize("recipe", [{"caption_layout": "packed"}, {"rows_at_once": 3}])
def test_layout_of_a_step_does_not_change_what_is_learnt(
    tmp_path: Path, backbone: Path, recipe: dict[str, Any]
) -> None:
    one, two = (
        align_job(tmp_path / "one", backbone, steps=1, batch=CAPTIONS),
        align_job(tmp_path / "two", backbone, steps=1, batch=CAPTIONS, **recipe),
    )
    for job in (one, two):
        align(job)
    facts = [read_record(job.out)["facts"]["final_loss"] for job in (one, two)]
    assert facts[0] == pytest.approx(facts[1], abs=1e-5)
    mine, other = (load_file(job.out / "projector.safetensors") for job in (one, two))
    for name, tensor in mine.items():
        assert torch.allclose(tensor, other[name], atol=2e-4), name


def test_trained_projector_describes_the_captions_better(tmp_path: Path, backbone: Path) -> None:
    short = align_job(tmp_path / "short", backbone, steps=1)
    long = align_job(tmp_path / "long", backbone, steps=40)
    for job in (short, long):
        align(job)
    first, last = (read_record(job.out)["facts"]["final_loss"] for job in (short, long))
    assert last < first - 0.3
    load_stage1(compose(backbone), long.out / "projector.safetensors")


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({}, ["red", "blue"]),  # `plain`; the line break is no token of this tokenizer
        ({"caption_end": True}, ["red", "blue", "<|im_end|>"]),
        ({"caption_template": "user-assistant"}, ["red", "blue", "<|im_end|>"]),
        ({"caption_template": "user-assistant", "caption_end": False}, ["red", "blue"]),
    ],
)
def test_end_token_is_learnt_where_the_recipe_says_so(
    tmp_path: Path, backbone: Path, recipe: dict[str, Any], words: list[str]
) -> None:
    job = align_job(tmp_path, backbone, **recipe)
    template = stage.caption_template(job, 9)
    turn = {"user": "What is this ?", "assistant": "red blue"}
    encoded = template.encode([turn], picture=True)
    learnt = [i for i, on in zip(encoded.ids, encoded.supervised, strict=True) if on]
    assert [stage.load_tokenizer(backbone).id_to_token(i) for i in learnt] == words
    prompt = len(encoded.ids) - len(words)
    assert (prompt == 9) == ("caption_template" not in recipe), "plain asks no question"


def test_plain_form_of_a_family_has_its_special_tokens() -> None:
    assert FORMS["vicuna-v1"].plain() == FORMS["plain"]
    llama3 = FORMS["llama3"].plain()
    assert (llama3.opening, llama3.end) == (FORMS["llama3"].opening, FORMS["llama3"].end)
    for name in ("chatml-qwen2.5", "user-assistant"):
        plain = FORMS[name].plain()
        assert (plain.opening, plain.show) == ((), FORMS["plain"].show)
        assert plain.end == FORMS[name].end
        assert not plain.ends
