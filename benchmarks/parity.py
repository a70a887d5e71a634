"""Option likelihood against lm-eval 0.4.13: the same model, items and requests, item by item.

    make parity [ITEMS=300]

SmolLM2-135M-Instruct answers HellaSwag, CosmosQA (whole options), MMLU and StrategyQA (labels) by
likelihood, once with our engine and once with lm-eval, which is given our requests as text and
tokenises them itself. Printed are both accuracies for the sum, per character or byte, and every
item whose outcome differs with its reason. lm-eval moves white space at the end of a prompt (the
newline of a chat template) to each continuation, so its sums hold the likelihood of that too: a
constant of an item, `shift`, which is left out of `largest`. An outcome may differ where two
options are equally likely within rounding, or by that constant over unequal lengths; any other
difference fails. Ends with one JSON line.

Needs real rows (MLAN_REAL_DATA or --data) and lm-eval, which `make parity` installs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import asked as ours
from peers import harness, models
from peers.real_rows import items_of, real_data

# Benchmark -> what is compared.
KINDS = {"hellaswag": "long", "cosmosqa": "long", "mmlu": "letter", "strategyqa": "letter"}
TEMPLATE = "chatml-smollm2"  # the model's own
# Log-likelihoods of one continuation may differ by so much: 32-bit sums in another order (7e-5 was
# the largest of 80 items of HellaSwag).
ROUNDING = 3e-4

# Why an outcome may differ.
TIE, SHIFT = "equal within rounding", "only by lm-eval's constant of the item"


def _right(likelihoods: Sequence[float], lengths: Sequence[int], gold: int) -> bool:
    return int(np.argmax(np.asarray(likelihoods) / np.asarray(lengths))) == gold


def _close(likelihoods: Sequence[float], lengths: Sequence[int]) -> bool:
    """Whether the two best options are equal within rounding."""
    best = np.sort(np.asarray(likelihoods) / np.asarray(lengths))[::-1]
    return bool(best[0] - best[1] < ROUNDING)


def compare(benchmark: str, real: Path, count: int, folder: Path) -> dict[str, Any]:
    """Return accuracies of both sides and the items on which they differ."""
    home = models.backbone(folder)
    model = models.llava(home)
    template = models.template(home, model, TEMPLATE)
    items = items_of(benchmark, real, count)
    questions = ours.questions_of(items, template, KINDS[benchmark])
    requests = ours.requests_of(items, questions, template)
    answers = ours.ask(model, questions, None, template.end)
    harness.write_task(folder, requests)
    theirs, _ = harness.scores(models.causal(model), models.tokenizer(home), folder, 8)
    measures = {
        "acc": lambda text: 1,
        "acc_norm": len,
        "acc_bytes": lambda text: len(text.encode()),
    }
    found: dict[str, Any] = {"n": len(requests), "differences": [], "largest": 0.0, "shift": 0.0}
    right: dict[str, list[tuple[bool, bool]]] = {name: [] for name in measures}
    for request in requests:
        given, other = answers[request.item], theirs[request.item]
        mine = given.choices or given.labels
        apart = np.asarray(mine) - np.asarray(other["likelihoods"])
        gap = float(np.abs(apart - apart.mean()).max())
        found["largest"] = max(found["largest"], gap)
        found["shift"] = max(found["shift"], abs(float(apart.mean())))
        for name, length in measures.items():
            lengths = [length(text) for text in request.continuations]
            pair = (_right(mine, lengths, request.gold), bool(other[name]))
            right[name].append(pair)
            if pair[0] != pair[1]:
                moved = np.asarray(other["likelihoods"]) + apart.mean()
                reason = f"likelihoods differ by {gap:.2g}"
                if gap < ROUNDING and _close(mine, lengths):
                    reason = TIE
                elif gap < ROUNDING and _right(moved, lengths, request.gold) == pair[0]:
                    reason = SHIFT
                found["differences"].append((name, request.item, reason))
    found["accuracy"] = {
        name: [round(float(np.mean([pair[side] for pair in pairs])), 4) for side in (0, 1)]
        for name, pairs in right.items()
    }
    return found


def main() -> None:
    """Compare, print, and exit with 1 where an outcome differs without a reason."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=300, help="items of each benchmark")
    parser.add_argument("--data", help="folder of the real releases")
    parser.add_argument("--only", choices=sorted(KINDS))
    arguments = parser.parse_args()
    real = real_data(arguments.data)
    harness.require()
    told, unexplained = {}, 0
    print("                                ours    lm-eval")
    with torch.inference_mode():
        for benchmark in [arguments.only] if arguments.only else KINDS:
            with tempfile.TemporaryDirectory() as folder:
                found = compare(benchmark, real, arguments.items, Path(folder))
            told[benchmark] = found
            for name, (mine, other) in found["accuracy"].items():
                print(f"{benchmark:12} {name:9} n {found['n']:5}  {mine:.4f}  {other:.4f}")
            for name, item, reason in found["differences"]:
                print(f"  {name}: {item}: {reason}")
                unexplained += reason not in (TIE, SHIFT)
    print(
        json.dumps(
            {
                "items": sum(found["n"] for found in told.values()),
                "differences": sum(len(found["differences"]) for found in told.values()),
                "unexplained": unexplained,
                "largest": max(found["largest"] for found in told.values()),
                "shift": max(found["shift"] for found in told.values()),
                "accuracy": {name: found["accuracy"] for name, found in told.items()},
            }
        )
    )
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
