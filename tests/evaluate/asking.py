"""Questions of made-up tokens, and their answers from full forward passes one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.evaluate.questions import Question

END = 2
IMAGE = 3
LENGTH = 9  # image tokens of a picture


def question(item: str, ids: Sequence[int], **fields: Any) -> Question:
    """Return a question; `fields` are those that matter."""
    plain = {"benchmark": "b", "part": "test", "condition": "real", "pictures": [], "labels": []}
    rest = {"choices": [], "max_new_tokens": 5, "order": []}
    return Question(item=item, ids=list(ids), **{**plain, **rest, **fields})


def features(keys: Sequence[str]) -> Tensor | None:
    """Return made-up features (P, 9, 24) of pictures whose names end in a digit."""
    draws = [torch.Generator().manual_seed(int(key[-1])) for key in keys]
    drawn = [torch.randn((1, LENGTH, 24), generator=draw) for draw in draws]
    return torch.cat(drawn) if drawn else None


@torch.no_grad()
def log_likelihoods(
    model: LlavaForConditionalGeneration, asked: Question, more: Sequence[int] = ()
) -> Tensor:
    """Return log-probabilities (L, V) after every token of a prompt and what follows it."""
    tensor = torch.tensor([[*asked.ids, *more]])
    embeddings = model.get_input_embeddings()(tensor)
    shown = features(asked.pictures)
    if shown is not None:
        image = model.model.multi_modal_projector(shown).flatten(0, 1)
        where = (tensor == model.config.image_token_id).unsqueeze(-1)
        embeddings = embeddings.masked_scatter(where, image)
    hidden = model.model.language_model(inputs_embeds=embeddings)[0]
    return model.lm_head(hidden)[0].log_softmax(-1)


def greedy(model: LlavaForConditionalGeneration, asked: Question) -> list[int]:
    """Return the greedy answer, without its end."""
    said: list[int] = []
    while len(said) < asked.max_new_tokens:
        token = int(log_likelihoods(model, asked, said)[-1].argmax())
        if token == END:
            break
        said.append(token)
    return said
