"""Stage 2: tune a stage-1 model on a run's plan.

Training is a function of the plan, the data, the stage-1 weights and the recipe. Each step
takes its plan lines, its pictures' features (the frozen tower runs once per picture) and a
generator of its own, so that a run resumed from a checkpoint ends bitwise equal.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.data.pictures import Pictures
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.compose import arithmetic, compose, load_stage1, prepare_torch
from mlan.model.features import Features, features_of
from mlan.model.standard_towers import tower_of
from mlan.records import checked, digest, read_checked, read_record, write_csv
from mlan.stage import Job, log
from mlan.train import trainable
from mlan.train.batches import Batch, Examples, build
from mlan.train.checkpoint import Checkpoint
from mlan.train.meter import Meter, reset_metrics
from mlan.train.objective import step_loss, token_losses
from mlan.train.schedule import set_rates
from mlan.train.seeds import generator


@dataclass
class Progress:
    """What has been seen so far: one line a step and source."""

    losses: list[dict[str, Any]] = field(default_factory=list)
    diverged_at: int | None = None


def tune(job: Job) -> None:
    """Write the trained parameters and losses.csv.

    job.identity: tune, layout, template, seeds (init, order), device, precision. job.inputs:
    backbone, align, mixture, `source:<name>`, `images:<set>`. A loss or gradient that is not
    finite ends the run with the weights of the last good step and the fact `diverged_at`; it
    is an outcome.
    """
    recipe, device = job.identity["tune"], job.identity["device"]
    prepare_torch(job.threads, device)
    plan = read_checked(job.inputs["mixture"] / "plan.parquet")
    model = compose(_checked_backbone(job), device=device)
    load_stage1(model, checked(job.inputs["align"] / "projector.safetensors"))
    examples = _examples(job, model, plan)
    features = _features(job, model, plan)
    language, projector = trainable.select(
        model,
        recipe,
        init_seed=job.identity["seeds"]["init"],
        has_pictures=bool((plan["image"] != "").any()),
    )
    progress, run = _train(job, model, plan, examples, features, language, projector)
    written = trainable.save(job.out, recipe["language_model"], language, projector)
    losses = pd.DataFrame(progress.losses, columns=["step", "source", "loss", "tokens"])
    write_csv(job.out / "losses.csv", losses)
    job.finish(
        [*written, job.out / "losses.csv"],
        facts={
            "steps": int(plan["step"].max()) + 1,
            "diverged_at": progress.diverged_at,
            "trained_parameters": sum(p.numel() for p in (*language.values(), *projector.values())),
        },
        run=run,
    )
    Checkpoint(job.state / "checkpoint.safetensors", "").remove()


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


def _train(
    job: Job,
    model: LlavaForConditionalGeneration,
    plan: pd.DataFrame,
    examples: Examples,
    features: Features,
    language: dict[str, torch.nn.Parameter],
    projector: dict[str, torch.nn.Parameter],
) -> tuple[Progress, dict[str, Any]]:
    recipe = job.identity["tune"]
    parameters: dict[str, Tensor] = {**language, **projector}
    optimiser = _optimiser(recipe, language, projector)
    checkpoint = Checkpoint(job.state / "checkpoint.safetensors", _key(job))
    done, facts = checkpoint.load(parameters, optimiser)
    progress = Progress(facts.get("losses", []))
    steps = [part for _, part in plan.groupby("step", sort=True)]
    reset_metrics(job.state, done)
    if done:
        log.info("going on from step %d", done)
    meter = Meter(job.state, "tune", len(steps), done=done)
    packed = job.identity["layout"] == "packed"
    for step in range(done, len(steps)):
        begun = time.monotonic()
        batch = build(steps[step], examples, packed=packed)
        meter.wait += time.monotonic() - begun
        set_rates(optimiser, step, len(steps), recipe["warmup_steps"])
        losses = _forward(job, model, batch, features, step)
        metrics = _per_source(progress, step, losses.detach(), batch, examples.sources)
        if not _update(optimiser, parameters, step_loss(losses, batch), recipe["clip_norm"]):
            progress.diverged_at = step
            log.warning("step %d: loss or gradient is not finite; the run ends here", step)
            break
        meter.step(step + 1, batch.tokens, metrics)
        if step + 1 < len(steps) and checkpoint.due():
            checkpoint.save(step + 1, parameters, optimiser, {"losses": progress.losses})
    return progress, meter.summary()


def _key(job: Job) -> str:
    inputs = {name: digest(read_record(folder)) for name, folder in job.inputs.items()}
    return digest([job.identity, job.code, job.threads, inputs])


def _optimiser(
    recipe: dict[str, Any],
    language: dict[str, torch.nn.Parameter],
    projector: dict[str, torch.nn.Parameter],
) -> torch.optim.AdamW:
    groups = [
        {"params": list(language.values()), "peak": recipe["learning_rate"]},
        {"params": list(projector.values()), "peak": recipe["projector_learning_rate"]},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=recipe["weight_decay"])


def _forward(
    job: Job,
    model: LlavaForConditionalGeneration,
    batch: Batch,
    features: Features,
    step: int,
) -> Tensor:
    recipe, device = job.identity["tune"], job.identity["device"]
    precision = job.identity["precision"]
    pictures = None
    if batch.images:
        noise = generator("tune noise", job.identity["seeds"]["order"], step)
        pictures = tower_of(model).noise(features.of(batch.images), recipe["feature_noise"], noise)
    with arithmetic(device, precision):
        return token_losses(model, batch.to(device), pictures)


def _per_source(
    progress: Progress, step: int, losses: Tensor, batch: Batch, sources: list[str]
) -> dict[str, Any]:
    """Append the mean loss of each source in this step; return the step's metrics."""
    by_source = {}
    values = losses.cpu().double()
    for number, name in enumerate(sources):
        mine = values[batch.source == number]
        if len(mine):
            value = round(float(mine.mean()), 6)
            by_source[name] = value
            entry = {"step": step, "source": name, "loss": value, "tokens": len(mine)}
            if math.isfinite(value):
                progress.losses.append(entry)
    total = float((values * batch.weight.double()).sum())
    return {"loss": round(total, 6), "loss_by_source": by_source, "tokens": batch.tokens}


def _update(
    optimiser: torch.optim.Optimizer, parameters: dict[str, Tensor], loss: Tensor, clip: float
) -> bool:
    """Take one step and return True, or leave the weights alone if anything is not finite."""
    if not torch.isfinite(loss):
        return False
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(parameters.values(), clip)
    if not torch.isfinite(norm):
        return False
    optimiser.step()
    return True
