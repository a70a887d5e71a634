"""An exported run is the evaluated model, loadable by transformers alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlavaForConditionalGeneration

import mlan.train.tune as stage
from mlan.errors import DataError
from mlan.model.compose import compose, load_stage1
from mlan.train import trainable
from mlan.train.export import export_run
from tests.toy import tune_job


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


def test_export_never_writes_over_a_folder(tmp_path: Path, backbone: Path) -> None:
    with pytest.raises(DataError, match="exists already; name a folder that does not"):
        export_run(tmp_path, backbone, tmp_path, None, {})
