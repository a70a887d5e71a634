"""The card of an exported model: what it was made of, how well it does, whose it is.

Markdown with the front matter that model hubs read. Every number is copied from a finished job;
nothing is estimated here, and what is not known is said. Not here: where the facts are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import yaml

_COUNTS = ("examples", "text_tokens", "image_tokens", "supervised_tokens", "padding_tokens")


@dataclass(frozen=True)
class Licence:
    """Whose something is that the model is derived from."""

    work: str
    licence: str
    attribution: str


@dataclass(frozen=True)
class Score:
    """One benchmark: this run's accuracy, and its cell's with the interval over what it covers."""

    benchmark: str
    measure: str
    n: int
    run: float | None
    cell: float
    low: float
    high: float
    covers: str


@dataclass(frozen=True)
class Card:
    """What a card says. `accounting` is that of the plan, None for a model that was not tuned."""

    study: str
    description: str
    cell: str
    seed: int
    prompt: str
    recipe: Mapping[str, Any]
    accounting: pd.DataFrame | None = None
    order_controlled: bool = True
    base_models: Sequence[str] = ()
    scores: Sequence[Score] = ()
    confidence: float = 0.95
    licences: Sequence[Licence] = ()
    records: Mapping[str, str] = field(default_factory=dict)  # of each job: digest of its record
    needs_mlan: bool = False


def model_card(card: Card) -> str:
    """Return the text of README.md."""
    parts = [
        _front(card),
        f"# {card.cell}, seed {card.seed}, of study {card.study}",
        card.description,
        _loading(card),
        "## Mixture",
        *_mixture(card),
        "## Recipe",
        f"```yaml\n{yaml.safe_dump(dict(card.recipe), sort_keys=False).strip()}\n```",
        "## Scores",
        *_scores(card),
        "## Licences and attributions",
        "The model is derived from these works; keep the attributions when you pass it on.",
        markdown_table(
            ("work", "licence", "attribution"),
            ((one.work, one.licence, one.attribution) for one in card.licences),
        ),
        "## Provenance",
        "SHA-256 of the record of every job that the model stands on; a record holds the digests "
        "of the job's inputs, outputs, config and code.",
        markdown_table(("job", "record"), ((job, f"`{sha}`") for job, sha in card.records.items())),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(card: Card) -> str:
    fields: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": ["llava", "mlan"],
    }
    if card.base_models:
        fields["base_model"] = list(card.base_models)
    return f"---\n{yaml.safe_dump(fields, sort_keys=False)}---"


def _loading(card: Card) -> str:
    first = "import mlan.model  # registers the vision tower\n" if card.needs_mlan else ""
    return (
        f"```python\n{first}from transformers import LlavaForConditionalGeneration\n\n"
        'model = LlavaForConditionalGeneration.from_pretrained("path/to/this/folder")\n```\n\n'
        f"Prompt of a question about a picture:\n\n```text\n{card.prompt}\n```"
    )


def _mixture(card: Card) -> Iterable[str]:
    if card.accounting is None:
        yield "None: this is the model after stage 1."
        return
    books = card.accounting
    header = ("source", "modality", "examples", "epochs", *_COUNTS[1:])
    rows = [
        (
            *(row["source"], row["modality"], row["examples"], f"{row['epochs']:.2f}"),
            *(row[name] for name in _COUNTS[1:]),
        )
        for row in books.to_dict("records")
    ]
    sums = [int(books[name].sum()) for name in _COUNTS]
    yield markdown_table(header, [*rows, ("all", "", sums[0], "", *sums[1:])])
    text = books["modality"] == "text"
    tokens = books["text_tokens"] + books["image_tokens"]
    shares = [
        f"{100 * float(column[text].sum() / column.sum()):.1f} % of {name}"
        for name, column in (
            ("examples", books["examples"]),
            ("tokens", tokens),
            ("supervised tokens", books["supervised_tokens"]),
        )
    ]
    yield f"Text-only: {', '.join(shares)}. Optimiser steps: {int(books['steps'].iloc[0])}."
    if not card.order_controlled:
        yield "**Order not controlled**: an external command was given these examples."


def _scores(card: Card) -> Iterable[str]:
    if not card.scores:
        yield "Not scored yet."
        return
    level = f"{100 * card.confidence:g} %"
    yield f"Accuracy in per cent on the test parts, zero-shot; intervals at {level}."
    header = ("benchmark", "measure", "n", "this run", "cell", "interval", "covers")
    yield markdown_table(
        header,
        (
            (
                *(score.benchmark, score.measure, score.n),
                "–" if score.run is None else f"{100 * score.run:.1f}",
                f"{100 * score.cell:.1f}",
                f"{100 * score.low:.1f} to {100 * score.high:.1f}",
                score.covers,
            )
            for score in card.scores
        ),
    )


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; bars in its texts are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |"
        for line in lines
    )
