"""Main memory that a job of a model takes at its peak; what the workflow reserves for it.

Whatever the device, a model is put together in main memory first: stage 1 and evaluation read the
language model's matrices in the 16 bits that bf16 arithmetic multiplies, stage 2 reads all weights
in 32 bits before it halves them, in every process of a job anew. Tables whose vocabulary grows are
there twice for a moment. On a CPU the work follows there, too: gradients, moments, activations. On
a GPU a checkpoint comes back, which is one copy of what is trained and of its moments.

Not here: memory of a GPU (`memory`). Files that are mapped are not counted: the system takes their
pages back where it needs them.
"""

from __future__ import annotations

from mlan.cost.gpus import held_weights, trained_bytes, weight_bytes
from mlan.cost.memory import OPTIMISER, RUNTIME_BYTES, job_memory, trained_parameters
from mlan.cost.shapes import Setting

# Libraries, pictures, tables and the work of a small model; a GPU's driver.
_BASE = 3e9
# Activations on a CPU over those of mean examples: the longest share a step, rows are padded, and
# what is freed is kept by the allocator. Measured on SmolLM2-135M: 1.2, 2.0 to 2.6, below 1.
_OVER_MEAN = {"align": 2.0, "tune": 3.0, "predict": 2.0}
# A model that an external command returns, beside the one it was given (32 bits each), or in 16
# bits and once more in 32.
_COMPARED = 10


def host_memory(stage: str, setting: Setting, gpus: int = 0) -> float:
    """Return the bytes of a job of `align`, `tune` or `predict`, on the CPU if it has no GPUs."""
    if stage == "tune" and setting.recipe.tune.command is not None:
        return _BASE + weight_bytes(setting, _COMPARED)
    loading = _whole(stage, setting) + 4 * setting.model.embeddings
    if gpus:
        processes = gpus if stage == "tune" else 1
        return processes * _BASE + max(processes * loading, _checkpoint(stage, setting))
    memory = job_memory(stage, setting)
    state = memory.weights + memory.gradients + memory.optimiser
    work = memory.activations + memory.logits + memory.cache
    return max(loading, state) + max(_BASE, RUNTIME_BYTES + _OVER_MEAN[stage] * work)


def _whole(stage: str, setting: Setting) -> float:
    """Bytes of a model's weights as a stage reads them."""
    return weight_bytes(setting, 4) if stage == "tune" else held_weights(setting, stage)


def _checkpoint(stage: str, setting: Setting) -> float:
    """Bytes of a checkpoint: trained weights and what the optimiser keeps of them."""
    if stage == "tune":
        kept = trained_bytes(setting) + OPTIMISER[setting.recipe.tune.weights]
        return float(kept * trained_parameters(setting))
    return float((4 + OPTIMISER["fp32"]) * setting.projector * (stage == "align"))
