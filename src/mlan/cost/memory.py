"""Peak memory of a job that runs a model, by what it holds.

A trained weight costs 16 bytes with AdamW, whether it is kept in fp32 (weight 4, gradient 4, two
moments 8) or in bf16 with an fp32 master copy (2 + 2 + 4 + 8; Rajbhandari et al. 2020, arXiv
1910.02054, sec. 3.1), and 6 in bf16 with 8-bit moments and stochastic rounding (2 + 2 + 1 + 1).
A frozen one costs its own bytes; weights of adapters are small beside it. Activations are what
the backward pass of a Llama block needs under fused attention, which keeps no table of scores
(after Korthikanti et al. 2022, arXiv 2205.05198, sec. 4); checkpointing keeps a block's input
alone and computes one block at a time once more. Logits exist at supervised positions only.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlan.cost.gpus import activation_bytes, held_weights, trained_bytes
from mlan.cost.lengths import (
    caption_tokens,
    instances,
    of_captions,
    question_tokens,
    supervised_tokens,
    tune_tokens,
)
from mlan.cost.shapes import LanguageModel, Setting

_FLOAT = 4  # bytes of a logit
# Bytes that the optimiser keeps of a trained weight, the master copy included.
OPTIMISER = {"fp32": 8, "fp32_master": 12, "bf16_stochastic": 2}
# Libraries and the device's context.
RUNTIME_BYTES = 0.7e9


@dataclass(frozen=True)
class Memory:
    """Bytes of a job's peak. `checkpointed`: activations where every layer is checkpointed."""

    weights: float
    gradients: float = 0.0
    optimiser: float = 0.0
    activations: float = 0.0
    checkpointed: float = 0.0
    logits: float = 0.0
    cache: float = 0.0

    @property
    def peak(self) -> float:
        """All of it, as the recipe says."""
        held = self.weights + self.gradients + self.optimiser + self.logits + self.cache
        return held + self.activations + RUNTIME_BYTES

    @property
    def peak_checkpointed(self) -> float:
        """All of it, activations of every layer computed once more in the backward pass."""
        return self.peak - self.activations + self.checkpointed


def job_memory(stage: str, setting: Setting) -> Memory:
    """Return the peak memory of a job of `align`, `tune` or `predict`."""
    if stage == "predict":
        return _predict(setting)
    if stage == "align":
        if setting.recipe.align.existing is not None:
            return Memory(weights=0.0)
        rows = setting.recipe.align.rows_at_once or setting.recipe.align.batch
        tokens, learnt = caption_tokens(setting), of_captions(setting).caption
        return _training(setting, stage, setting.projector, rows * tokens, rows * learnt)
    tokens = tokens_at_once(setting)
    learnt = supervised_tokens(setting) * tokens / tune_tokens(setting)
    return _training(setting, stage, trained_parameters(setting), tokens, learnt)


def trained_parameters(setting: Setting) -> int:
    """Return how many parameters stage 2 trains."""
    tune, model = setting.recipe.tune, setting.model
    modes = {"full": model.total, "lora": model.adapters(tune.lora.rank), "frozen": 0}
    pictures = setting.recipe.mixture.text_share < 1 and tune.projector == "train"
    return modes[tune.language_model] + setting.projector * pictures


def tokens_at_once(setting: Setting) -> float:
    """Return the tokens of one forward pass in training: those of a step, or of its passes."""
    tune, examples = setting.recipe.tune, instances(setting)
    step = tune_tokens(setting) / examples * min(tune.examples_per_step, examples)
    return min(step, tune.pass_tokens or step)


def _training(setting: Setting, stage: str, trained: int, tokens: float, learnt: float) -> Memory:
    model, tune, size = setting.model, setting.recipe.tune, activation_bytes(setting)
    # Stage 1 trains the projector in fp32 and recomputes nothing.
    weights = tune.weights if stage == "tune" else "fp32"
    block = block_numbers(model) * size
    every = tune.activation_checkpointing if stage == "tune" else 0
    return Memory(
        weights=held_weights(setting, stage),
        gradients=trained * (trained_bytes(setting) if stage == "tune" else 4),
        optimiser=trained * OPTIMISER[weights],
        activations=tokens
        * _activations(model, block, size, model.layers // every if every else 0),
        checkpointed=tokens * _activations(model, block, size, model.layers),
        logits=2 * learnt * model.vocabulary * _FLOAT,
    )


def _activations(model: LanguageModel, block: int, size: int, again: int) -> int:
    """Bytes of a token where `again` of the layers keep their input alone."""
    return (model.layers - again) * block + again * model.width * size + block * (again > 0)


def block_numbers(model: LanguageModel) -> int:
    """Return how many numbers a token leaves in a block for its backward pass.

    Inputs of both norms and of the two halves (4 widths), queries, keys, values and what
    attention gives; gate, up, the activated gate and their product in the MLP.
    """
    return 4 * model.width + 2 * model.queries + 2 * model.keys + 4 * model.inner


def _predict(setting: Setting) -> Memory:
    """Weights, keys and values of one batch, the prefill's block, logits of last positions."""
    model, config, size = setting.model, setting.config, activation_bytes(setting)
    turns = 1 + max(condition.shots for condition in config.evaluate.conditions)
    longest = turns * max(question_tokens(setting, name) for name in config.data.benchmarks)
    batch = config.evaluate.batch
    prompt = min(batch * longest, max(longest, config.evaluate.batch_tokens))
    tokens = prompt + batch * config.evaluate.max_new_tokens
    block = tokens * block_numbers(model) * size
    return Memory(
        weights=held_weights(setting, "predict"),
        activations=block,
        checkpointed=block,
        logits=batch * model.vocabulary * _FLOAT,
        cache=tokens * 2 * model.layers * model.keys * size,
    )
