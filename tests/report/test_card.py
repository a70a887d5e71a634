"""The model card says what a model is made of, with the numbers of its jobs."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import yaml

from mlan.report.card import Card, Licence, Score, model_card

BOOKS = pd.DataFrame(
    {
        "source": ["t_capital", "v_object"],
        "modality": ["text", "vision"],
        "examples": [6, 18],
        "unique": [6, 9],
        "epochs": [0.25, 2.0],
        "text_tokens": [100, 200],
        "image_tokens": [0, 100],
        "supervised_tokens": [12, 36],
        "padding_tokens": [1, 2],
        "steps": [3, 3],
    }
)
CARD = Card(
    study="small",
    description="A sweep.",
    cell="text25",
    seed=2,
    prompt="User:<image>\n{}\nAssistant:",
    recipe={"mixture": {"text_share": 0.25}},
    accounting=BOOKS,
    base_models=["org/llm", "org/tower"],
    scores=[Score("v_object", "strict", 80, 0.5, 0.525, 0.41, 0.64, "seeds and items")],
    licences=[Licence("twemoji", "CC-BY-4.0", "Twemoji graphics, Twitter, Inc.")],
    records={"mixture": "ab" * 32},
)


def lines(card: Card) -> list[str]:
    return model_card(card).splitlines()


def test_card_has_exact_counts_shares_and_scores_with_n_and_interval() -> None:
    found = lines(CARD)
    assert "| t_capital | text | 6 | 0.25 | 100 | 0 | 12 | 1 |" in found
    assert "| v_object | vision | 18 | 2.00 | 200 | 100 | 36 | 2 |" in found
    assert "| all |  | 24 |  | 300 | 100 | 48 | 3 |" in found
    assert (
        "Text-only: 25.0 % of examples, 25.0 % of tokens, 25.0 % of supervised tokens. "
        "Optimiser steps: 3." in found
    )
    assert "| v_object | strict | 80 | 50.0 | 52.5 | 41.0 to 64.0 | seeds and items |" in found
    assert "| twemoji | CC-BY-4.0 | Twemoji graphics, Twitter, Inc. |" in found
    assert f"| mixture | `{'ab' * 32}` |" in found


def test_front_matter_is_what_a_hub_reads() -> None:
    _, front, _ = model_card(CARD).split("---\n", 2)
    assert yaml.safe_load(front) == {
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": ["llava", "mlan"],
        "base_model": ["org/llm", "org/tower"],
    }


def test_recipe_can_be_read_back() -> None:
    text = model_card(CARD).split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(text) == CARD.recipe


def test_card_says_what_is_not_known_or_not_controlled() -> None:
    assert "Not scored yet." in lines(replace(CARD, scores=[]))
    assert "None: this is the model after stage 1." in lines(replace(CARD, accounting=None))
    told = "**Order not controlled**: an external command was given these examples."
    assert told in lines(replace(CARD, order_controlled=False))
    assert told not in lines(CARD)
    assert any("import mlan.model" in line for line in lines(replace(CARD, needs_mlan=True)))
    assert not any("import mlan.model" in line for line in lines(CARD))
