"""Stage 2: tune a stage-1 model on a run's plan.

Training is a function of the plan, the data, the stage-1 weights and the recipe. Each step
takes its plan lines, its pictures' features (the frozen tower runs once per picture) and a
generator of its own, so that a run resumed from a checkpoint ends bitwise equal.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.data.pictures import Pictures
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.compose import compose, load_stage1, prepare_torch
from mlan.model.features import Features, features_of
from mlan.records import checked, read_checked, read_record, write_csv
from mlan.stage import Job
from mlan.train import trainable
from mlan.train.batches import Examples
from mlan.train.compute import Compute, prepare_model
from mlan.train.external import tune_externally
from mlan.train.launch import launch, processes_of
from mlan.train.loop import Feeder, Trained, train
from mlan.train.parallel import Ranks


def tune(job: Job, processes: int | None = None) -> None:
    """Write the trained parameters and losses.csv.

    job.identity: tune, layout, template, seeds (init, order), device, precision. job.inputs:
    backbone, align, mixture, `source:<name>`, `images:<set>`. A loss or gradient that is not
    finite ends the run with the weights of the last good step and the fact `diverged_at`; it
    is an outcome. With `command` the external command trains (`mlan.train.external`).
    `processes` is by default one for each GPU that the job was given.
    """
    if "command" in job.identity:
        tune_externally(job)
        return
    device = job.identity["device"]
    launch(processes or processes_of(device), device, lambda ranks: _tune(job, ranks))


def _tune(job: Job, ranks: Ranks) -> None:
    recipe, device = job.identity["tune"], job.identity["device"]
    prepare_torch(job.threads, device)
    plan = read_checked(job.inputs["mixture"] / "plan.parquet")
    model = compose(_checked_backbone(job), device=device)
    load_stage1(model, checked(job.inputs["align"] / "projector.safetensors"))
    examples = _examples(job, model, plan)
    features = _features(job, model, plan)
    prepare_model(model, Compute.of(recipe), device)
    language, projector = trainable.select(
        model,
        recipe,
        init_seed=job.identity["seeds"]["init"],
        has_pictures=bool((plan["image"] != "").any()),
    )
    feeder = Feeder(job, model, plan, examples, features, ranks)
    trained = train(job, model, feeder, examples.sources, language, projector, ranks)
    if ranks.first:
        _write(job, plan, trained, list(language))
    ranks.checkpoint(job.state, "").remove()


def _write(job: Job, plan: pd.DataFrame, trained: Trained, language: list[str]) -> None:
    mode = job.identity["tune"]["language_model"]
    main = {name: trained.weights[name] for name in language}
    projector = {name: t for name, t in trained.weights.items() if name not in main}
    written = trainable.save(job.out, mode, main, projector)
    columns = ["step", "source", "loss", "tokens"]
    losses = pd.DataFrame(trained.progress.losses, columns=columns)
    write_csv(job.out / "losses.csv", losses)
    job.finish(
        [*written, job.out / "losses.csv"],
        facts={
            "steps": int(plan["step"].max()) + 1,
            "diverged_at": trained.progress.diverged_at,
            "trained_parameters": sum(t.numel() for t in trained.weights.values()),
        },
        run=trained.run,
    )


def _checked_backbone(job: Job) -> Any:
    for name in read_record(job.inputs["backbone"])["outputs"]:
        checked(job.inputs["backbone"] / name)
    return job.inputs["backbone"]


def _examples(job: Job, model: LlavaForConditionalGeneration, plan: pd.DataFrame) -> Examples:
    frames = {
        name: read_checked(job.inputs[f"source:{name}"] / "examples.parquet")
        for name in sorted(plan["source"].unique())
    }
    tokenizer = load_tokenizer(job.inputs["backbone"])
    template = Template(job.identity["template"], tokenizer, model.config.image_seq_length)
    return Examples.encode(plan, frames, template)


def _features(job: Job, model: LlavaForConditionalGeneration, plan: pd.DataFrame) -> Features:
    keys = sorted({key for key in plan["image"] if key})
    sets = {n.removeprefix("images:"): p for n, p in job.inputs.items() if n.startswith("images:")}
    needed = {key.split("/", 1)[0] for key in keys}
    store = Pictures({name: sets[name] for name in sorted(needed)}).get
    device, precision = job.identity["device"], job.identity["precision"]
    return features_of(model, keys, store, device=device, precision=precision)
