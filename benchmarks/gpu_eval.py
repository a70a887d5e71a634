"""Evaluation of a 7B-shaped model on one device: items/s by kind of item, and twelve benchmarks.

    .venv/bin/python benchmarks/gpu_eval.py [--shape llama-2-7b] [--batch 128]

Random weights serve; items have the lengths of real benchmarks in SmolLM2's tokens with Vicuna's
system message, pictures 576 tokens. `vision` asks one question a picture (as AI2D does), `pope` 18
and `gqa` 31, `text` labels after short texts (as MMLU), `endings` four whole options (as
HellaSwag). The rates are those of the engine of stage predict, the tower included: answers of 8
tokens at most, labels by likelihood. `alone` asks the items of `pope` one by one, the way
harnesses do, so that sharing is measured in the same run. From the rates follow the minutes of the
paper's twelve benchmarks (`TWELVE`). Ends with one JSON line. Without a GPU a toy shape is asked in
fp32: that shows that the script works, and nothing of rates.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import torch
from gpu_train import SHAPES, features, new_model
from train_vs_trainer import END, IMAGE, IMAGE_TOKENS, SYSTEM_TOKENS

from mlan.config.benchmarks import BenchmarkSetName
from mlan.cost.public import ITEMS
from mlan.evaluate.engine import answer
from mlan.evaluate.questions import Question
from mlan.evaluate.trees import Shape, batches_of, grow
from mlan.model.compose import arithmetic

# Kind -> questions a picture (0: text), tokens of the question, tokens of each of four options.
KINDS = {
    "vision": (1, (20, 80), 0),
    "pope": (18, (18, 26), 0),
    "gqa": (31, (18, 30), 0),
    "text": (0, (40, 120), 0),
    "endings": (0, (60, 110), 27),
}
# The paper's twelve benchmarks by kind; an article of RACE is about three of the texts.
TWELVE: dict[str, tuple[BenchmarkSetName, ...]] = {
    "text": ("openbookqa", "boolq", "mmlu", "scienceqa_text", "race", "race", "race"),
    "endings": ("hellaswag",),
    "gqa": ("gqa",),
    "pope": ("pope",),
    "vision": ("ai2d", "realworldqa", "scienceqa_image", "mmmu"),
}
SUITE = {kind: sum(ITEMS[name] for name in names) for kind, names in TWELVE.items()}
NEW_TOKENS = 8


def questions(kind: str, items: int, *, alone: bool = False) -> list[Question]:
    """Return made-up questions of a kind; with `alone` each shows a picture of its own."""
    per_picture, lengths, option = KINDS[kind]
    found = []
    for number in range(items):
        draw = np.random.default_rng([2, number])
        asked = draw.integers(4, 8000, draw.integers(*lengths)).tolist()
        group = number if alone or not per_picture else number // per_picture
        image = [IMAGE] * IMAGE_TOKENS if per_picture else []
        ids = [1] * SYSTEM_TOKENS + image + asked
        choices = [draw.integers(4, 8000, option).tolist() for _ in range(4)] if option else []
        labels = [] if option else [[10], [11]]
        limit = 0 if option or not per_picture else NEW_TOKENS
        shown = [str(group)] if per_picture else []
        found.append(
            Question(kind, str(number), "test", "real", ids, shown, labels, choices, limit)
        )
    return found


def measure(
    model: Any, kind: str, items: int, arguments: argparse.Namespace, *, alone: bool
) -> Any:
    """Return items/s, question tokens/s and fed tokens an item of one kind."""
    device = arguments.device
    asked = questions(kind, items, alone=alone)
    width = model.config.text_config.hidden_size
    shape = Shape(IMAGE, IMAGE_TOKENS, width)
    batches = batches_of(grow(asked, shape, arguments.batch), arguments.batch, arguments.tokens)
    precision = "bf16" if device == "cuda" else "fp32"
    begun = time.perf_counter()
    for number, trees in enumerate([batches[0], *batches]):
        if number == 1:  # the first call chose kernels
            _wait(device)
            begun = time.perf_counter()
        pictures = [picture for tree in trees for picture in tree.pictures]
        seen = None
        with torch.inference_mode(), arithmetic(device, precision):
            if pictures:
                draw = torch.Generator().manual_seed(number)
                size = (len(pictures), 3, 336, 336)
                pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=draw)
                seen = features(model, pixels.to(device))
            answer(model, trees, seen, end=END)
    _wait(device)
    seconds = time.perf_counter() - begun
    return {
        "items_per_s": round(items / seconds, 2),
        "tokens_an_item": round(sum(len(tree) for b in batches for tree in b) / items, 1),
    }


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Measure every kind and print."""
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=list(SHAPES), default="llama-2-7b" if cuda else "toy")
    parser.add_argument("--items", type=int, default=2000 if cuda else 36)
    parser.add_argument("--batch", type=int, default=256 if cuda else 48, help="questions")
    parser.add_argument("--tokens", type=int, default=32_768, help="tokens of a forward pass")
    arguments = parser.parse_args()
    arguments.device = "cuda" if cuda else "cpu"
    model = new_model(arguments.shape, arguments.device)
    if cuda:
        model.to(torch.bfloat16)
    found = {kind: measure(model, kind, arguments.items, arguments, alone=False) for kind in KINDS}
    alone = measure(model, "pope", max(8, arguments.items // 8), arguments, alone=True)
    for kind, one in [*found.items(), ("pope, alone", alone)]:
        print(
            f"{kind:12} {one['items_per_s']:9.2f} items/s, {one['tokens_an_item']} tokens an item"
        )
    seconds = sum(count / found[kind]["items_per_s"] for kind, count in SUITE.items())
    peak = round(torch.cuda.max_memory_allocated() / 1e9, 2) if cuda else None
    print(
        json.dumps(
            {
                "ratio": round(found["pope"]["items_per_s"] / alone["items_per_s"], 3),
                "items_per_s": {kind: one["items_per_s"] for kind, one in found.items()},
                "alone": alone["items_per_s"],
                "suite_minutes": round(seconds / 60, 2),
                "peak_gb": peak,
                "shape": arguments.shape,
                "device": torch.cuda.get_device_name() if cuda else "cpu",
            }
        )
    )


if __name__ == "__main__":
    main()
