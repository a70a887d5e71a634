"""The loop of stage 2: one plan, one model, one optimiser, on one process or several.

Everything random in a step comes from a generator of the run's seed and the step, so a step
needs no memory but the weights and the optimiser's state. With a GPU the next step's data is
prepared while this one runs. The host waits for the device once a step: between the backward
pass and the optimiser, which must not touch the weights if a loss or a gradient is not finite.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.flops import training_flops
from mlan.model.compose import arithmetic
from mlan.model.features import Features
from mlan.model.standard_towers import tower_of
from mlan.records import digest, read_record
from mlan.stage import Job, log
from mlan.train.ahead import ahead
from mlan.train.batches import Batch, Examples, build
from mlan.train.compute import Compute
from mlan.train.gauge import Gauge
from mlan.train.meter import Meter, reset_metrics
from mlan.train.objective import step_loss, token_losses
from mlan.train.optimiser import make_optimiser
from mlan.train.parallel import Pass, Ranks, Share, idle_batch
from mlan.train.schedule import set_rates
from mlan.train.seeds import derive, generator
from mlan.train.shapes import decoder_shape, picture_flops


@dataclass
class Progress:
    """What has been seen so far: one line a step and source."""

    losses: list[dict[str, Any]] = field(default_factory=list)
    diverged_at: int | None = None


@dataclass(frozen=True)
class Trained:
    """What a run ended with: losses, weights by name (first process only), run.json's figures."""

    progress: Progress
    weights: dict[str, Tensor]
    run: dict[str, Any]


class Objective(nn.Module):
    """The token losses of a batch, as one module: what is sharded is gathered on its call."""

    def __init__(self, model: LlavaForConditionalGeneration, device: str, precision: str) -> None:
        super().__init__()
        self.model, self._device, self._precision = model, device, precision

    def forward(self, batch: Batch, pictures: Tensor | None) -> Tensor:
        """Return the cross-entropy of every supervised token, (S,) float32."""
        with arithmetic(self._device, self._precision):
            return token_losses(self.model, batch, pictures)


@dataclass(frozen=True)
class Ready:
    """The data of one pass on this process."""

    batch: Batch
    pictures: Tensor | None  # (P, T, D), noise added
    supervised: Tensor  # (own S,) places among the whole step's supervised tokens


class Feeder:
    """Makes the data of a step from the plan, the examples and the pictures' features."""

    def __init__(
        self,
        job: Job,
        model: LlavaForConditionalGeneration,
        plan: pd.DataFrame,
        examples: Examples,
        features: Features,
        ranks: Ranks,
    ) -> None:
        self._steps = [part for _, part in plan.groupby("step", sort=True)]
        self._examples, self._features, self._ranks = examples, features, ranks
        self._tower = tower_of(model)
        projector = model.model.multi_modal_projector
        self._no_picture = (0, model.config.image_seq_length, projector.linear_1.in_features)
        tune = job.identity["tune"]
        self._noise, self._limit = tune["feature_noise"], Compute.of(tune).pass_tokens
        self._seed = job.identity["seeds"]["order"]
        self._device = job.identity["device"]
        self._packed = job.identity["layout"] == "packed"

    def __len__(self) -> int:
        return len(self._steps)

    def step(self, number: int) -> tuple[Share, list[Ready]]:
        """Return this process's share of a step and the data of its passes."""
        share = self._ranks.share(self._steps[number], self._examples.sources, self._limit)
        return share, [self._ready(number, share, one) for one in share.passes]

    def _ready(self, number: int, share: Share, one: Pass) -> Ready:
        if len(one.lines):
            batch = build(one.lines, self._examples, packed=self._packed)
        else:
            batch = idle_batch(self._examples.pad, packed=self._packed)
        pictures = self._pictures(number, batch.images, share, one)
        return Ready(batch.to(self._device), pictures, one.supervised.to(self._device))

    def _pictures(self, number: int, images: list[str], share: Share, one: Pass) -> Tensor | None:
        if not (share.pictures if self._ranks.several else images):
            return None
        noise = generator("tune noise", self._seed, number)
        if len(images) == share.pictures:
            return self._noised(self._features.of(images), noise)
        # Without pictures of its own a process takes part with none: the projector's gradient is
        # summed over all of them.
        own = self._features.of(images) if images else torch.zeros(self._no_picture)
        if self._noise:
            # Drawn for the whole step, so that a picture's noise is that of a single pass.
            blank = own.new_zeros((share.pictures, *own.shape[1:]))
            own = own + self._noised(blank, noise)[one.pictures]
        return own.to(self._device)

    def _noised(self, features: Tensor, noise: torch.Generator) -> Tensor:
        return self._tower.noise(features, self._noise, noise)


def train(
    job: Job,
    model: LlavaForConditionalGeneration,
    feeder: Feeder,
    sources: list[str],
    language: Mapping[str, nn.Parameter],
    projector: Mapping[str, nn.Parameter],
    ranks: Ranks,
) -> Trained:
    """Train in place, to the plan's end or to a figure that is not finite."""
    recipe, device = job.identity["tune"], job.identity["device"]
    shape, full = decoder_shape(model), recipe["language_model"] == "full"
    of_picture = picture_flops(model)
    objective = Objective(model, device, job.identity["precision"])
    # From here on the optimiser and the checkpoints see this process's part of each weight.
    local = ranks.shard(objective, {**language, **projector})
    parameters = local.parameters
    optimiser = make_optimiser(
        Compute.of(recipe).weights,
        recipe,
        {name: parameters[name] for name in language},
        {name: parameters[name] for name in projector},
        derive("rounding", job.identity["seeds"]["order"], ranks.number),
    )
    checkpoint = ranks.checkpoint(job.state, _key(job, ranks))
    done, facts = checkpoint.load(parameters, optimiser)
    progress = Progress(facts.get("losses", []))
    state = ranks.own_folder(job.state)
    reset_metrics(state, done)
    if done:
        log.info("going on from step %d", done)
    gauge = Gauge(device, job.identity["precision"], ranks.devices)
    meter = Meter(state, "tune", len(feeder), done=done, gauge=gauge)
    with closing(ahead(feeder.step, range(done, len(feeder)), device)) as coming:
        for step in range(done, len(feeder)):
            begun = time.monotonic()
            share, passes = next(coming)
            meter.wait += time.monotonic() - begun
            set_rates(optimiser, step, len(feeder), recipe["warmup_steps"])
            local.zero_grad()
            figures = _Figures(len(share.weight), parameters, checkpoint.due() and ranks.first)
            for ready in passes:
                _accumulate(objective, ready, figures)
            norm = local.clip(recipe["clip_norm"])
            values, size, finite, save = figures.read(norm, ranks)
            metrics = _per_source(progress, step, values, share, sources)
            metrics["gradient_norm"] = round(size, 6)
            if not finite:
                progress.diverged_at = step
                log.warning("step %d: loss or gradient is not finite; the run ends here", step)
                break
            optimiser.step()
            meter.flops += training_flops(shape, share.lines["tokens"], len(values), full=full)
            meter.tower_flops += of_picture * share.pictures
            meter.step(step + 1, metrics["tokens"], metrics)
            if step + 1 < len(feeder) and save:
                checkpoint.save(step + 1, parameters, optimiser, {"losses": progress.losses})
    return Trained(progress, local.gather(), {**meter.summary(), "processes": ranks.world})


def _key(job: Job, ranks: Ranks) -> str:
    inputs = {name: digest(read_record(folder)) for name, folder in job.inputs.items()}
    return digest([job.identity, job.code, job.threads, ranks.world, inputs])


def _accumulate(objective: Objective, ready: Ready, figures: _Figures) -> None:
    """Add a pass's gradients to the parameters' and its losses to the step's."""
    losses = objective(ready.batch, ready.pictures)
    loss = step_loss(losses, ready.batch)
    if loss.requires_grad:  # not without pictures where only the projector is trained
        loss.backward()
    figures.add(ready.supervised, losses, loss)


class _Figures:
    """A step's losses, gathered on the device and brought to the host in one transfer."""

    def __init__(self, size: int, parameters: Mapping[str, Tensor], due: bool) -> None:
        device = next(iter(parameters.values())).device
        self._all = torch.zeros(size + 2, device=device)
        self._all[-1] = float(due)

    def add(self, places: Tensor, losses: Tensor, loss: Tensor) -> None:
        """Note a pass: its tokens' losses (own S,) at their places, its part of the loss."""
        self._all.index_copy_(0, places, losses.detach())
        self._all[-2] += loss.detach()

    def read(self, norm: Tensor, ranks: Ranks) -> tuple[Tensor, float, bool, bool]:
        """Return the losses of the whole step's supervised tokens (S,), the gradient's norm before
        clipping, whether both are finite, and whether a checkpoint is due (by the first process's
        clock).
        """
        ranks.sum(self._all)
        found = torch.cat([self._all, norm.detach().reshape(1).to(self._all)]).cpu()
        finite = bool(torch.isfinite(found[-3])) and bool(torch.isfinite(found[-1]))
        return found[:-3], float(found[-1]), finite, bool(found[-2] > 0)


def _per_source(
    progress: Progress, step: int, losses: Tensor, share: Share, sources: list[str]
) -> dict[str, Any]:
    """Append the mean loss of each source in this step; return the step's metrics."""
    by_source = {}
    values = losses.double()
    for number, name in enumerate(sources):
        mine = values[share.source == number]
        if len(mine):
            value = round(float(mine.mean()), 6)
            by_source[name] = value
            entry = {"step": step, "source": name, "loss": value, "tokens": len(mine)}
            if math.isfinite(value):
                progress.losses.append(entry)
    total = float((values * share.weight.double()).sum())
    tokens = int(share.lines["tokens"].sum())
    return {"loss": round(total, 6), "loss_by_source": by_source, "tokens": tokens}
