"""Training tokens/s of our loop against the stock HF `Trainer`, on the same rows.

    .venv/bin/python benchmarks/train_vs_trainer.py [--share 0.88] [--steps 30] [--repeats 1]

A small random LLaVA model (576 image tokens a picture, as CLIP ViT-L/14-336 gives) is tuned in
full, the tower frozen, on rows with the lengths of real instruction data, 16 examples a step.
`trainer` is `transformers.Trainer` with its default batches, each padded to its longest row;
`grouped` the same with batches grouped by length; `sorted` and `packed` are the layouts of our
plan. All take the same number of optimiser steps over the same examples. Each measurement is a
process of its own, so that its peak memory is its own; they take turns, and the best of each
counts. A rate is useful tokens, padding left out, over the seconds of the steps after the first.
First, one batch goes through both losses. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.mixture.plan import padding_share, token_weights
from mlan.mixture.rows import lay_out
from mlan.mixture.template import Encoded
from mlan.train.batches import Examples, build
from mlan.train.objective import step_loss, token_losses

OURS, THEIRS = ("sorted", "packed"), ("trainer", "grouped")
PER_STEP = 16
IMAGE_TOKENS, IMAGE, END = 576, 3, 2
# Tokens of real text examples with their prompts: quantiles 0, 1/20, ..., 1 of StrategyQA (its
# facts as context), CommonsenseQA and CosmosQA, 500 rows each, in SmolLM2's tokens.
TEXT_TOKENS = (
    *(39, 45, 48, 49, 52, 54, 56, 59, 62, 66, 71),
    *(79, 90, 106, 124, 137, 145, 155, 169, 189, 240),
)
# Vicuna's system message and roles, around every example.
SYSTEM_TOKENS = 40
# Question and answer of a VQA example beside its picture.
VQA_TOKENS = (18, 24)
PEAK_RATE = 1e-4


def rows(share: float, steps: int) -> pd.DataFrame:
    """Draw examples: tokens, supervised tokens and whether a picture is shown."""
    rng = np.random.default_rng(0)
    count = steps * PER_STEP
    text = np.zeros(count, dtype=bool)
    text[rng.permutation(count)[: round(share * count)]] = True
    quantiles = np.linspace(0, 1, len(TEXT_TOKENS))
    drawn = np.interp(rng.random(count), quantiles, TEXT_TOKENS).astype(int)
    vqa = IMAGE_TOKENS + rng.integers(*VQA_TOKENS, count)
    return pd.DataFrame(
        {
            "source": np.where(text, "text", "vision"),
            "example": [str(number) for number in range(count)],
            "image": ["" if t else str(n) for n, t in enumerate(text)],
            "tokens": SYSTEM_TOKENS + np.where(text, drawn, vqa),
            "supervised_tokens": 1 + rng.integers(1, 4, count),
        }
    )


def encode(lines: pd.DataFrame) -> dict[tuple[str, str], Encoded]:
    """Return random token ids of each example, its picture at the front."""
    encoded = {}
    for line in lines.itertuples():
        rng = np.random.default_rng([1, int(line.example)])
        ids = rng.integers(4, 8000, line.tokens).tolist()
        if line.image:
            ids[1 : 1 + IMAGE_TOKENS] = [IMAGE] * IMAGE_TOKENS
        prompt = line.tokens - line.supervised_tokens
        supervised = [False] * prompt + [True] * line.supervised_tokens
        encoded[line.source, line.example] = Encoded(ids, supervised)
    return encoded


def plan_of(lines: pd.DataFrame, layout: str) -> pd.DataFrame:
    """Return the plan of a layout; both sides' windows and capacities are our defaults' kind."""
    places = lay_out(
        list(lines["tokens"]),
        layout=layout,
        examples_per_step=PER_STEP,
        window=15,
        capacity=1024,
        seed=0,
    )
    plan = lines.copy()
    plan["step"] = pd.Series({p.index: p.step for p in places})
    plan["weight"] = token_weights(plan, "token", PER_STEP)
    plan = plan.iloc[[p.index for p in places]].reset_index(drop=True)
    return plan.assign(row=[p.row for p in places], position=[p.position for p in places])


def new_model() -> LlavaForConditionalGeneration:
    """Return the random model, tower frozen."""
    torch.manual_seed(0)
    tower = CLIPVisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=336,
        patch_size=14,
    )
    text = LlamaConfig(
        vocab_size=8192,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=6,
        num_attention_heads=4,
        max_position_embeddings=4096,
        pad_token_id=END,
        eos_token_id=END,
    )
    config = LlavaConfig(
        vision_config=tower,
        text_config=text,
        image_token_index=IMAGE,
        image_seq_length=IMAGE_TOKENS,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.requires_grad_(False)
    return model


def pixels(key: str) -> Tensor:
    """Return a picture by its key, (3, 336, 336)."""
    return torch.randn((3, 336, 336), generator=torch.Generator().manual_seed(int(key)))


@torch.no_grad()
def features(model: LlavaForConditionalGeneration, keys: list[str]) -> Tensor:
    """Return what the projector reads of pictures, (P, 576, D)."""
    found = model.model.vision_tower(
        torch.stack([pixels(key) for key in keys]), output_hidden_states=True
    )
    return found.hidden_states[-2][:, 1:]


def train_ours(layout: str, share: float, steps: int) -> dict[str, Any]:
    """Train on our plan; the tower runs once a picture, inside the time of its step."""
    model = new_model()
    lines = rows(share, steps)
    examples = Examples(encode(lines), ["text", "vision"], END)
    plan = plan_of(lines, layout)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=0.0)
    model.train()
    times, tokens = [time.perf_counter()], []
    for _, step in plan.groupby("step", sort=True):
        batch = build(step, examples, packed=layout == "packed")
        shown = features(model, batch.images) if batch.images else None
        optimiser.zero_grad(set_to_none=True)
        step_loss(token_losses(model, batch, shown), batch).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        times.append(time.perf_counter())
        tokens.append(batch.tokens)
    return {
        "seconds": times[-1] - times[1],
        "tokens": sum(tokens[1:]),
        "padding": padding_share(plan),
    }


def collate(encoded: list[Encoded], keys: list[str]) -> dict[str, Tensor]:
    """Return what `LlavaForConditionalGeneration` takes: rows padded to the longest."""
    length = max(len(e.ids) for e in encoded)
    ids = torch.full((len(encoded), length), END)
    labels = torch.full((len(encoded), length), -100)
    mask = torch.zeros((len(encoded), length), dtype=torch.long)
    for row, one in enumerate(encoded):
        end = len(one.ids)
        ids[row, :end] = torch.tensor(one.ids)
        mask[row, :end] = 1
        learnt = torch.tensor(one.supervised)
        labels[row, :end] = torch.where(learnt, ids[row, :end], -100)
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    shown = [pixels(key) for key in keys if key]
    return {**batch, "pixel_values": torch.stack(shown)} if shown else batch


class Listed(torch.utils.data.Dataset[dict[str, Any]]):
    """The examples as a data set; `length` serves the grouping."""

    def __init__(self, lines: pd.DataFrame) -> None:
        self._lines = lines.to_dict("records")
        self._encoded = encode(lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, number: int) -> dict[str, Any]:
        line = self._lines[number]
        encoded = self._encoded[line["source"], line["example"]]
        return {"encoded": encoded, "image": line["image"], "input_ids": encoded.ids}


def train_theirs(mode: str, share: float, steps: int) -> dict[str, Any]:
    """Train with the stock Trainer, full precision, on the CPU."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    times: list[float] = []
    padded: list[int] = []
    useful: list[int] = []

    class Clock(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

    def gather(found: list[dict[str, Any]]) -> dict[str, Tensor]:
        batch = collate([f["encoded"] for f in found], [f["image"] for f in found])
        padded.append(batch["input_ids"].numel())
        useful.append(int(batch["attention_mask"].sum()))
        return batch

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=PER_STEP,
            max_steps=steps,
            learning_rate=PEAK_RATE,
            lr_scheduler_type="constant",
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            train_sampling_strategy="group_by_length" if mode == "grouped" else "random",
        )
        trainer = Trainer(
            model=new_model(),
            args=arguments,
            train_dataset=Listed(rows(share, steps)),
            data_collator=gather,
            callbacks=[Clock()],
        )
        trainer.train()
    padded, useful = padded[:steps], useful[:steps]
    return {
        "seconds": times[-1] - times[1],
        "tokens": sum(useful[1:]),
        "padding": 1 - sum(useful) / sum(padded),
    }


def loss_difference(share: float) -> float:
    """Return how far the two losses of one padded batch are apart."""
    model = new_model().eval()
    lines = rows(share, 1)
    encoded = encode(lines)
    plan = lines.assign(step=0, row=range(len(lines)), position=0)
    plan["weight"] = token_weights(plan, "token", PER_STEP)
    batch = build(plan, Examples(encoded, ["text", "vision"], END), packed=False)
    with torch.no_grad():
        shown = features(model, batch.images) if batch.images else None
        ours = step_loss(token_losses(model, batch, shown), batch)
        listed = [encoded[line.source, line.example] for line in lines.itertuples()]
        theirs = model(**collate(listed, list(lines["image"]))).loss
    return abs(float(ours - theirs))


def measured(mode: str, share: float, steps: int, threads: int) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, "--one", mode]
    command += ["--share", str(share), "--steps", str(steps), "--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=0.88, help="text share of the examples")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", choices=(*OURS, *THEIRS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.one:
        train = train_ours if arguments.one in OURS else train_theirs
        found = train(arguments.one, arguments.share, arguments.steps)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(json.dumps({**found, "peak_mb": round(peak)}))
        return
    difference = loss_difference(arguments.share)
    best: dict[str, dict[str, Any]] = {}
    for _ in range(arguments.repeats):
        for mode in (*THEIRS, *OURS):
            one = measured(mode, arguments.share, arguments.steps, arguments.threads)
            if mode not in best or one["seconds"] < best[mode]["seconds"]:
                best[mode] = one
    rates = {mode: one["tokens"] / one["seconds"] for mode, one in best.items()}
    for mode, one in best.items():
        print(
            f"{mode:8} {rates[mode]:7.0f} useful tokens/s, padding {100 * one['padding']:4.1f} %, "
            f"peak {one['peak_mb']} MB"
        )
    ours = max(OURS, key=lambda mode: rates[mode])
    print(f"losses of one batch differ by {difference:.1e}; ours is `{ours}`")
    print(
        json.dumps(
            {
                "ratio": round(rates[ours] / rates["trainer"], 3),
                "ratio_grouped": round(rates[ours] / rates["grouped"], 3),
                "layout": ours,
                "tokens_per_s": {mode: round(rate) for mode, rate in rates.items()},
                "padding": {mode: round(one["padding"], 4) for mode, one in best.items()},
                "peak_mb": {mode: one["peak_mb"] for mode, one in best.items()},
                "loss_difference": difference,
                "share": arguments.share,
                "steps": arguments.steps,
                "threads": arguments.threads,
            }
        )
    )


if __name__ == "__main__":
    main()
