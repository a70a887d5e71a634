"""A tokenizer of single letters, in which a text can be read back, and small sources."""

from __future__ import annotations

import string
from typing import Any

import pandas as pd
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from mlan.mixture.plan import build_plan
from mlan.mixture.template import Template

IMAGE_TOKENS = 9
SPECIAL = ("<|im_end|>", "<image>")


def letters() -> Tokenizer:
    """Every letter is a token; joining the tokens gives the text."""
    names = [*SPECIAL, *string.printable]
    built = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="~"))
    built.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    built.add_special_tokens(list(SPECIAL))
    return built


def examples(source: str, modality: str, count: int) -> pd.DataFrame:
    """Examples of very different lengths; no two sources have the same."""
    salt = sum(map(ord, source))
    return pd.DataFrame(
        {
            "id": [f"{source}/{n}" for n in range(count)],
            "source": source,
            "modality": modality,
            "image": [f"set/{n}" if modality == "vision" else "" for n in range(count)],
            "turns": [
                [
                    {
                        "user": "q" * (1 + (7 * n + salt) % 23),
                        "assistant": "a" * (1 + (5 * n + salt) % 11),
                    }
                ]
                for n in range(count)
            ],
        }
    )


SOURCES = {
    name: examples(name, modality, count)
    for name, modality, count in (
        ("words", "text", 40),
        ("facts", "text", 30),
        ("pictures", "vision", 50),
    )
}


def plan(
    share: float = 0.5,
    instances: int = 40,
    seed: int = 0,
    repeat: bool = False,
    sources: dict[str, pd.DataFrame] | None = None,
    tokens: int | None = None,
    **tune: Any,
) -> pd.DataFrame:
    """A plan over the three sources; `tune` may set layout, loss_unit, microbatch, ..."""
    mixture = {
        **({"instances": instances} if tokens is None else {"tokens": tokens}),
        "text_share": share,
        "text": {"words": 2.0, "facts": 1.0},
        "vision": {"pictures": 1.0},
        "repeat": repeat,
    }
    rows = {
        "layout": tune.pop("layout", "sorted"),
        "steps": tune.pop("steps", "mixed"),
        "window": 2,
        "capacity": 80,
    }
    settings = {"examples_per_step": 8, "loss_unit": "token", "microbatch": 3, "rows": rows, **tune}
    template = Template("user-assistant", letters(), IMAGE_TOKENS)
    seeds = {"draw": seed, "order": seed}
    return build_plan(mixture, settings, seeds, sources or SOURCES, template, IMAGE_TOKENS)
