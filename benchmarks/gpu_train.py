"""Full or adapter tuning of a 7B-shaped model on one device: rate, utilisation, memory, bounds.

    .venv/bin/python benchmarks/gpu_train.py [--shape llama-2-7b] [--mode full] [--steps 10]

Random weights serve. Rows have the lengths of real instruction data, 88 % of them text, 576 image
tokens a picture. `packed` is our recipe: packed rows, weights in bf16 rounded stochastically with
8-bit moments, a step in passes that fit without computing layers again, pictures through the
tower once, logits at labels only. `padded` is the same with one example a row in drawn order,
padded to the longest of its pass. Each is a process of its own, so that its peak memory is its
own. Rates are useful tokens, padding left out, over the steps after the first two; parts of a
step are timed on the device by events, without waiting.
MFU counts the model's operations (`mlan.flops`) over the device's bf16 peak, the language
model's and the tower's apart. Ends with one JSON line. Without a GPU a toy shape is trained in
fp32: that shows that the script works, and nothing of rates or ratios, for at its width attention
and its dense mask outweigh the products.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from train_vs_trainer import END, IMAGE, IMAGE_TOKENS, encode, rows
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.flops import training_flops
from mlan.gpus import gpu_of_driver
from mlan.mixture.plan import padding_share, token_weights
from mlan.mixture.rows import lay_out
from mlan.train import trainable
from mlan.train.ahead import ahead
from mlan.train.batches import Batch, Examples, build
from mlan.train.compute import Compute, prepare_model
from mlan.train.loop import Objective
from mlan.train.objective import step_loss
from mlan.train.optimiser import make_optimiser
from mlan.train.parallel import Ranks
from mlan.train.shapes import decoder_shape, picture_flops

# Language model and tower: hidden, intermediate, layers, heads, key-value heads; width, inner
# width, layers, heads of the tower. Vocabularies are the models' own.
SHAPES = {
    "llama-2-7b": ((4096, 11008, 32, 32, 32, 32064), (1024, 4096, 24, 16)),
    "qwen2.5-0.5b": ((896, 4864, 24, 14, 2, 151936), (1024, 4096, 24, 16)),
    "toy": ((256, 704, 2, 4, 4, 8192), (32, 64, 2, 2)),
}
LAYOUTS = ("packed", "padded")
WARM = 2  # steps before the clock counts: kernels are chosen, memory is laid out


class Clock:
    """Seconds of the parts of steps: device events on a GPU, wall time elsewhere."""

    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"
        self._marks: list[tuple[str, Any]] = []

    def mark(self, part: str) -> None:
        """Say that `part` ends here; what follows belongs to the next."""
        if self._cuda:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
        else:
            event = time.perf_counter()
        self._marks.append((part, event))

    def seconds(self) -> dict[str, float]:
        """Sum up each part (waits for the device); what lies before the first mark is left out."""
        if self._cuda:
            torch.cuda.synchronize()
        total: dict[str, float] = defaultdict(float)
        for (_, begin), (part, end) in zip(self._marks, self._marks[1:], strict=False):
            total[part] += begin.elapsed_time(end) / 1e3 if self._cuda else end - begin
        return dict(total)


def new_model(shape: str, device: str) -> LlavaForConditionalGeneration:
    """Return the random model on the device, tower frozen."""
    (hidden, inner, layers, heads, kv, vocabulary), tower = SHAPES[shape]
    torch.manual_seed(0)
    text = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv,
        max_position_embeddings=4096,
        pad_token_id=END,
        eos_token_id=END,
    )
    width, tower_inner, tower_layers, tower_heads = tower
    vision = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=tower_inner,
        num_hidden_layers=tower_layers,
        num_attention_heads=tower_heads,
        image_size=336,
        patch_size=14,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=IMAGE,
        image_seq_length=IMAGE_TOKENS,
    )
    with torch.device(device):
        model = LlavaForConditionalGeneration(config)
    return model.eval().requires_grad_(False)


def plan_of(lines: pd.DataFrame, layout: str, examples: int, capacity: int) -> pd.DataFrame:
    """Return the plan; `padded` keeps the drawn order (a window of one step)."""
    places = lay_out(
        list(lines["tokens"]),
        layout="packed" if layout == "packed" else "sorted",
        examples_per_step=examples,
        window=1,
        capacity=capacity,
        seed=0,
    )
    plan = lines.copy()
    plan["step"] = pd.Series({p.index: p.step for p in places})
    plan["weight"] = token_weights(plan, "token", examples)
    plan = plan.iloc[[p.index for p in places]].reset_index(drop=True)
    return plan.assign(row=[p.row for p in places], position=[p.position for p in places])


@torch.no_grad()
def features(model: LlavaForConditionalGeneration, pixels: Tensor) -> Tensor:
    """Return what the projector reads of pictures (P, 3, 336, 336) uint8, (P, 576, D)."""
    values = (pixels.float() / 127.5 - 1).to(model.model.vision_tower.dtype)
    found = model.model.vision_tower(values, output_hidden_states=True)
    return found.hidden_states[-2][:, 1:].float()


class Data:
    """Made-up rows of real lengths, their plan, and the passes of each of its steps."""

    def __init__(self, arguments: argparse.Namespace, layout: str) -> None:
        lines = rows(arguments.share, -(-arguments.steps * arguments.examples // 16))
        self._examples = Examples(encode(lines), ["text", "vision"], END)
        self._arguments, self._packed = arguments, layout == "packed"
        self.plan = plan_of(lines, layout, arguments.examples, arguments.capacity)
        self.steps = [part for _, part in self.plan.groupby("step", sort=True)][: arguments.steps]

    def step(self, number: int) -> list[tuple[Batch, Tensor | None]]:
        """Return the passes of a step with their pictures, uint8 (P, 3, 336, 336)."""
        found = []
        device, limit = self._arguments.device, self._arguments.pass_tokens
        for one in Ranks().share(self.steps[number], self._examples.sources, limit).passes:
            batch = build(one.lines, self._examples, packed=self._packed)
            draw = torch.Generator().manual_seed(number)
            size = (len(batch.images), 3, 336, 336)
            pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=draw)
            found.append((batch.to(device), pixels.to(device) if batch.images else None))
        return found


def train(arguments: argparse.Namespace, layout: str) -> dict[str, Any]:
    """Train on one layout; return rates, parts, memory."""
    device, mode = arguments.device, arguments.mode
    model = new_model(arguments.shape, device)
    shape = decoder_shape(model)
    of_picture = picture_flops(model)
    compute = Compute(
        arguments.weights, arguments.attention, arguments.activation_checkpointing, pass_tokens=0
    )
    prepare_model(model, compute, device)
    if compute.weights != "fp32":
        model.model.vision_tower.to(torch.bfloat16)
    tune = {
        "language_model": mode,
        "projector": "train",
        "lora": {"rank": arguments.rank, "alpha": 2.0 * arguments.rank},
        "learning_rate": 2e-5,
        "projector_learning_rate": 2e-5,
        "weight_decay": 0.0,
    }
    language, projector = trainable.select(model, tune, init_seed=0, has_pictures=True)
    parameters = [*language.values(), *projector.values()]
    optimiser = make_optimiser(compute.weights, tune, language, projector, seed=0)
    for group in optimiser.param_groups:
        group["lr"] = group["peak"]
    objective = Objective(model, device, "fp32" if compute.weights == "fp32" else "bf16")
    data = Data(arguments, layout)
    coming, clock = ahead(data.step, range(len(data.steps)), device), Clock(device)
    wait = begun = 0.0
    language_flops = tower_flops = 0.0
    tokens = 0
    for number, step in enumerate(data.steps):
        if number == WARM:
            clock = Clock(device)
            clock.mark("start")
            clock.seconds()
            wait, begun = 0.0, time.perf_counter()
            language_flops = tower_flops = 0.0
            tokens = 0
        asked = time.perf_counter()
        passes = next(coming)
        wait += time.perf_counter() - asked
        optimiser.zero_grad(set_to_none=True)
        clock.mark("data")
        for batch, pixels in passes:
            shown = None if pixels is None else features(model, pixels)
            clock.mark("tower")
            loss = step_loss(objective(batch, shown), batch)
            clock.mark("forward")
            loss.backward()
            clock.mark("backward")
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if not bool(torch.isfinite(norm)):  # one wait for the device a step, as in training
            raise SystemExit(f"step {number}: gradient is not finite")
        optimiser.step()
        clock.mark("optimiser")
        tokens += int(step["tokens"].sum())
        labels = int(step["supervised_tokens"].sum())
        language_flops += training_flops(shape, step["tokens"], labels, full=mode == "full")
        tower_flops += of_picture * int((step["image"] != "").sum())
    parts = clock.seconds()
    seconds = time.perf_counter() - begun
    gpu = gpu_of_driver(torch.cuda.get_device_name()) if device == "cuda" else None
    peak = gpu and gpu.peak("bf16")
    return {
        "tokens_per_s": round(tokens / seconds, 1),
        "language_tflops": round(language_flops / seconds / 1e12, 4),
        "tower_tflops": round(tower_flops / max(parts["tower"], 1e-9) / 1e12, 4),
        "mfu": peak and round(language_flops / seconds / peak, 4),
        "mfu_with_tower": peak and round((language_flops + tower_flops) / seconds / peak, 4),
        "mfu_of_tower": peak and round(tower_flops / max(parts["tower"], 1e-9) / peak, 4),
        "share_of_step": {part: round(spent / seconds, 4) for part, spent in parts.items()},
        "data_wait": round(wait / seconds, 4),
        "padding": round(padding_share(data.plan), 4),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if device == "cuda" else None,
        "trained": sum(p.numel() for p in parameters),
    }


def bound(found: dict[str, Any]) -> str:
    """Say what a step's time goes to."""
    parts = found["share_of_step"]
    products = parts["forward"] + parts["backward"]
    if found["data_wait"] > 0.02:
        return f"data: {found['data_wait']:.0%} of the time waits for batches"
    if products < 0.8:
        rest = max(("tower", "optimiser"), key=lambda part: parts[part])
        return f"{rest}: {parts[rest]:.0%} of the time, the language model {products:.0%}"
    return f"the language model's products: {products:.0%} of the time"


def measured(layout: str) -> dict[str, Any] | None:
    """Run one layout in a process of its own; None if the device's memory does not hold it."""
    command = [sys.executable, __file__, *sys.argv[1:], "--one", layout]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "OutOfMemoryError" in done.stderr:
        return None
    if done.returncode:
        raise SystemExit(f"{done.stderr}\n{layout}: ended with exit code {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure both layouts and print."""
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="llama-2-7b" if cuda else "toy")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if cuda else "cpu")
    parser.add_argument("--mode", choices=("full", "lora"), default="full")
    parser.add_argument("--rank", type=int, default=128, help="of the adapters (lora)")
    parser.add_argument(
        "--weights",
        choices=("fp32", "fp32_master", "bf16_stochastic"),
        default="bf16_stochastic" if cuda else "fp32",
        help="fp32 without a GPU: few CPUs have fast bf16 products",
    )
    parser.add_argument("--attention", choices=("sdpa", "flex", "flash"), default="sdpa")
    parser.add_argument("--activation-checkpointing", type=int, default=0, metavar="N")
    parser.add_argument("--pass-tokens", type=int, default=4096, help="tokens of one pass")
    parser.add_argument("--share", type=float, default=0.88, help="text share of the examples")
    parser.add_argument("--examples", type=int, default=64, help="examples of a step")
    parser.add_argument("--capacity", type=int, default=1024, help="tokens of a packed row")
    parser.add_argument("--steps", type=int, default=10, help=f"the first {WARM} do not count")
    parser.add_argument("--one", choices=LAYOUTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.steps <= WARM:
        parser.error(f"--steps is more than {WARM}")
    if arguments.one:
        print(json.dumps(train(arguments, arguments.one)))
        return
    name = torch.cuda.get_device_name() if arguments.device == "cuda" else "CPU"
    found = {layout: measured(layout) for layout in LAYOUTS}
    for layout, one in found.items():
        if one is None:
            print(f"{layout}: out of memory")
            continue
        use = f"MFU {one['mfu']:.1%}" if one["mfu"] else f"{one['language_tflops']} TFLOP/s"
        print(
            f"{layout}: {one['tokens_per_s']:.0f} useful tokens/s, {use}, tower "
            f"{one['tower_tflops']} TFLOP/s while it runs, padding {one['padding']:.1%}, peak "
            f"{one['peak_gb']} GB; bound by {bound(one)}"
        )
    packed, padded = found["packed"], found["padded"]
    ratio = round(packed["tokens_per_s"] / padded["tokens_per_s"], 3) if packed and padded else None
    options = {k: v for k, v in vars(arguments).items() if k != "one"}
    print(json.dumps({"gpu": name, "ratio": ratio, **found, "options": options}))


if __name__ == "__main__":
    main()
