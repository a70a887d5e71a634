"""Answer a batch of questions: option likelihoods and a greedy answer from one prefill.

Rows are padded on the left, so that all rows end together. The last position's logits give
the log-likelihood of each option's first token (options never share one: checked) and the
first greedy token; the answer goes on from the same keys and values. A tuned model mostly
answers with its likeliest option, so that answer is drafted: one pass over its tokens shows
whether greedy decoding would give them. Only other rows are decoded token by token, and rows
that have ended leave the cache once they are half of it.
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
    options: list[list[int]]  # tokens of each option


@dataclass(frozen=True)
class Answer:
    """Greedy token ids without the end token, and the options' log-likelihoods."""

    ids: list[int]
    ended: bool
    option_scores: list[float]


def check_options(question: Question) -> None:
    """Raise DataError if two options begin with the same token: likelihood could not choose."""
    if len({option[0] for option in question.options}) < len(question.options):
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
    scores = [likelihood[i, [o[0] for o in q.options]].tolist() for i, q in enumerate(questions)]
    first = logits.argmax(-1)
    drafts = _drafts(questions, scores, first, end, max_new_tokens)
    greedy = _confirmed(model, cache, mask, drafts)
    rest = [row for row in range(len(questions)) if row not in greedy]
    if rest:
        keep = torch.tensor(rest, device=model.device)
        cache.batch_select_indices(keep)
        decoded = _decode(model, cache, mask[keep], first[keep], end, max_new_tokens)
        greedy |= dict(zip(rest, decoded, strict=True))
    return [Answer(*greedy[row], scores[row]) for row in range(len(questions))]


def _drafts(
    questions: list[Question],
    scores: list[list[float]],
    first: Tensor,
    end: int,
    max_new_tokens: int,
) -> dict[int, list[int]]:
    """Rows whose first greedy token begins their likeliest option, with its tokens and the end."""
    drafts = {}
    for row, (question, score, token) in enumerate(
        zip(questions, scores, first.tolist(), strict=True)
    ):
        draft = [*question.options[score.index(max(score))], end]
        if draft[0] == token and len(draft) <= max_new_tokens:
            drafts[row] = draft
    return drafts


def _confirmed(
    model: LlavaForConditionalGeneration,
    cache: DynamicCache,
    mask: Tensor,
    drafts: dict[int, list[int]],
) -> dict[int, tuple[list[int], bool]]:
    """Return the drafts that greedy decoding gives; leaves the cache as it was."""
    if not drafts:
        return {}
    length = max(map(len, drafts.values())) - 1  # the last token is only predicted
    ids = torch.zeros((len(mask), length), dtype=torch.long, device=mask.device)
    for row, draft in drafts.items():
        ids[row, : len(draft) - 1] = torch.tensor(draft[:-1])
    ends = mask.sum(1, keepdim=True)
    hidden = model.model.language_model(
        input_ids=ids,
        attention_mask=torch.cat([mask, mask.new_ones((len(mask), length))], dim=1),
        position_ids=ends + torch.arange(length, device=mask.device),
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    predicted = model.lm_head(hidden).argmax(-1).tolist()
    cache.crop(-length)
    return {
        row: (draft[:-1], True)
        for row, draft in drafts.items()
        if predicted[row][: len(draft) - 1] == draft[1:]
    }


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
