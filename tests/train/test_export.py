"""An exported run is the evaluated model, loadable by transformers alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import LlavaForConditionalGeneration

import mlan.train.tune as stage
from mlan.errors import DataError
from mlan.model.compose import compose, input_embeddings, load_stage1
from mlan.train import trainable
from mlan.train.export import export_run
from tests.model.test_backbone import prepared
from tests.model_folders import SIDE, language_model, vision_tower
from tests.toy import encode, tokenizer, tune_job

# What someone without mlan does: nothing of it can be imported, installed or not.
ELSEWHERE = """
import sys
sys.modules["mlan"] = None
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoModelForImageTextToText, AutoProcessor
folder, picture, out = sys.argv[1:]
model = AutoModelForImageTextToText.from_pretrained(folder).eval()
inputs = AutoProcessor.from_pretrained(folder)(
    text="User: <image> What is this ?", images=Image.open(picture), return_tensors="pt"
)
with torch.no_grad():
    logits = model(**inputs).logits
save_file({"ids": inputs["input_ids"], "logits": logits}, out)
print(type(model).__name__)
"""


def test_exported_run_gives_the_logits_of_the_evaluated_model(
    tmp_path: Path, backbone: Path
) -> None:
    job = tune_job(tmp_path / "run", backbone, 0.5)
    stage.tune(job)
    out = tmp_path / "model"
    export_run(out, backbone, job.inputs["align"], job.out, job.identity["tune"])
    evaluated = compose(backbone)
    load_stage1(evaluated, job.inputs["align"] / "projector.safetensors")
    trainable.restore(evaluated, job.out, job.identity["tune"])
    loaded = LlavaForConditionalGeneration.from_pretrained(out).eval()
    ids = torch.tensor([[4, *[3] * 9, 7, 8, 5]])
    pixels = torch.randn((1, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(
            loaded(input_ids=ids, pixel_values=pixels).logits,
            evaluated(input_ids=ids, pixel_values=pixels).logits,
        )
    assert (out / "tokenizer.json").exists()


@pytest.mark.parametrize(("kind", "mode"), [("clip", "lora"), ("siglip", "full")])
def test_run_on_model_folders_gives_its_logits_where_there_is_no_mlan(
    tmp_path: Path, kind: str, mode: str
) -> None:
    backbone = _of_folders(tmp_path, kind)
    job = tune_job(tmp_path / "run", backbone, 0.5, feature_noise=0.0, language_model=mode)
    stage.tune(job)
    model, picture = tmp_path / "model", tmp_path / "picture.png"
    export_run(model, backbone, job.inputs["align"], job.out, job.identity["tune"])
    shown = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(shown).save(picture)

    done = subprocess.run(
        [sys.executable, "-I", "-c", ELSEWHERE, model, picture, tmp_path / "seen"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "LlavaForConditionalGeneration\n"
    theirs = load_file(tmp_path / "seen")

    ours = compose(backbone)
    load_stage1(ours, job.inputs["align"] / "projector.safetensors")
    untuned = _logits(ours, theirs["ids"], shown)
    trainable.restore(ours, job.out, job.identity["tune"])
    tuned = _logits(ours, theirs["ids"], shown)
    torch.testing.assert_close(theirs["logits"], tuned, rtol=1e-5, atol=1e-5)
    assert float((tuned - untuned).abs().max()) > 1e-2


def _of_folders(folder: Path, kind: str) -> Path:
    """A backbone prepared from folders of transformers' own, as a hub's are."""
    language_model(folder / "lm", rows=64, max_position_embeddings=128)
    tokenizer().save(str(folder / "lm" / "tokenizer.json"))
    # 3 x 3 patches, as many tokens as the toy's plan counts for a picture.
    vision_tower(folder / "eye", kind, patch_size=10)
    parts = {"language_model": folder / "lm", "vision_tower": folder / "eye"}
    return prepared(folder / "backbone", **parts)


def _logits(
    model: LlavaForConditionalGeneration, ids: torch.Tensor, shown: np.ndarray
) -> torch.Tensor:
    """Logits as training and evaluation compute them."""
    features = encode(model, {"p": torch.from_numpy(shown)})
    with torch.no_grad():
        embedded = input_embeddings(model, ids, features.of(["p"]))
        hidden = model.model.language_model(inputs_embeds=embedded).last_hidden_state
        logits: torch.Tensor = model.lm_head(hidden)
    return logits


def test_export_never_writes_over_a_folder(tmp_path: Path, backbone: Path) -> None:
    with pytest.raises(DataError, match="exists already; name a folder that does not"):
        export_run(tmp_path, backbone, tmp_path, None, {})
