"""Answer a batch of questions: option likelihoods and a greedy answer from one prefill.

Rows are padded on the left, so that all rows end together. The last position's logits give
the log-likelihood of each option's first token (options never share one: checked) and the
first greedy token; the answer goes on from the same keys and values. Rows that have ended
are dropped from the cache once they are half of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.errors import DataError
from mlan.model.compose import input_embeddings


@dataclass(frozen=True)
class Question:
    """One item under one condition, ready to be asked."""

    item: str
    part: str
    ids: list[int]
    picture: str  # key of the features, '' for text
    options: list[int]  # first token of each option


@dataclass(frozen=True)
class Answer:
    """Greedy token ids without the end token, and the options' log-likelihoods."""

    ids: list[int]
    ended: bool
    option_scores: list[float]


def check_options(question: Question) -> None:
    """Raise DataError if two options begin with the same token: likelihood could not choose."""
    if len(set(question.options)) < len(question.options):
        raise DataError(
            f"item {question.item!r}: two options begin with the same token; "
            "option likelihood needs different first tokens"
        )


@torch.inference_mode()
def answer(
    model: LlavaForConditionalGeneration,
    questions: list[Question],
    pictures: Tensor | None,
    *,
    end: int,
    max_new_tokens: int,
) -> list[Answer]:
    """Answer questions together; `pictures` (P, T, D) are theirs in order."""
    ids, mask = _left_padded(questions, end, model.device)
    language = model.model.language_model
    cache = DynamicCache(config=model.model.language_model.config)
    out = language(
        inputs_embeds=input_embeddings(model, ids, pictures),
        attention_mask=mask,
        position_ids=(mask.cumsum(1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
    )
    logits = model.lm_head(out.last_hidden_state[:, -1]).float()
    likelihood = logits.log_softmax(-1)
    scores = [likelihood[i, q.options].tolist() for i, q in enumerate(questions)]
    greedy = _decode(model, cache, mask, logits.argmax(-1), end, max_new_tokens)
    return [
        Answer(tokens, ended, score) for (tokens, ended), score in zip(greedy, scores, strict=True)
    ]


def _left_padded(
    questions: list[Question], pad: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    length = max(len(q.ids) for q in questions)
    ids = torch.full((len(questions), length), pad, dtype=torch.long)
    mask = torch.zeros((len(questions), length), dtype=torch.long)
    for row, question in enumerate(questions):
        ids[row, length - len(question.ids) :] = torch.tensor(question.ids)
        mask[row, length - len(question.ids) :] = 1
    return ids.to(device), mask.to(device)


def _decode(
    model: LlavaForConditionalGeneration,
    cache: DynamicCache,
    mask: Tensor,
    first: Tensor,
    end: int,
    max_new_tokens: int,
) -> list[tuple[list[int], bool]]:
    rows = len(first)
    tokens: list[list[int]] = [[] for _ in range(rows)]
    ended = [False] * rows
    alive = torch.arange(rows, device=first.device)  # row of each line that is still in the cache
    current = first
    for number in range(max_new_tokens):
        for line, row in enumerate(alive.tolist()):
            if not ended[row]:
                token = int(current[line])
                ended[row] = token == end
                if not ended[row]:
                    tokens[row].append(token)
        going = [line for line, row in enumerate(alive.tolist()) if not ended[row]]
        if not going or number + 1 == max_new_tokens:
            break
        if 2 * len(going) <= len(alive):
            keep = torch.tensor(going, device=first.device)
            cache.batch_select_indices(keep)
            alive, current, mask = alive[keep], current[keep], mask[keep]
        mask = torch.cat([mask, mask.new_ones((len(mask), 1))], dim=1)
        hidden = model.model.language_model(
            input_ids=current[:, None],
            attention_mask=mask,
            position_ids=(mask.sum(1) - 1)[:, None],
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        current = model.lm_head(hidden[:, -1]).argmax(-1)
    return list(zip(tokens, ended, strict=True))
