"""The loop of stage 2: one plan, one model, one optimiser, on one process or several.

Everything random in a step comes from a generator of the run's seed and the step, so a step
needs no memory but the weights and the optimiser's state. The next step's data is prepared
while this one runs. The host waits for the device once a step: between the backward pass and
the optimiser, which must not touch the weights if a loss or a gradient is not finite.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.flops import DecoderShape, training_flops
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
from mlan.train.parallel import Ranks, Share, idle_batch
from mlan.train.schedule import set_rates
from mlan.train.seeds import derive, generator


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
    """The data of one step on this process."""

    share: Share
    batch: Batch
    pictures: Tensor | None  # (P, T, D), noise added


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
        self._noise = job.identity["tune"]["feature_noise"]
        self._seed = job.identity["seeds"]["order"]
        self._device = job.identity["device"]
        self._packed = job.identity["layout"] == "packed"

    def __len__(self) -> int:
        return len(self._steps)

    def step(self, number: int) -> Ready:
        """Return this process's share of a step."""
        share = self._ranks.share(self._steps[number], self._examples.sources)
        if len(share.lines):
            batch = build(share.lines, self._examples, packed=self._packed)
        else:
            batch = idle_batch(self._examples.pad, packed=self._packed)
        return Ready(share, batch.to(self._device), self._pictures(number, batch.images, share))

    def _pictures(self, number: int, images: list[str], share: Share) -> Tensor | None:
        if share.step_pictures == 0:
            return None
        noise = generator("tune noise", self._seed, number)
        if not self._ranks.several:
            return self._noised(self._features.of(images), noise)
        # No row is no reason to leave the projector out: its gradient is summed over processes.
        own = self._features.of(images) if images else torch.zeros(self._no_picture)
        if self._noise:
            # Drawn for the whole step, so that a picture's noise is that of a single process.
            blank = own.new_zeros((share.step_pictures, *own.shape[1:]))
            own = own + self._noised(blank, noise)[share.pictures]
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
    gauge = Gauge(device, job.identity["precision"], ranks.world)
    meter = Meter(state, "tune", len(feeder), done=done, gauge=gauge)
    coming = ahead(feeder.step, range(done, len(feeder)))
    for step in range(done, len(feeder)):
        begun = time.monotonic()
        ready = next(coming)
        meter.wait += time.monotonic() - begun
        set_rates(optimiser, step, len(feeder), recipe["warmup_steps"])
        losses = objective(ready.batch, ready.pictures)
        loss = step_loss(losses, ready.batch)
        optimiser.zero_grad(set_to_none=True)
        local.zero_grad()
        if loss.requires_grad:  # a step without pictures where only the projector is trained
            loss.backward()
        norm = local.clip(recipe["clip_norm"])
        values, finite, save = _read(losses, loss, norm, ready.share, ranks, checkpoint.due())
        metrics = _per_source(progress, step, values, ready.share, sources)
        if not finite:
            progress.diverged_at = step
            log.warning("step %d: loss or gradient is not finite; the run ends here", step)
            break
        optimiser.step()
        lines = ready.share.step_lines
        meter.flops += training_flops(shape, lines["tokens"], len(values), full=full)
        meter.step(step + 1, int(lines["tokens"].sum()), metrics)
        if step + 1 < len(feeder) and save:
            checkpoint.save(step + 1, parameters, optimiser, {"losses": progress.losses})
    coming.close()  # type: ignore[attr-defined]
    return Trained(progress, local.gather(), {**meter.summary(), "processes": ranks.world})


def _key(job: Job, ranks: Ranks) -> str:
    inputs = {name: digest(read_record(folder)) for name, folder in job.inputs.items()}
    return digest([job.identity, job.code, job.threads, ranks.world, inputs])


def _read(
    losses: Tensor, loss: Tensor, norm: Tensor, share: Share, ranks: Ranks, due: bool
) -> tuple[Tensor, bool, bool]:
    """Bring a step's figures to the host in one transfer.

    Returns the losses of the whole step's supervised tokens (S,), whether loss and gradient
    are finite, and whether it is time for a checkpoint (by the first process's clock).
    """
    own = losses.detach()
    size = len(share.weight)
    figures = own.new_zeros(size + 2)
    figures[:size] = (
        own
        if share.supervised is None
        else figures[:size].index_add(0, share.supervised.to(own.device), own)
    )
    figures[size] = loss.detach()
    figures[size + 1] = float(due and ranks.first)
    ranks.sum(figures)
    read = torch.cat([figures, norm.detach().reshape(1).to(figures)]).cpu()
    finite = bool(torch.isfinite(read[size])) and bool(torch.isfinite(read[-1]))
    return read[:size], finite, bool(read[size + 1] > 0)


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
    tokens = int(share.step_lines["tokens"].sum())
    return {"loss": round(total, 6), "loss_by_source": by_source, "tokens": tokens}


def decoder_shape(model: LlavaForConditionalGeneration) -> DecoderShape:
    """Return what the operations of a model's language model follow from."""
    text = model.config.text_config
    layers = model.model.language_model.layers
    matrices = sum(
        p.numel() for n, p in layers.named_parameters() if p.dim() == 2 and "lora_" not in n
    )
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return DecoderShape(
        matrices=matrices,
        layers=len(layers),
        query_width=text.num_attention_heads * width,
        head=text.vocab_size * text.hidden_size,
    )
