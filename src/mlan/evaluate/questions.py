"""What is asked: one prompt of one item under one condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlan.data.items import offered
from mlan.data.tables import rows_of
from mlan.errors import DataError
from mlan.evaluate.prompts import PROMPTS
from mlan.mixture.template import Template

BLANK = "blank"


@dataclass(frozen=True)
class Question:
    """One prompt, ready to be asked.

    `ids` end at the first place that is predicted. `pictures` are keys in reading order.
    `labels` are the tokens of each offered answer as shown, `choices` those of each option's text
    as a continuation; both empty where not asked for. `max_new_tokens` 0 asks for no answer.
    `order` says which option stands where, empty as given.
    """

    benchmark: str
    item: str
    part: str
    condition: str
    ids: list[int]
    pictures: list[str]
    labels: list[list[int]]
    choices: list[list[int]]
    max_new_tokens: int
    order: list[int]


def questions_of(
    identity: Mapping[str, Any], items: Mapping[str, pd.DataFrame], template: Template
) -> list[Question]:
    """Return all questions of a run, by benchmark, condition and item."""
    found = []
    evaluate = identity["evaluate"]
    for name, benchmark in identity["benchmarks"].items():
        for condition in evaluate["conditions"]:
            blank = condition["image"] == BLANK
            if blank and benchmark["modality"] == "text":
                continue
            chosen = items[name][items[name]["part"].isin(condition["parts"])]
            limit = benchmark.get("max_new_tokens", evaluate["max_new_tokens"])
            for item in rows_of(chosen):
                found.append(_question(name, condition["image"], item, limit, template))
    return found


def _question(
    benchmark: str, condition: str, item: dict[str, Any], limit: int, template: Template
) -> Question:
    options = list(item["options"])
    picture = item["image"] != ""
    shown = BLANK if condition == BLANK else item["image"]
    question = Question(
        benchmark=benchmark,
        item=item["id"],
        part=item["part"],
        condition=condition,
        ids=template.question(PROMPTS[item["form"]](item["question"], options), picture=picture),
        pictures=[shown] if picture else [],
        labels=[template.answer(answer) for answer in offered(item["form"], options)],
        choices=[],
        max_new_tokens=limit,
        order=[],
    )
    check_labels(question)
    return question


def check_labels(question: Question) -> None:
    """Raise DataError if two labels begin with the same token: likelihood could not choose."""
    if len({label[0] for label in question.labels}) < len(question.labels):
        raise DataError(
            f"item {question.item!r}: two options begin with the same token; "
            "the scorer label_logit needs different first tokens"
        )
