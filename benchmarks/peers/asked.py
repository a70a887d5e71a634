"""The same requests for both sides: our questions, and the texts that lm-eval is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.evaluate.engine import Answer, Beginning, answer
from mlan.evaluate.questions import Question, questions
from mlan.evaluate.trees import Shape, batches_of, beginning_of, grow
from mlan.mixture.template import Template

SCORERS = {"long": "choice_logprob", "letter": "label_logit"}


@dataclass(frozen=True)
class Request:
    """One item as text: what is asked, and the continuations whose likelihood is compared."""

    item: str
    context: str
    continuations: list[str]
    gold: int


def questions_of(items: pd.DataFrame, template: Template, kind: str) -> list[Question]:
    """Return a question an item: `long` compares whole options, `letter` their labels."""
    name = str(items["benchmark"].iloc[0])
    entry = {
        "modality": "text",
        "scorers": [SCORERS[kind]],
        "continuation": "text" if name == "hellaswag" else "question",
    }
    identity = {
        "benchmarks": {name: entry},
        "evaluate": {
            "conditions": [{"image": "real", "parts": ["test"]}],
            "max_new_tokens": 0,
        },
    }
    return list(questions(identity, {name: items}, template))


def requests_of(
    items: pd.DataFrame, asked: Sequence[Question], template: Template
) -> list[Request]:
    """Return our questions as texts; special tokens are written out, as a template does."""
    golds = dict(zip(items["id"], items["golds"], strict=True))
    forms = dict(zip(items["id"], items["form"], strict=True))
    found = []
    for question in asked:
        tokens = question.choices or [label[:1] for label in question.labels]
        texts = [template.decode(option) for option in tokens]
        gold = str(golds[question.item][0])
        yes_no = forms[question.item] == "yes_no"
        place = ["yes", "no"].index(gold) if yes_no else ord(gold) - ord("A")
        found.append(Request(question.item, template.decode(question.ids), texts, place))
    return found


def ask(
    model: LlavaForConditionalGeneration,
    asked: Sequence[Question],
    features: torch.Tensor | None,
    end: int,
    *,
    batch: int = 48,
    batch_tokens: int = 1536,
) -> dict[str, Answer]:
    """Answer questions as stage predict does; `features` (P, T, D) by the number of a picture.

    Passes of more tokens than these are slower on a CPU: activations leave its caches.
    """
    shape = Shape(
        model.config.image_token_id,
        model.config.image_seq_length,
        model.config.text_config.hidden_size,
    )
    answers = {}
    beginning = Beginning(beginning_of(asked, shape.image_token))
    for trees in batches_of(grow(asked, shape, batch), batch, batch_tokens):
        shown = [int(picture) for tree in trees for picture in tree.pictures]
        pictures = features[shown] if features is not None else None
        given = answer(model, trees, pictures, end=end, beginning=beginning)
        for tree, of_tree in zip(trees, given, strict=True):
            for question, found in zip(tree.questions, of_tree, strict=True):
                answers[question.item] = found
    return answers
