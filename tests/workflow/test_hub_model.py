"""Language model, tower and a released model from a hub through the real engine, then offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from mlan.mixture.tokenizer import embedded_tokenizer
from tests.hub.loopback import Hub, serving
from tests.model_folders import (
    SHAPE,
    TOWER,
    language_model,
    pickle_weights,
    randomise,
    vision_tower,
    write_pixels,
)
from tests.workflow.engine import Engine

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
ROWS, IMAGE = 49216, 49152


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub()) as served:
        yield served


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _publish(hub: Hub, folder: Path) -> dict[str, str]:
    """Publish three models, the tokenizer of one and LLaVA's stage 1; return their pinned names.

    All speak the embedded tokens.
    """
    language_model(folder / "lm", "qwen2", rows=ROWS, shards=True, tie_word_embeddings=True)
    (folder / "lm" / "pytorch_model.bin").write_bytes(b"pickled")
    vision_tower(folder / "eye", "siglip", alone=False)
    pickle_weights(folder / "eye", shards=2)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**TOWER),
        text_config=LlamaConfig(**SHAPE, vocab_size=ROWS, max_position_embeddings=512),
        image_token_index=IMAGE,
        image_seq_length=16,
    )
    randomise(LlavaForConditionalGeneration(config), 3).save_pretrained(folder / "llava")
    write_pixels(folder / "llava")
    (folder / "lm" / "tokenizer.json").unlink()
    (folder / "words").mkdir()
    (folder / "words" / "model.safetensors").write_bytes(b"of no use")
    for name in ("words", "llava"):
        embedded_tokenizer().save(str(folder / name / "tokenizer.json"))
    (folder / "stage1").mkdir()
    torch.save(_projector(), folder / "stage1" / "mm_projector.bin")
    (folder / "stage1" / "pytorch_model.bin").write_bytes(b"of no use")
    return {
        name: f"hub:acme/{name}@{hub.publish(f'acme/{name}', _files(folder / name))}"
        for name in ("lm", "eye", "words", "llava", "stage1")
    }


def _projector() -> dict[str, torch.Tensor]:
    """A projector under LLaVA's names, in half precision as it is released."""
    draw = torch.Generator().manual_seed(4)
    shapes = {"0": (SHAPE["hidden_size"], TOWER["hidden_size"]), "2": (SHAPE["hidden_size"],) * 2}
    tensors = {}
    for layer, shape in shapes.items():
        for kind, size in (("weight", shape), ("bias", shape[:1])):
            drawn = torch.rand(size, generator=draw) - 0.5
            tensors[f"model.mm_projector.{layer}.{kind}"] = drawn.half()
    return tensors


def _record(engine: Engine, *folder: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(engine.results(*folder, "record.json").read_text())
    return record


def test_models_of_a_hub_are_prepared_aligned_and_scored_with_the_network_off(
    hub: Hub, scratch: Engine, study: dict[str, Any], tmp_path: Path
) -> None:
    names = _publish(hub, tmp_path)
    study["recipe"]["backbone"] = {
        "language_model": names["lm"],
        "vision_tower": names["eye"],
        "tokenizer": names["words"],
    }
    study["recipe"]["align"]["from"] = f"{names['stage1']}/mm_projector.bin"
    for part in ("align", "tune"):
        study["recipe"][part]["feature_noise"] = 0
    study["experiments"]["sweep"]["vary"]["mixture.text_share"] = [0.5]
    study["claims"] = None
    study["released"] = {"llava": {"model": names["llava"], "template": "user-assistant"}}
    scratch.write_study(study)
    scratch.use_hub(hub.address, tmp_path)

    done = scratch.run("prepare")
    assert done.returncode == 0, done.stdout + done.stderr
    pickled = {path.rpartition("/")[2] for path in hub.downloads() if path.endswith(".bin")}
    shards = {f"pytorch_model-0000{n}-of-00002.bin" for n in (1, 2)}  # the tower's
    assert pickled == {*shards, "mm_projector.bin"}
    [composed] = [f for f in scratch.results("backbone").iterdir() if f.name.startswith("lm-")]
    told = _record(scratch, "backbone", composed.name)
    assert told["identity"]["backbone"]["language_model"] == names["lm"]
    assert told["identity"]["backbone"]["tokenizer"] == names["words"]
    [words] = [f for f in scratch.results("models").iterdir() if f.name.startswith("words-")]
    assert set(_record(scratch, "models", words.name)["outputs"]) == {"tokenizer.json"}
    assert "language_model/model-00001-of" in " ".join(told["outputs"])
    assert "vision_tower/pytorch_model-00002-of-00002.safetensors" in told["outputs"]
    assert "revision" not in told["identity"]

    hub.requests.clear()
    scratch.use_hub(hub.address, tmp_path, offline=True)
    # Training on models of a hub without the network: tests/workflow/test_paper.py.
    done = scratch.run(
        "results/test/align/base/record.json",
        "results/test/cells/released_llava/seed0/scores/record.json",
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert hub.requests == []
    taken = load_file(scratch.results("align", "base", "projector.safetensors"))
    for name, tensor in _projector().items():
        ours = name.replace("mm_projector.0", "multi_modal_projector.linear_1")
        ours = ours.replace("mm_projector.2", "multi_modal_projector.linear_2")
        assert torch.equal(taken[ours], tensor.float()), name
    assert not scratch.results("cells", "released_llava", "seed0", "weights").exists()
    inputs = set(_record(scratch, "cells", "released_llava", "seed0", "predictions")["inputs"])
    assert "backbone" in inputs
    assert not inputs & {"align", "weights"}


def _tower_of_a_hub(hub: Hub, study: dict[str, Any], folder: Path) -> str:
    """Let a study take its tower from the hub, unpinned; returns the commit."""
    vision_tower(folder / "eye")
    study["recipe"]["backbone"]["vision_tower"] = "hub:acme/eye"
    for part in ("align", "tune"):
        study["recipe"][part]["feature_noise"] = 0
    return hub.publish("acme/eye", _files(folder / "eye"))


def test_unpinned_revision_is_taken_once_and_told_in_every_record(
    hub: Hub, scratch: Engine, study: dict[str, Any], tmp_path: Path
) -> None:
    commit = _tower_of_a_hub(hub, study, tmp_path)
    scratch.write_study(study)
    scratch.use_hub(hub.address, tmp_path)
    refused = scratch.run("--dry-run")
    assert "recipe.backbone.vision_tower = 'hub:acme/eye': neither pinned nor locked" in (
        refused.stdout + refused.stderr
    )

    study["unpinned"] = "allow"
    scratch.write_study(study)
    target = "results/test/data/concepts/record.json"
    done = scratch.run(target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"warning: hub:acme/eye is neither pinned nor locked; it is taken at {commit}" in (
        done.stdout + done.stderr
    )
    identity = _record(scratch, "data", "concepts")["identity"]
    assert identity["revision"] == "unpinned"
    assert identity["unpinned"] == {"hub:acme/eye": commit}

    # The branch moves on; the study stays where it began, also without the hub.
    hub.publish("acme/eye", {"config.json": b"{}"})
    scratch.use_hub(hub.address, tmp_path, offline=True)
    assert scratch.planned(target) == {}


def test_other_files_than_were_locked_are_refused_by_the_job(
    hub: Hub, scratch: Engine, study: dict[str, Any], tmp_path: Path
) -> None:
    commit = _tower_of_a_hub(hub, study, tmp_path)
    scratch.write_study(study)
    entry = {"commit": commit, "bytes": 1, "files": 1, "digest": "0" * 64, "licence": "mit"}
    lock = {"format": 1, "repositories": {"hub:acme/eye": entry}}
    (scratch.folder / "config" / "test.lock.yaml").write_text(json.dumps(lock))
    scratch.use_hub(hub.address, tmp_path)
    done = scratch.run("prepare")
    assert done.returncode != 0
    [log] = scratch.results("logs", "fetch_model").iterdir()
    [line] = [line for line in log.read_text().splitlines() if line.startswith("fetch_model: ")]
    assert line.startswith("fetch_model: recipe.backbone.vision_tower = 'hub:acme/eye@")
    assert "the lock file says 0000" in line
