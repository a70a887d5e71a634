"""Answer a batch of questions: option likelihoods and a greedy answer from one prefill.

What all questions begin with is computed once. The rest is padded on the left, so that all rows
end together. The last position's logits give the log-likelihood of each option's first token
(options never share one: checked; a free answer has none) and the first greedy token; the answer
goes on from the same keys and values. A tuned model mostly answers with its likeliest option, so
that answer is drafted: one pass over its tokens shows whether greedy decoding would give them.
Only other rows are decoded token by token, and rows that have ended leave the cache once they
are half of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.evaluate.questions import Question
from mlan.model.compose import input_embeddings

# Tokens that a pass over the shared beginning must save: it reads all weights once more.
_WORTHWHILE = 100


@dataclass(frozen=True)
class Answer:
    """Greedy token ids without the end token, and log-likelihoods of labels and choices."""

    ids: list[int]
    ended: bool
    label_scores: list[float]
    choice_scores: list[float] = field(default_factory=list)


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
    hidden, cache, mask = _prefill(model, questions, pictures, end)
    logits = model.lm_head(hidden[:, -1]).float()
    likelihood = logits.log_softmax(-1)
    scores = [likelihood[i, [o[0] for o in q.labels]].tolist() for i, q in enumerate(questions)]
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


@torch.inference_mode()
def choice_scores(
    model: LlavaForConditionalGeneration, question: Question, pictures: Tensor | None
) -> list[float]:
    """Return the log-likelihood of each choice, the sum over its tokens."""
    scores = []
    for choice in question.choices:
        ids = torch.tensor([[*question.ids, *choice[:-1]]], device=model.device)
        hidden = model.model.language_model(
            inputs_embeds=input_embeddings(model, ids, pictures)
        ).last_hidden_state[0, -len(choice) :]
        likelihood = model.lm_head(hidden).float().log_softmax(-1)
        scores.append(float(likelihood[range(len(choice)), choice].sum()))
    return scores


def _prefill(
    model: LlavaForConditionalGeneration,
    questions: list[Question],
    pictures: Tensor | None,
    pad: int,
) -> tuple[Tensor, DynamicCache, Tensor]:
    """Return the hidden states (B, L, E) after the shared beginning, all keys, their mask."""
    language = model.model.language_model
    cache = DynamicCache(config=language.config)
    shared = _shared_beginning(questions, model.config.image_token_id)
    if shared:
        ids = torch.tensor([questions[0].ids[:shared]], device=model.device)
        of_first = pictures
        if pictures is not None:  # shown to all, or to none so early
            seen = model.config.image_token_id in questions[0].ids[:shared]
            own = len(questions[0].pictures)
            of_first, pictures = (pictures[:own], None) if seen else (None, pictures)
        language(
            inputs_embeds=input_embeddings(model, ids, of_first),
            past_key_values=cache,
            use_cache=True,
        )
        cache.batch_repeat_interleave(len(questions))
    ids, mask = _left_padded([q.ids[shared:] for q in questions], pad, model.device)
    mask = torch.cat([mask.new_ones((len(mask), shared)), mask], dim=1)
    out = language(
        inputs_embeds=input_embeddings(model, ids, pictures),
        attention_mask=mask,
        position_ids=(mask.cumsum(1) - 1).clamp(min=0)[:, shared:],
        past_key_values=cache,
        use_cache=True,
    )
    return out.last_hidden_state, cache, mask


def _shared_beginning(questions: list[Question], image_token: int) -> int:
    """Tokens that all questions begin with, pictures included; 0 where sharing saves nothing."""
    first = questions[0].ids
    most = min(len(q.ids) for q in questions) - 1  # each keeps one of its own
    same = (all(q.ids[at] == first[at] for q in questions) for at in range(most))
    shared = next((at for at, agree in enumerate(same) if not agree), most)
    several = len({tuple(q.pictures) for q in questions}) > 1
    if image_token in first[:shared] and (several or image_token in first[shared:]):
        shared = first.index(image_token)
    return shared if shared * (len(questions) - 1) >= _WORTHWHILE else 0


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
        if not score:
            continue
        draft = [*question.labels[score.index(max(score))], end]
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


def _left_padded(rows: list[list[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, length - len(row) :] = torch.tensor(row)
        mask[number, length - len(row) :] = 1
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
