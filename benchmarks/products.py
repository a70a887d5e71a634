"""Dense products as mlan takes them against torch's own, on this processor.

    .venv/bin/python benchmarks/products.py [--rows 512] [--rounds 30] [--threads 2]

Both sides multiply the same numbers in the shapes of the embedded default's language model
(products alone), and run that model forward and, with frozen weights, backward (480 tokens).
Baseline is torch's own choice of a library. Turns alternate, so that other load on the machine
hits both. Ends with one JSON line: GFLOP/s of the products, tokens/s of the model, ratios.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from unittest.mock import patch

import torch
from packing import backbone
from torch import Tensor

from mlan import products
from mlan.model.compose import compose

# Of one decoder layer: (in, out) features and how many such layers it has.
SHAPES = {(576, 576): 2, (576, 192): 2, (576, 1536): 2, (1536, 576): 1}
BATCH, LENGTH = 16, 30


def compare(task: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the seconds of a turn, (baseline, ours): the median of `rounds` turns each."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(2 * (rounds + 2)):
        ours = bool(turn % 2)
        with patch.object(products, "_onednn_is_faster", lambda ours=ours: ours):
            start = time.perf_counter()
            task()
            seconds[ours].append(time.perf_counter() - start)
    baseline, own = (sorted(seconds[ours][2:]) for ours in (False, True))  # without the first two
    return baseline[len(baseline) // 2], own[len(own) // 2]


def layer(rows: int) -> tuple[Callable[[], object], float]:
    """Return the products of one decoder layer, forward and by its inputs, and their FLOPs."""
    factors = [
        (torch.randn(rows, k), torch.randn(m, k), torch.randn(rows, m))
        for (k, m), times in SHAPES.items()
        for _ in range(times)
    ]
    flops = sum(2 * 2 * rows * weight.numel() for _, weight, _ in factors)

    def multiply() -> None:
        for left, weight, above in factors:
            products.linear(left, weight)
            products.linear(above, weight.t())

    return multiply, flops


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description="mlan's dense products against torch's own.")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    multiply, flops = layer(arguments.rows)
    model = compose(backbone())
    language = model.model.language_model
    embedded = torch.randn(BATCH, LENGTH, model.config.text_config.hidden_size)

    def hidden(given: Tensor) -> Tensor:
        state: Tensor = language(inputs_embeds=given, use_cache=False).last_hidden_state
        return state

    def forward() -> None:
        with torch.inference_mode():
            hidden(embedded)

    def both_ways() -> None:
        hidden(embedded.clone().requires_grad_(True)).sum().backward()

    tokens = BATCH * LENGTH
    told: dict[str, float] = {}
    for name, task, work, digits in (
        ("gflops", multiply, flops / 1e9, 1),
        ("forward_tokens_per_s", forward, tokens, 0),
        ("both_ways_tokens_per_s", both_ways, tokens, 0),
    ):
        baseline, ours = compare(task, arguments.rounds)
        told |= {
            f"{name}_torch": round(work / baseline, digits),
            f"{name}_mlan": round(work / ours, digits),
            f"{name}_ratio": round(baseline / ours, 3),
        }
    here = {"capability": torch.backends.cpu.get_cpu_capability(), "torch": torch.__version__}
    taken = products._onednn_is_faster()
    print(json.dumps({**told, **here, "threads": arguments.threads, "taken_here": taken}))


if __name__ == "__main__":
    main()
