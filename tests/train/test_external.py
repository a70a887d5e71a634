"""Stage 2 by an external command: what it is given, what is taken from it, how it fails."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import mlan.train.tune as stage
from mlan.errors import CommandError, DataError
from mlan.mixture.portable import export_mixture
from mlan.model.compose import PROJECTOR, compose, load_stage1
from mlan.records import read_checked, read_record
from mlan.stage import Job
from mlan.train import trainable
from tests.toy import tune_job

# "Trains" by adding the seed to one matrix of the language model and to one of the projector.
TRAINER = """
import shutil, sys
from safetensors.numpy import load_file, save_file
data, images, model, out, seed = sys.argv[1:]
shutil.copytree(model, out, dirs_exist_ok=True)
weights = load_file(out + "/model.safetensors")
changed = ("layers.0.mlp.up_proj.weight", "multi_modal_projector.linear_1.bias", {more})
for name in weights:
    if name.endswith(changed):
        weights[name] += int(seed)
save_file(weights, out + "/model.safetensors", metadata={{"format": "pt"}})
print("trained on", data, "with", images)
"""


def _job(folder: Path, backbone: Path, command: str) -> Job:
    job = tune_job(folder, backbone, 0.5)
    identity = {"command": command, "device": "cpu", "seeds": {"init": 3, "order": 0}}
    return replace(job, identity=identity)


def _trainer(folder: Path, more: str = "'-'") -> str:
    """The command line of the trainer; `more` are further endings of names that it changes."""
    script = folder / "my trainer.py"
    script.write_text(TRAINER.format(more=more))
    return f"{sys.executable} '{script}' {{data}} {{images}} {{model}} {{out}} {{seed}}"


def test_what_the_command_trained_is_what_is_evaluated(tmp_path: Path, backbone: Path) -> None:
    job = _job(tmp_path / "run", backbone, _trainer(tmp_path))
    stage.tune(job)

    before, after = compose(backbone), compose(backbone)
    for model in (before, after):
        load_stage1(model, job.inputs["align"] / "projector.safetensors")
    trainable.restore(after, job.out, {"language_model": "full"})
    tensors = after.state_dict()
    for name, old in before.state_dict().items():
        trained = name.endswith(("layers.0.mlp.up_proj.weight", "linear_1.bias"))
        assert torch.equal(tensors[name], old + 3 if trained else old), name

    record = read_record(job.out)
    assert record["facts"] == {"order_controlled": False}
    assert set(record["outputs"]) == {
        "language_model.safetensors",
        "projector.safetensors",
        "losses.csv",
    }
    assert all(n.startswith(PROJECTOR) for n in load_file(job.out / "projector.safetensors"))
    assert "trained on" in (job.state / "command.log").read_text()
    assert not (job.state / "model").exists(), "copies of the model are not kept"


def test_command_is_given_the_plan_as_it_is_exported(tmp_path: Path, backbone: Path) -> None:
    keep = tmp_path / "kept"
    copy = f"cp -r $(dirname {{data}}) {keep} && "
    job = _job(tmp_path / "run", backbone, copy + _trainer(tmp_path))
    stage.tune(job)
    plan = read_checked(job.inputs["mixture"] / "plan.parquet")
    sources = {
        name: read_checked(job.inputs[f"source:{name}"] / "examples.parquet")
        for name in ("pictures", "words")
    }
    export_mixture(tmp_path / "mine", plan, sources, {"set": job.inputs["images:set"]}, "llava")
    given = json.loads((keep / "mixture.json").read_text())
    assert given == json.loads((tmp_path / "mine" / "mixture.json").read_text())
    assert len(given) == len(plan)
    pictures = {row["image"] for row in given if "image" in row}
    assert all((keep / name).is_file() for name in pictures)


def test_same_command_gives_the_same_bytes_again(tmp_path: Path, backbone: Path) -> None:
    jobs = [_job(tmp_path / name, backbone, _trainer(tmp_path)) for name in ("one", "two")]
    for job in jobs:
        stage.tune(job)
    for name in read_record(jobs[0].out)["outputs"]:
        assert (jobs[0].out / name).read_bytes() == (jobs[1].out / name).read_bytes()
    assert pd.read_csv(jobs[0].out / "losses.csv").empty


def _refused(job: Job, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        stage.tune(job)
    assert not (job.out / "record.json").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(job.state), "STATE")


def test_failing_command_is_one_line_with_code_and_log(tmp_path: Path, backbone: Path) -> None:
    job = _job(tmp_path / "run", backbone, "echo out of memory {data} {out}; exit 7")
    assert _refused(job, CommandError) == (
        "recipe.tune.command: exit code 7; see STATE/command.log"
    )
    assert (job.state / "command.log").read_text().startswith("out of memory")


def test_what_was_written_before_a_kill_is_there_again_and_nothing_of_another_command(
    tmp_path: Path, backbone: Path
) -> None:
    stops = "mkdir -p {out} && ls {out} && touch {out}/half && exit 1; : {data}"
    job = _job(tmp_path / "run", backbone, stops)
    log = job.state / "command.log"
    for found in ("", "half\n"):
        _refused(job, CommandError)
        assert log.read_text() == found
    _refused(replace(job, identity={**job.identity, "command": f"{stops} again"}), CommandError)
    assert log.read_text() == ""


def test_command_that_writes_no_model_is_refused(tmp_path: Path, backbone: Path) -> None:
    job = _job(tmp_path / "run", backbone, "true {data} {out}")
    assert "wrote no model to STATE/out (no config.json)" in _refused(job, DataError)


def test_command_that_trained_the_tower_is_refused(tmp_path: Path, backbone: Path) -> None:
    tower = next(n for n, _ in compose(backbone).named_parameters() if "vision_tower" in n)
    ending = tower.partition("vision_tower.")[2]
    job = _job(tmp_path / "run", backbone, _trainer(tmp_path, repr(ending)))
    assert "was trained; the vision tower stays frozen here" in _refused(job, DataError)


def test_model_that_lacks_a_tensor_is_refused(tmp_path: Path, backbone: Path) -> None:
    drop = (
        f' && {sys.executable} -c "import sys; from safetensors.numpy import *; p = sys.argv[1]; '
        "w = load_file(p); w.pop(next(n for n in w if 'up_proj' in n)); "
        "save_file(w, p, metadata=dict(format='pt'))\" {out}/model.safetensors"
    )
    job = _job(tmp_path / "run", backbone, _trainer(tmp_path) + drop)
    assert "lacks or adds 1 tensor(s)" in _refused(job, DataError)
