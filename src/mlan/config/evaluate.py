"""Config of how every run is asked: scorers, prompts and conditions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlan.config.section import Section

Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
PARTS: tuple[Literal["dev", "test"], ...] = ("dev", "test")
# Every form of item has a prompt of each name; see `mlan.evaluate.prompts`.
PromptName = Literal["default", "before", "after", "short", "mlan"]
ScorerName = Literal["generate", "label_logit", "choice_logprob"]
Scorers = Annotated[list[ScorerName], Field(min_length=1)]
SCORERS: tuple[ScorerName, ...] = ("generate", "label_logit")


class Condition(Section):
    """What the model is shown beside the question, and how it is led to an answer."""

    image: Literal["real", "blank", "other"] = Field(
        description="`real`: the item's picture; `blank`: a plain white one (blind control); "
        "`other`: that of another item of the benchmark and part, drawn by `evaluate.seed`."
    )
    parts: list[Literal["dev", "test"]] = Field(
        min_length=1, description="Parts of the benchmarks that are asked in this condition."
    )
    seeds: Seeds | None = Field(None, description="Seeds that are asked; left out: all.")
    models: Literal["all", "untuned"] = Field(
        "all", description="Runs that are asked: `all`, or the `untuned` model alone."
    )
    primer: bool = Field(
        False, description='Whether the answer is begun for the model: The best answer is ".'
    )
    option_order: Literal["given", "shuffled"] = Field(
        "given", description="Order of listed options; `shuffled` by `evaluate.seed` and the item."
    )
    shots: int = Field(
        0,
        ge=0,
        description="Items of the dev part that are shown first with their answers, as earlier "
        "turns; never of the asked item's cluster.",
    )
    prompt: PromptName | None = Field(
        None, description="Prompt in place of the benchmark's own; left out: the benchmark's."
    )
    gold_prompts: bool = Field(
        False,
        description="Whether a free answer is asked for as yes or no where that is the right one. "
        "This tells the model about the answer, as the paper's harness does; the "
        "condition's name says `leaking`.",
    )

    @property
    def name(self) -> str:
        """The condition's name in every table: the image, then what is not as by default."""
        marks = {
            "primer": self.primer,
            "shuffled": self.option_order == "shuffled",
            f"{self.shots}shot{'s' * (self.shots > 1)}": self.shots > 0,
            str(self.prompt): self.prompt is not None,
            "leaking": self.gold_prompts,
        }
        return "+".join([self.image, *(mark for mark, there in marks.items() if there)])

    @property
    def drawn(self) -> bool:
        """Whether `evaluate.seed` decides anything."""
        return self.image == "other" or self.option_order == "shuffled" or self.shots > 0


class Evaluate(Section):
    """How every run is measured; greedy, and zero-shot unless a condition shows examples."""

    conditions: list[Condition] = Field(
        default=[
            Condition(image="real", parts=["dev", "test"]),
            Condition(image="blank", parts=["dev"]),
        ],
        description="Conditions; an image that is not `real` is for vision benchmarks only. "
        "`seeds` of a condition limits it to some seeds, `models: untuned` to the untuned model.",
    )
    scorers: Scorers = Field(
        list(SCORERS),
        description="`generate`: the greedy answer; `label_logit`: likelihood of each offered "
        "answer's first token; `choice_logprob`: of each option's whole text as the continuation "
        "of the bare question.",
    )
    seed: int = Field(
        0, ge=0, description="Seed of other pictures, shuffled options and shown examples."
    )
    max_new_tokens: int = Field(8, ge=1, description="Longest greedy answer in tokens.")
    batch: int = Field(48, ge=1, description="Items of one forward pass.")
    batch_tokens: int = Field(
        32_768,
        ge=1,
        description="Tokens of one forward pass at most, padding included: long items, fewer of "
        "them.",
    )
    recheck: int = Field(
        0,
        ge=0,
        description="Questions of a run that are asked once more, each by itself; the record says "
        "how many outcomes flip.",
    )

    def asked_in(self, seed: int, kind: str = "tuned") -> list[Condition]:
        """Return the conditions of a run as they would be written for it alone.

        `kind` is that of its cell. A condition that `seeds` or `models` has split is one again,
        so that leaving a part out of some runs changes nothing for the others.
        """
        split = {c.name for c in self.conditions if c.seeds is not None or c.models != "all"}
        asked = [
            c
            for c in self.conditions
            if (c.seeds is None or seed in c.seeds) and c.models in ("all", kind)
        ]
        found: list[Condition] = []
        for condition in asked:
            parts = condition.parts
            same = [c for c in asked if c.name == condition.name]
            if condition.name not in split:
                same = [condition]
            if len(same) > 1:
                parts = [part for part in PARTS if any(part in c.parts for c in same)]
            if condition is same[0]:
                alone = {"parts": parts, "seeds": None, "models": "all"}
                found.append(condition.model_copy(update=alone))
        return found

    def limits(self) -> dict[tuple[str, str], list[int]]:
        """Return the seeds of every condition and part that is not asked in all tuned runs."""
        named: dict[tuple[str, str], list[list[int] | None]] = {}
        for condition in self.conditions:
            seeds = condition.seeds if condition.models == "all" else []
            for part in condition.parts:
                named.setdefault((condition.name, part), []).append(seeds)
        return {
            key: sorted({seed for seeds in found for seed in seeds or ()})
            for key, found in named.items()
            if None not in found
        }
