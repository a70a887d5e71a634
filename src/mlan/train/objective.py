"""The training loss: weighted cross-entropy at supervised positions, and nowhere else.

Logits are computed only where there is a label: at a few per cent of the positions, which
saves most of the head's time and memory.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.model.compose import input_embeddings
from mlan.train.batches import Batch


def token_losses(
    model: LlavaForConditionalGeneration, batch: Batch, features: Tensor | None
) -> Tensor:
    """Return the cross-entropy of every supervised token in nats, (S,) float32.

    `features` (P, T, D) are the batch's pictures in reading order, or None.
    """
    embeddings = input_embeddings(model, batch.ids, features)
    hidden = model.model.language_model(
        inputs_embeds=embeddings,
        position_ids=batch.position_ids,
        attention_mask=None,
        use_cache=False,
    ).last_hidden_state
    picked = hidden.flatten(0, 1)[batch.predict_at]
    logits = model.lm_head(picked).float()
    return F.cross_entropy(logits, batch.target, reduction="none")


def step_loss(losses: Tensor, batch: Batch) -> Tensor:
    """Return the step's objective: the plan's weights times the token losses, a scalar."""
    return torch.sum(losses * batch.weight)
