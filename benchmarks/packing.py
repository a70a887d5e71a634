"""Training tokens/s of the row plan against default padded batches, on the same examples.

    .venv/bin/python benchmarks/packing.py [--share 0.5] [--steps 8] [--threads 2]

Both sides train the embedded default model (LoRA, batch of 16 examples, same examples, same
optimiser) for the same number of examples. The baseline is what a default trainer does: batches
in drawn order, padded to their longest row, an attention mask, logits at every position. Rates
count useful tokens only. Steps of both sides alternate, so that other load on the machine hits
both; each rate is useful tokens over the sum of its steps. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from torch.nn import functional as F

from mlan.config.small import SMALL
from mlan.data.concepts import build_concepts
from mlan.data.images import build_index
from mlan.data.sources import build_facts_source
from mlan.mixture.plan import build_plan, padding_share
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.backbone import prepare_backbone
from mlan.model.compose import compose, initialise_projector, input_embeddings
from mlan.stage import Job
from mlan.train import trainable
from mlan.train.batches import Examples, build
from mlan.train.objective import step_loss, token_losses

BACKBONE = Path("results/small/backbone/smollm2-135m-instruct_mobilenetv2")
LAYOUTS = ("sorted", "packed", "padded")


def backbone() -> Path:
    """Return the study's backbone, or make one in a temporary folder."""
    if (BACKBONE / "record.json").exists():
        return BACKBONE
    folder = Path(tempfile.mkdtemp(prefix="mlan-backbone-"))
    parts = SMALL.recipe.backbone.model_dump(include={"language_model", "vision_tower"})
    job = Job("prepare_backbone", {"backbone": parts, "image_size": 96}, "", folder)
    prepare_backbone(job)
    return folder


def sources(names: list[str]) -> dict[str, pd.DataFrame]:
    """Build the study's sources in memory; pictures are not needed, only their keys."""
    concepts = build_concepts(SMALL.data.concepts)
    index = build_index("train", SMALL.data.images["train"], concepts)
    frames = {}
    for name in names:
        source = SMALL.data.sources[name]
        vision = source.modality == "vision"
        frames[name] = build_facts_source(name, source, concepts, index if vision else None)
    return frames


def plan_of(layout: str, share: float, frames: dict[str, pd.DataFrame], template: Template):
    """Return the plan of a layout; `padded` keeps the drawn order (a window of one step)."""
    mixture = {
        **SMALL.recipe.mixture.model_dump(exclude_none=True),
        "text_share": share,
        "repeat": False,
    }
    tune = SMALL.recipe.tune.model_dump()
    tune["rows"] |= {"layout": "packed" if layout == "packed" else "sorted", "capacity": 256}
    if layout == "padded":
        tune["rows"]["window"] = 1
    return build_plan(mixture, tune, {"draw": 0, "order": 0}, frames, template, 9)


def main() -> None:
    """Train alternately on the three layouts and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = backbone()
    template = Template(SMALL.recipe.backbone.template, load_tokenizer(folder), 9)
    mixture = SMALL.recipe.mixture
    frames = sources([*mixture.text, *mixture.vision])
    plans = {name: plan_of(name, arguments.share, frames, template) for name in LAYOUTS}
    model = compose(folder)
    initialise_projector(model, 0)
    tune = SMALL.recipe.tune.model_dump()
    language, projector = trainable.select(model, tune, init_seed=0, has_pictures=True)
    parameters = [*language.values(), *projector.values()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)
    seconds = dict.fromkeys(LAYOUTS, 0.0)
    tokens = dict.fromkeys(LAYOUTS, 0)
    for step in range(-1, arguments.steps):  # the first round only warms up
        for name in LAYOUTS:
            begun = time.perf_counter()
            useful = train_step(model, optimiser, plans[name], frames, template, max(step, 0), name)
            if step >= 0:
                seconds[name] += time.perf_counter() - begun
                tokens[name] += useful
    rates = {name: tokens[name] / seconds[name] for name in LAYOUTS}
    padding = {name: round(padding_share(plans[name]), 4) for name in LAYOUTS}
    for name in LAYOUTS:
        print(f"{name:7} {rates[name]:7.1f} useful tokens/s, padding {100 * padding[name]:.1f} %")
    print(
        json.dumps(
            {
                "ratio": round(rates["sorted"] / rates["padded"], 3),
                "ratio_packed": round(rates["packed"] / rates["padded"], 3),
                "tokens_per_s": {name: round(rate, 1) for name, rate in rates.items()},
                "padding": padding,
                "share": arguments.share,
                "steps": arguments.steps,
                "threads": arguments.threads,
            }
        )
    )


def train_step(model, optimiser, plan, frames, template, step: int, layout: str) -> int:
    """Take one optimiser step and return its useful tokens."""
    lines = plan[plan["step"] == step]
    examples = Examples.encode(lines, frames, template)
    batch = build(lines, examples, packed=layout == "packed")
    width = model.model.vision_tower.config.hidden_size
    features = torch.zeros((len(batch.images), 9, width)) if batch.images else None
    if layout == "padded":
        loss = padded_loss(model, batch, features)
    else:
        loss = step_loss(token_losses(model, batch, features), batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return batch.tokens


def padded_loss(model, batch, features) -> torch.Tensor:
    """The same objective as a default trainer computes it: mask, logits everywhere."""
    mask = torch.ones_like(batch.ids)
    end = template_end(batch)
    for row, last in enumerate(end):
        mask[row, last + 1 :] = 0
    labels = torch.full(batch.ids.shape, -100)
    labels.view(-1)[batch.predict_at] = batch.target
    hidden = model.model.language_model(
        inputs_embeds=input_embeddings(model, batch.ids, features),
        attention_mask=mask,
        use_cache=False,
    ).last_hidden_state
    logits = model.lm_head(hidden).float()
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


def template_end(batch) -> list[int]:
    """Position of each row's last token: one after its last prediction."""
    length = batch.ids.shape[1]
    rows = batch.predict_at // length
    return [int((batch.predict_at[rows == r] % length).max()) + 1 for r in range(len(batch.ids))]


if __name__ == "__main__":
    main()
