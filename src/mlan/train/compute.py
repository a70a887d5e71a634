"""How stage 2 is computed: weights, attention kernel, activations kept or computed again.

None of it changes the objective. The keys are the recipe's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration
from transformers.utils.import_utils import is_flash_attn_2_available

from mlan.errors import ConfigError

# The names that transformers gives the kernels.
_KERNELS = {"sdpa": "sdpa", "flex": "flex_attention", "flash": "flash_attention_2"}


@dataclass(frozen=True)
class Compute:
    """The keys of `recipe.tune` that say how, not what, is trained."""

    weights: str
    attention: str
    activation_checkpointing: int
    pass_tokens: int

    @classmethod
    def of(cls, tune: Mapping[str, Any]) -> Compute:
        """Read them from a job's tuning section."""
        return cls(**{f.name: tune[f.name] for f in fields(cls)})


def prepare_model(model: LlavaForConditionalGeneration, compute: Compute, device: str) -> None:
    """Make a composed stage-1 model compute that way, before adapters are added.

    Raises ConfigError for a kernel that cannot be had here.
    """
    if compute.weights != "fp32":
        _halve(model)
    if compute.attention != "sdpa":
        set_attention(model, compute.attention, device)
    if compute.activation_checkpointing:
        recompute_layers(model, compute.activation_checkpointing)


def _halve(model: LlavaForConditionalGeneration) -> None:
    """Language model, head and projector in bf16, in place, so that tied weights stay tied.

    Parameters only: the rotary frequencies are a buffer, and in bf16 far positions would
    coincide. The tower is frozen and runs outside the trained part: it stays as it is.
    """
    for part in (model.model.language_model, model.lm_head, model.model.multi_modal_projector):
        for parameter in part.parameters():
            parameter.data = parameter.data.to(torch.bfloat16)


def set_attention(model: LlavaForConditionalGeneration, kernel: str, device: str) -> None:
    """Give the language model an attention kernel.

    Each of them keeps the documents of a packed row apart by its `position_ids` alone: sdpa by
    a dense mask, flex by a mask of blocks, of which it skips the empty ones, flash by the
    documents' lengths.
    """
    if kernel == "flash" and not (device == "cuda" and is_flash_attn_2_available()):
        raise ConfigError(
            "recipe.tune.attention = 'flash': needs the package flash-attn and a GPU; "
            "use 'flex' or 'sdpa'"
        )
    model.model.language_model.set_attn_implementation(_KERNELS[kernel])


def recompute_layers(model: LlavaForConditionalGeneration, every: int) -> None:
    """Keep only the input of every `every`-th decoder layer; backward computes it again.

    A layer's forward is wrapped, not its call: what shards its weights hooks the call and must
    not run twice. There is no dropout whose random state would have to be kept.
    """
    layers: list[nn.Module] = list(model.model.language_model.layers)
    for layer in layers[::every]:
        again = partial(checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False)
        layer.forward = again
