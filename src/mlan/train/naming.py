"""Naming after stage 1: does the model prefer the right name of a picture it never saw?

Estimand: over all pictured concepts, the fraction whose own name has a higher mean token
log-likelihood, after the stage-1 prompt and the picture, than each of three random names of
the same kind. Chance is one in four. Pictures are in the evaluation style.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.mixture.template import Template
from mlan.model.compose import input_embeddings
from mlan.model.features import Features

OTHERS = 3
BATCH = 32
COLUMNS = ["concept", "kind", "image", "correct", "own_log_likelihood", "best_other_log_likelihood"]
NO_NAMING = pd.DataFrame(columns=COLUMNS)


def draw_candidates(concepts: pd.DataFrame, seed: int) -> list[list[int]]:
    """For each row, its own place and three places of other names of its kind."""
    rng = np.random.default_rng([seed, 0x4A3E])
    kinds = concepts["kind"].to_numpy()
    candidates = []
    for own in range(len(concepts)):
        others = np.flatnonzero((kinds == kinds[own]) & (np.arange(len(kinds)) != own))
        candidates.append([own, *map(int, rng.choice(others, OTHERS, replace=False))])
    return candidates


@torch.no_grad()
def check_naming(
    model: LlavaForConditionalGeneration,
    template: Template,
    question: str,
    concepts: pd.DataFrame,
    features: Features,
    seed: int,
) -> pd.DataFrame:
    """Return one line a concept: concept, kind, image, correct, own and best other likelihood.

    `concepts` has concept, kind, name, image. The prompt and picture are run once; the four
    names share its keys and values.
    """
    names = [template.answer(name) for name in concepts["name"]]
    candidates = draw_candidates(concepts, seed)
    prompt = template.question(question, picture=True)
    scores = []
    for start in range(0, len(concepts), BATCH):
        rows = range(start, min(start + BATCH, len(concepts)))
        pictures = features.of([concepts["image"].iloc[r] for r in rows])
        options = [[names[c] for c in candidates[r]] for r in rows]
        scores.append(_mean_log_likelihood(model, prompt, pictures, options))
    table = torch.cat(scores).double().numpy()
    best_other = table[:, 1:].max(1)
    return pd.DataFrame(
        {
            "concept": concepts["concept"].to_numpy(),
            "kind": concepts["kind"].to_numpy(),
            "image": concepts["image"].to_numpy(),
            "correct": (table[:, 0] > best_other).astype(int),
            "own_log_likelihood": table[:, 0],
            "best_other_log_likelihood": best_other,
        }
    )


def _mean_log_likelihood(
    model: LlavaForConditionalGeneration,
    prompt: list[int],
    pictures: Tensor,
    options: list[list[list[int]]],
) -> Tensor:
    """Return the mean token log-likelihood of each option after the shared prompt, (B, K)."""
    rows, per_row = len(options), len(options[0])
    ids = torch.tensor([prompt] * rows, device=pictures.device)
    cache = DynamicCache(config=model.model.language_model.config)
    language = model.model.language_model
    out = language(
        inputs_embeds=input_embeddings(model, ids, pictures), past_key_values=cache, use_cache=True
    )
    first = model.lm_head(out.last_hidden_state[:, -1]).float().log_softmax(-1)
    flat = [option for row in options for option in row]
    length = max(map(len, flat))
    tokens = torch.zeros((len(flat), length), dtype=torch.long, device=ids.device)
    real = torch.zeros((len(flat), length), device=ids.device)
    for i, option in enumerate(flat):
        tokens[i, : len(option)] = torch.tensor(option)
        real[i, : len(option)] = 1
    likelihood = torch.zeros_like(real)
    likelihood[:, 0] = first.repeat_interleave(per_row, 0).gather(1, tokens[:, :1])[:, 0]
    if length > 1:
        cache.batch_repeat_interleave(per_row)
        hidden = language(
            inputs_embeds=model.get_input_embeddings()(tokens[:, :-1]),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        rest = model.lm_head(hidden).float().log_softmax(-1)
        likelihood[:, 1:] = rest.gather(2, tokens[:, 1:, None])[..., 0]
    return ((likelihood * real).sum(1) / real.sum(1)).view(rows, per_row)
