"""Stage 1 on captions: LLaVA's recipe on a vision source. Only the projector is trained.

The captions are laid out by the plan that stage 2 is laid out by, drawn by the `align` seed:
whole passes over the source, each in an order of its own. The loss of a step is the mean over
its caption tokens, however its rows are packed or split into forward passes; a step depends on
nothing but its plan and its own generator, so a resumed run ends bitwise equal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.flops import training_flops
from mlan.mixture.forms import FORMS
from mlan.mixture.plan import build_plan
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.compose import arithmetic
from mlan.model.features import Features
from mlan.model.standard_towers import tower_of
from mlan.records import digest, read_checked, read_record
from mlan.stage import Job, log
from mlan.train.batches import Batch, Examples, build
from mlan.train.checkpoint import Checkpoint
from mlan.train.meter import Meter, reset_metrics
from mlan.train.objective import step_loss, token_losses
from mlan.train.schedule import set_rates
from mlan.train.seeds import generator
from mlan.train.shapes import decoder_shape, picture_flops

# Steps whose captions are sorted by length together, as in stage 2.
_WINDOW = 15


@dataclass(frozen=True)
class Captioned:
    """The plan of stage 1 (`mlan.mixture.plan`), and what its captions are made of."""

    plan: pd.DataFrame
    source: str
    rows: pd.DataFrame  # examples of the source by id
    template: Template

    @property
    def images(self) -> list[str]:
        """Keys of all pictures, each once."""
        return sorted(set(self.plan["image"]))

    def encoded(self, step: pd.DataFrame) -> Examples:
        """Encode the captions of one step; all of them at once would fill the memory."""
        rows = self.rows.loc[step["example"].unique()].reset_index()
        return Examples.encode(step, {self.source: rows}, self.template)


def caption_template(job: Job, image_tokens: int) -> Template:
    """Return the template of captions.

    job.identity: align (caption_template, caption_end), template.
    """
    recipe, name = job.identity["align"], job.identity["template"]
    own = recipe["caption_template"]
    form = FORMS[own] if own else FORMS[name].plain()
    if recipe["caption_end"] is not None:
        form = replace(form, ends=recipe["caption_end"])
    key = f"recipe.{'align.caption_template' if own else 'backbone.template'}"
    tokenizer = load_tokenizer(job.inputs["backbone"])
    return Template(own or name, tokenizer, image_tokens, form, key)


def plan_captions(job: Job, image_tokens: int) -> Captioned:
    """Lay out the captions of all steps.

    job.identity: align (captions, batch, and epochs or steps), seed. job.inputs: backbone,
    `source:<captions>`.
    """
    recipe, seed = job.identity["align"], job.identity["seed"]
    name = recipe["captions"]
    source = read_checked(job.inputs[f"source:{name}"] / "examples.parquet")
    source["turns"] = source["turns"].map(lambda turns: turns[:1])
    uses = recipe["steps"] * recipe["batch"]
    if recipe["epochs"]:
        uses = recipe["epochs"] * len(source)
    template = caption_template(job, image_tokens)
    plan = build_plan(
        {"instances": uses, "text_share": 0, "text": {}, "vision": {name: 1}, "repeat": True},
        {
            "examples_per_step": recipe["batch"],
            "rows": {
                "layout": recipe["caption_layout"],
                "steps": "mixed",
                "window": _WINDOW,
                "capacity": recipe["caption_capacity"],
            },
            "loss_unit": "token",
            "microbatch": 1,
        },
        {"draw": seed, "order": seed},
        {name: source},
        template,
        image_tokens,
    )
    return Captioned(plan, name, source.set_index("id"), template)


def train_captions(
    job: Job, model: LlavaForConditionalGeneration, captioned: Captioned, features: Features
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train the projector in place; return facts (deterministic) and rates (not).

    job.identity: align (learning_rate, warmup_steps or warmup_share, feature_noise, clip_norm,
    rows_at_once), seed, device, precision.
    """
    recipe = job.identity["align"]
    projector = model.model.multi_modal_projector
    parameters = {n: p.requires_grad_(True) for n, p in projector.named_parameters()}
    optimiser = torch.optim.AdamW(parameters.values(), lr=0.0, weight_decay=0.0, fused=True)
    optimiser.param_groups[0]["peak"] = recipe["learning_rate"]
    steps = [part for _, part in captioned.plan.groupby("step", sort=True)]
    warmup = _warmup(recipe, len(steps))
    checkpoint = Checkpoint(job.state / "checkpoint.safetensors", _key(job))
    done, _ = checkpoint.load(parameters, optimiser)
    reset_metrics(job.state, done)
    if done:
        log.info("going on from step %d", done)
    meter = Meter(job.state, "align", len(steps), done=done)
    shape, of_picture = decoder_shape(model), picture_flops(model)
    value = float("nan")
    for step in range(done, len(steps)):
        set_rates(optimiser, step, len(steps), warmup)
        optimiser.zero_grad(set_to_none=True)
        noise = generator("align noise", job.identity["seed"], step)
        begun, tokens, learnt, value = time.monotonic(), 0, 0, 0.0
        for batch in _batches(steps[step], captioned.encoded(steps[step]), recipe):
            meter.wait += time.monotonic() - begun
            loss = _loss(job, model, batch, features, noise)
            loss.backward()
            value += float(loss.detach())
            tokens += batch.tokens
            learnt += len(batch.target)
            meter.tower_flops += of_picture * len(batch.images)
            begun = time.monotonic()
        torch.nn.utils.clip_grad_norm_(parameters.values(), recipe["clip_norm"])
        optimiser.step()
        meter.flops += training_flops(shape, steps[step]["tokens"], learnt, full=False)
        meter.step(step + 1, tokens, {"loss": value})
        if step + 1 < len(steps) and checkpoint.due():
            checkpoint.save(step + 1, parameters, optimiser, {})
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    facts = {
        "captions": len(captioned.plan),
        "steps": len(steps),
        "final_loss": round(value, 6) if np.isfinite(value) else None,
    }
    return facts, meter.summary()


def _warmup(recipe: Mapping[str, Any], steps: int) -> int:
    share = recipe["warmup_share"]
    return int(recipe["warmup_steps"]) if share is None else math.ceil(share * steps)


def _batches(step: pd.DataFrame, examples: Examples, recipe: Mapping[str, Any]) -> Iterator[Batch]:
    """Yield the forward passes of a step; their weights add up to 1."""
    packed = recipe["caption_layout"] == "packed"
    most = recipe["rows_at_once"] or len(step)
    for _, part in step.groupby(step["row"] // most, sort=True):
        yield build(part, examples, packed=packed)


def _loss(
    job: Job,
    model: LlavaForConditionalGeneration,
    batch: Batch,
    features: Features,
    noise: torch.Generator,
) -> Tensor:
    device, recipe = job.identity["device"], job.identity["align"]
    pictures = tower_of(model).noise(features.of(batch.images), recipe["feature_noise"], noise)
    batch = batch.to(device)
    with arithmetic(device, job.identity["precision"]):
        return step_loss(token_losses(model, batch, pictures), batch)


def _key(job: Job) -> str:
    inputs = {name: digest(read_record(folder)) for name, folder in job.inputs.items()}
    return digest([job.identity, job.code, job.threads, inputs])
