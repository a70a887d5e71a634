"""Items/s of our evaluation against lm-eval 0.4.13 and transformers' `generate`.

    .venv/bin/python benchmarks/evaluate_vs_peers.py [--items 100] [--pictures 6] [--threads 2]

SmolLM2-135M-Instruct answers the same items on every side, in 32-bit arithmetic:

- `long_options`: HellaSwag, likelihood of four whole endings, against lm-eval at batch 1, 8, 32;
- `single_token`: MMLU, likelihood of four letters, against lm-eval at batch 1, 8, 32;
- `image_groups`: 18 questions a picture (as POPE asks) of 576 image tokens, greedy answers of 8
  tokens at most, against `LlavaForConditionalGeneration.generate` at batch 1, 4, 16 with
  left-padded rows sorted by length; the vision tower counts on both sides.

Each measurement is a process of its own, so that its peak memory is its own, and starts its clock
when the model is loaded. What the sides find is compared: likelihoods, and answers token by token.
`ratio` of a part is ours over the best of theirs. Ends with one JSON line, whose `ratio` is that of
long options. Text items come from real releases (see `peers/real_rows.py`); without them, or
without lm-eval, the script says so in one line.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import asked as ours
from peers import harness, models
from peers.real_rows import items_of, real_data

from mlan.evaluate.questions import Question
from mlan.mixture.template import Template
from mlan.model.compose import raw_features

TEXT = {"long_options": ("hellaswag", "long"), "single_token": ("mmlu", "letter")}
BATCHES = {"long_options": (1, 8, 32), "single_token": (1, 8, 32), "image_groups": (1, 4, 16)}
TEMPLATE = "chatml-smollm2"  # the model's own
PER_PICTURE, NEW_TOKENS = 18, 8
THINGS = (
    *("dog", "cat", "car", "tree", "chair", "bottle", "traffic light", "dining table", "person"),
    *("bench", "umbrella", "bird", "truck", "cell phone", "backpack", "bowl", "clock", "kite"),
)


def measure_text(part: str, side: str, items: int, data: str | None) -> dict[str, Any]:
    """Ask the items of a text part on one side: `ours`, or lm-eval's batch size."""
    benchmark, kind = TEXT[part]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        home = models.backbone(folder)
        model = models.llava(home)
        template = models.template(home, model, TEMPLATE)
        frame = items_of(benchmark, real_data(data), items)
        if side == "ours":
            start = time.perf_counter()
            questions = ours.questions_of(frame, template, kind)
            given = ours.ask(model, questions, None, template.end)
            seconds = time.perf_counter() - start
            found = {name: answer.choices or answer.labels for name, answer in given.items()}
        else:
            questions = ours.questions_of(frame, template, kind)
            harness.write_task(folder, ours.requests_of(frame, questions, template))
            causal, tokenizer = models.causal(model), models.tokenizer(home)
            scores, seconds = harness.scores(causal, tokenizer, folder, int(side))
            found = {name: score["likelihoods"] for name, score in scores.items()}
    return {"items": len(found), "seconds": seconds, "found": found}


def picture_questions(template: Template, pictures: int) -> list[Question]:
    """Return POPE's kind of questions, many about each picture."""
    return [
        Question(
            "pope",
            f"{picture}/{thing}",
            "test",
            "real",
            template.question(
                f"Answer the question with yes or no.\nIs there a {thing} in the image?",
                picture=True,
            ),
            pictures=[str(picture)],
            labels=[template.answer("yes"), template.answer("no")],
            max_new_tokens=NEW_TOKENS,
        )
        for picture in range(pictures)
        for thing in THINGS[:PER_PICTURE]
    ]


@torch.inference_mode()
def measure_pictures(side: str, pictures: int) -> dict[str, Any]:
    """Answer questions about pictures on one side: `ours`, or generate's batch size."""
    with tempfile.TemporaryDirectory() as scratch:
        home = models.backbone(Path(scratch), pictures=True)
        model = models.llava(home)
        template = models.template(home, model, TEMPLATE)
        questions = picture_questions(template, pictures)
        pixels = np.random.default_rng(0).integers(0, 256, (pictures, 336, 336, 3), dtype=np.uint8)
        images = [torch.from_numpy(image) for image in pixels]
        start = time.perf_counter()
        if side == "ours":
            features = raw_features(model, images)
            given = ours.ask(model, questions, features, template.end)
            found = {name: answer.ids for name, answer in given.items()}
        else:
            found = _generated(model, questions, images, template.end, int(side))
        seconds = time.perf_counter() - start
    return {"items": len(found), "seconds": seconds, "found": found}


def _generated(
    model: Any, questions: Sequence[Question], images: list[torch.Tensor], end: int, batch: int
) -> dict[str, list[int]]:
    """Return the answers of transformers' own greedy decoding."""
    from mlan.model.standard_towers import pixel_values

    ordered = sorted(questions, key=lambda question: len(question.ids))
    found = {}
    for start in range(0, len(ordered), batch):
        some = ordered[start : start + batch]
        length = max(len(question.ids) for question in some)
        ids = torch.full((len(some), length), end)
        mask = torch.zeros((len(some), length), dtype=torch.long)
        for row, question in enumerate(some):
            ids[row, length - len(question.ids) :] = torch.tensor(question.ids)
            mask[row, length - len(question.ids) :] = 1
        out = model.generate(
            input_ids=ids,
            attention_mask=mask,
            pixel_values=pixel_values(model, [images[int(q.pictures[0])] for q in some]),
            max_new_tokens=NEW_TOKENS,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=end,
        )
        for question, said in zip(some, out[:, length:].tolist(), strict=True):
            found[question.item] = said[: said.index(end)] if end in said else said
    return found


def measured(part: str, side: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what one side does in a process of its own."""
    command = [sys.executable, __file__, "--one", part, side, "--items", str(arguments.items)]
    command += ["--pictures", str(arguments.pictures), "--threads", str(arguments.threads)]
    command += ["--data", arguments.data] if arguments.data else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    one: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return one


def compare(part: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure ours and theirs in turn; return the rates, their ratio and how far answers agree."""
    sides = ["ours", *map(str, BATCHES[part])]
    best = {side: measured(part, side, arguments) for side in sides}
    rates = {side: one["items"] / one["seconds"] for side, one in best.items()}
    mine, other = best["ours"]["found"], best[sides[1]]["found"]
    for side, rate in rates.items():
        name = side if side == "ours" else f"theirs, batch {side}"
        print(f"{part:13} {name:18} {rate:7.2f} items/s, peak {best[side]['peak_mb']} MB")
    agreement: dict[str, Any]
    if part == "image_groups":
        agreement = {"same_answers": round(float(np.mean([mine[k] == other[k] for k in mine])), 4)}
    else:
        apart = [np.subtract(mine[k], other[k]) for k in mine]
        # Their constant of an item: see `parity.py`.
        gaps = [np.abs(one - one.mean()).max() for one in apart]
        same = [np.argmax(mine[k]) == np.argmax(other[k]) for k in mine]
        agreement = {
            "same_choices": round(float(np.mean(same)), 4),
            "largest_gap": float(max(gaps)),
        }
    print(f"{part:13} {agreement}")
    return {
        "ratio": round(rates["ours"] / max(rates[side] for side in sides[1:]), 3),
        "items_per_s": {side: round(rate, 2) for side, rate in rates.items()},
        "peak_mb": {side: one["peak_mb"] for side, one in best.items()},
        **agreement,
    }


def main() -> None:
    """Measure every part and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=100, help="items of each text benchmark")
    parser.add_argument("--pictures", type=int, default=6, help="pictures, 18 questions each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", help="folder of the real releases")
    parser.add_argument("--parts", nargs="+", choices=list(BATCHES), default=list(BATCHES))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.one:
        part, side = arguments.one
        found = (
            measure_pictures(side, arguments.pictures)
            if part == "image_groups"
            else measure_text(part, side, arguments.items, arguments.data)
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(json.dumps({**found, "peak_mb": round(peak)}))
        return
    if set(arguments.parts) & set(TEXT):
        real_data(arguments.data)
        harness.require()
    parts = {part: compare(part, arguments) for part in arguments.parts}
    told = {part: found["ratio"] for part, found in parts.items()}
    print(json.dumps({"ratio": told.get("long_options"), **told, "parts": parts}))


if __name__ == "__main__":
    main()
