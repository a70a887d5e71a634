"""From items and conditions to questions in tokens, as the engine answers them.

An item under a condition is one question, or two: `generate` and `label_logit` read the same
request, `choice_logprob` lets each option continue the bare question. Both have the same
(benchmark, item, condition), by which their answers become one prediction. Not here: which
questions share a forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mlan.config.evaluate import SCORERS, Condition, PromptName
from mlan.data.items import offered
from mlan.data.tables import rows_of
from mlan.errors import DataError
from mlan.evaluate.prompts import CLOSING, CONTINUED, PRIMER, worded
from mlan.evaluate.shown import Examples, Item, answer_of, other_pictures, shuffled
from mlan.mixture.template import Template

# Stands for the white picture among keys of image sets, which have a slash.
BLANK = "blank"
_LISTED = ("choose", "letter")  # forms whose request lists the options
_YES_NO = {"yes", "no"}


@dataclass(frozen=True)
class Question:
    """One item under one condition, ready to be asked.

    `ids`: the prompt up to the first place that is predicted. `pictures`: keys in reading order,
    those of examples first, none for text. `labels`: tokens of each offered answer as shown,
    none for a free answer or where likelihood is not asked. `choices`: tokens of each option's
    text as a continuation of `ids`, none unless `choice_logprob` is asked. `max_new_tokens`: 0
    where nothing is generated. `order`: place k shows the item's option order[k]; [] as given.
    """

    benchmark: str
    item: str
    part: str
    condition: str
    ids: list[int]
    pictures: list[str] = field(default_factory=list)
    labels: list[list[int]] = field(default_factory=list)
    choices: list[list[int]] = field(default_factory=list)
    max_new_tokens: int = 0
    order: list[int] = field(default_factory=list)


def questions(
    identity: Mapping[str, Any], items: Mapping[str, pd.DataFrame], template: Template
) -> Iterator[Question]:
    """Yield a run's questions: by benchmark, by condition, in the order of the items.

    `identity` is that of stage predict (`mlan.grid.jobs`). Raises DataError for an item that
    cannot be asked so.
    """
    evaluate = identity["evaluate"]
    for name, benchmark in identity["benchmarks"].items():
        for entry in evaluate["conditions"]:
            condition = Condition(**entry)
            if condition.image == "real" or benchmark["modality"] == "vision":
                asking = _asking(name, benchmark, condition, evaluate, items[name], template)
                for item in rows_of(items[name][items[name]["part"].isin(condition.parts)]):
                    yield from asking.of(item)


def _asking(
    name: str,
    benchmark: Mapping[str, Any],
    condition: Condition,
    evaluate: Mapping[str, Any],
    items: pd.DataFrame,
    template: Template,
) -> _Asking:
    seed = evaluate.get("seed", 0)
    parts = condition.parts if condition.image == "other" else []
    return _Asking(
        benchmark=name,
        condition=condition,
        template=template,
        prompt=condition.prompt or benchmark.get("prompt", "default"),
        scorers=frozenset(benchmark.get("scorers", SCORERS)),
        continued=benchmark.get("continuation", "question"),
        max_new_tokens=benchmark.get("max_new_tokens", evaluate["max_new_tokens"]),
        seed=seed,
        examples=Examples(items, name, condition.shots, seed),
        others={part: other_pictures(items, name, part, seed) for part in parts},
    )


@dataclass(frozen=True)
class _Asking:
    """How a benchmark is asked under one condition."""

    benchmark: str
    condition: Condition
    template: Template
    prompt: PromptName
    scorers: frozenset[str]
    continued: str
    max_new_tokens: int
    seed: int
    examples: Examples
    others: Mapping[str, Mapping[str, str]]

    def of(self, item: Item) -> Iterator[Question]:
        """Yield the questions of an item."""
        order, examples = self._order(item), self.examples.before(item)
        pictures = [shown for each in examples if (shown := each["image"])]
        if item["image"]:
            pictures.append(self._picture(item))
        answers = offered(item["form"], _ordered(item["options"], order))
        labels = answers if "label_logit" in self.scorers else []
        length = self.max_new_tokens if "generate" in self.scorers else 0
        options = list(item["options"]) if "choice_logprob" in self.scorers else []
        if not (labels or length or options):
            raise DataError(
                f"data.benchmarks.{self.benchmark}: item {item['id']!r} wants a free answer; "
                "only scorer generate asks for one"
            )

        def question(ids: list[int], **more: Any) -> Question:
            named = (self.benchmark, item["id"], item["part"], self.condition.name)
            return Question(*named, ids, pictures, order=order, **more)

        if labels or length:
            primer = PRIMER if self.condition.primer else ""
            ids = self._ids(item, examples, self._request, self._answer)
            asked = question(
                [*ids, *self.template.answer(primer)] if primer else ids,
                labels=[self.template.rest(primer, label) for label in labels],
                max_new_tokens=length,
            )
            check_labels(asked)
            yield asked
        if options:
            yield question(
                self._ids(item, examples, self._bare, self._text_of_answer),
                choices=self._choices(item, options, order, first=not examples),
            )

    def _picture(self, item: Item) -> str:
        if self.condition.image == "other":
            return self.others[item["part"]][item["image"]]
        return BLANK if self.condition.image == "blank" else str(item["image"])

    def _order(self, item: Item) -> list[int]:
        if self.condition.option_order == "given" or item["form"] not in _LISTED:
            return []
        return shuffled(len(item["options"]), item["id"], self.seed)

    def _form(self, item: Item) -> str:
        """The form in which an item is asked, told from its gold under `gold_prompts` alone."""
        leaks = self.condition.gold_prompts and item["form"] == "brief"
        told = leaks and answer_of("brief", item, []).strip().lower() in _YES_NO
        return "yes_no" if told else str(item["form"])

    def _request(self, item: Item) -> str:
        options = _ordered(item["options"], self._order(item))
        return worded(self._form(item), self.prompt, item["question"], options)

    def _answer(self, item: Item) -> str:
        answer = answer_of(item["form"], item, self._order(item))
        return f"{PRIMER}{answer}{CLOSING}" if self.condition.primer else answer

    def _bare(self, item: Item) -> str:
        return CONTINUED[self.continued].format(question=item["question"])

    def _text_of_answer(self, item: Item) -> str:
        answer = answer_of(item["form"], item, [])
        texts = dict(zip(offered(item["form"], item["options"]), item["options"], strict=True))
        return str(texts.get(answer, answer))

    def _ids(
        self,
        item: Item,
        examples: Sequence[Item],
        text: Callable[[Item], str],
        answer: Callable[[Item], str],
    ) -> list[int]:
        """The conversation up to the item's answer, examples before it as earlier turns."""
        ids: list[int] = []
        for turn in (*examples, item):
            picture = turn["image"] != ""
            ids += self.template.question(text(turn), picture=picture, first=not ids)
            if turn is not item:
                ids += self.template.reply(answer(turn))
        return ids

    def _choices(
        self, item: Item, options: Sequence[str], order: Sequence[int], *, first: bool
    ) -> list[list[int]]:
        text, picture = self._bare(item), item["image"] != ""
        choices = [
            self.template.continuation(text, option, picture=picture, first=first)
            for option in _ordered(options, order)
        ]
        if not all(choices):
            raise DataError(
                f"data.benchmarks.{self.benchmark}: item {item['id']!r}: an option has no token "
                "of its own behind the question"
            )
        return choices


def _ordered(options: Sequence[str], order: Sequence[int]) -> list[str]:
    return [options[place] for place in order] if order else list(options)


def check_labels(question: Question) -> None:
    """Raise DataError if two answers begin with the same token: likelihood could not choose."""
    if len({label[0] for label in question.labels}) < len(question.labels):
        raise DataError(
            f"item {question.item!r}: two options begin with the same token; "
            "option likelihood needs different first tokens"
        )
