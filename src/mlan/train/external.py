"""Stage 2 by an external command: the run's exact mixture goes out, a standard folder comes back.

The command is given the examples of the plan in its order (`mlan.mixture.portable`) and the
stage-1 model as a `LlavaForConditionalGeneration` folder, and writes such a folder. What it does
with order, loss weights and packing is its own affair: the record says `order_controlled` false.
The vision tower must come back as it went out, for pictures are encoded by the backbone's.
Not here: whether the command resumes; after a kill it is called again and finds its `{out}`.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.errors import CommandError, DataError
from mlan.mixture.portable import PICTURES, export_mixture
from mlan.model.compose import PROJECTOR, compose
from mlan.records import digest, read_checked, read_record, write_bytes, write_csv
from mlan.stage import Job, log
from mlan.train import trainable
from mlan.train.export import export_run

_TOWER = "model.vision_tower."


def tune_externally(job: Job) -> None:
    """Write the trained parameters, and losses.csv without lines.

    job.identity: command, seeds (init, order). job.inputs: backbone, align, mixture,
    `source:<name>`, `images:<set>`. Raises CommandError if the command fails, DataError if its
    folder is not the model that it was given, trained.
    """
    places = _prepare(job)
    _call(job, places)
    language, projector = _read(job, Path(places["out"]))
    written = trainable.save(job.out, "full", language, projector)
    write_csv(job.out / "losses.csv", pd.DataFrame(columns=["step", "source", "loss", "tokens"]))
    job.finish([*written, job.out / "losses.csv"], facts={"order_controlled": False})
    for name in ("data", "model", "out"):
        shutil.rmtree(job.state / name, ignore_errors=True)


def _prepare(job: Job) -> dict[str, str]:
    """Write what the command reads; return the value of each placeholder."""
    data, model = job.state / "data", job.state / "model"
    for folder in (data, model):
        shutil.rmtree(folder, ignore_errors=True)
    _own_out(job)
    plan = read_checked(job.inputs["mixture"] / "plan.parquet")
    sources = {
        name: read_checked(job.inputs[f"source:{name}"] / "examples.parquet")
        for name in sorted(plan["source"].unique())
    }
    images = {
        n.removeprefix("images:"): p for n, p in job.inputs.items() if n.startswith("images:")
    }
    mixture = export_mixture(data, plan, sources, images, "llava")
    export_run(model, job.inputs["backbone"], job.inputs["align"], None, {})
    seeds = job.identity["seeds"]
    return {
        "data": str(mixture.resolve()),
        "images": str((data / PICTURES).resolve()),
        "model": str(model.resolve()),
        "out": str((job.state / "out").resolve()),
        # A part that does not vary has seed 0; the run's own is the other one.
        "seed": str(max(seeds.values())),
    }


def _own_out(job: Job) -> None:
    """Keep what this very job's command has written before a kill; remove another's."""
    inputs = {name: digest(read_record(folder)) for name, folder in job.inputs.items()}
    key, path = digest([job.identity, inputs]), job.state / "out.key"
    if not path.exists() or path.read_text() != key:
        shutil.rmtree(job.state / "out", ignore_errors=True)
    write_bytes(path, key.encode())


def _call(job: Job, places: Mapping[str, str]) -> None:
    command = job.identity["command"].format(**{k: shlex.quote(v) for k, v in places.items()})
    path = job.state / "command.log"
    log.info("calling %s; its output goes to %s", command, path)
    with path.open("wb") as stream:
        done = subprocess.run(
            command, shell=True, stdout=stream, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        raise CommandError(f"recipe.tune.command: exit code {done.returncode}; see {path}")


def _read(job: Job, out: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return language model and projector of the command's folder, as fp32."""
    where = f"recipe.tune.command: the model in {out}"
    if not (out / "config.json").is_file():
        raise DataError(f"recipe.tune.command: wrote no model to {out} (no config.json)")
    try:
        loaded: Any = LlavaForConditionalGeneration.from_pretrained(
            out,
            dtype="auto",
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{where} does not load: {' '.join(str(error).split()):.200}") from None
    model, info = loaded
    wrong = sorted({*map(str, info["missing_keys"]), *map(str, info["unexpected_keys"])})
    if wrong:
        raise DataError(f"{where} lacks or adds {len(wrong)} tensor(s), first {wrong[0]}")
    found, given = dict(model.named_parameters()), compose(job.inputs["backbone"])
    language: dict[str, Tensor] = {}
    projector: dict[str, Tensor] = {}
    for name, parameter in given.named_parameters():
        if name not in found or found[name].shape != parameter.shape:
            raise DataError(f"{where}: {name} is not of the shape that it went out with")
        if name.startswith(_TOWER):
            # Equal up to the precision that the command has saved in.
            if not torch.equal(found[name], parameter.to(found[name].dtype)):
                raise DataError(f"{where}: {name} was trained; the vision tower stays frozen here")
        else:
            part = projector if name.startswith(PROJECTOR) else language
            part[name] = found[name].float()
    return language, projector
