"""Tokens of runs and cells, and the three meanings of share, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from mlan.evidence.budgets import cell_budgets, run_budgets

COUNTS = ("examples", "text_tokens", "image_tokens", "supervised_tokens", "padding_tokens", "steps")


def row(cell: str, seed: int, source: str, modality: str, *counts: int) -> dict[str, object]:
    """A line of tokens.csv."""
    named = {"cell": cell, "seed": seed, "source": source, "modality": modality}
    return named | dict(zip(COUNTS, counts, strict=True))


TOKENS = pd.DataFrame(
    [
        row("b", 1, "facts", "text", 30, 900, 0, 300, 5, 10),
        row("b", 1, "photos", "vision", 10, 300, 1800, 100, 5, 10),
        row("b", 1, "total", "all", 40, 1200, 1800, 400, 10, 10),
        row("b", 0, "total", "text", 30, 700, 0, 100, 5, 10),
        row("b", 0, "photos", "vision", 10, 300, 1800, 100, 5, 10),
        row("b", 0, "total", "all", 40, 1000, 1800, 200, 12, 10),
        row("a", 0, "facts", "text", 40, 1000, 0, 400, 0, 8),
        row("a", 0, "total", "all", 40, 1000, 0, 400, 0, 8),
    ]
)


def test_run_budgets_add_up_sources_and_keep_the_order_of_cells() -> None:
    runs = run_budgets(TOKENS)
    assert [(run.cell, run.seed) for run in runs] == [("b", "0"), ("b", "1"), ("a", "0")]
    second = runs[1]
    assert (second.lm_tokens, second.supervised_tokens) == (3000, 400)
    assert (second.padding_tokens, second.steps, second.runs) == (10, 10, 1)


def test_shares_in_three_currencies() -> None:
    run = run_budgets(TOKENS)[1]
    assert run.share_of_examples == pytest.approx(30 / 40)
    assert run.share_of_lm_tokens == pytest.approx(900 / 3000)
    assert run.share_of_supervised_tokens == pytest.approx(300 / 400)


def test_source_called_total_is_a_source() -> None:
    run = run_budgets(TOKENS)[0]
    assert run.text_of_text_tokens == 700
    assert run.padding_tokens == 12


def test_cell_budget_is_the_mean_over_its_runs() -> None:
    found = cell_budgets(TOKENS)
    assert list(found) == ["b", "a"]
    assert (found["b"].seed, found["b"].runs) == ("mean", 2)
    assert found["b"].lm_tokens == 2900
    assert found["b"].share_of_lm_tokens == pytest.approx(800 / 2900)
    assert found["a"].share_of_lm_tokens == 1


def test_run_without_examples_has_no_share() -> None:
    empty = pd.DataFrame([row("c", 0, "total", "all", 0, 0, 0, 0, 0, 0)])
    assert math.isnan(run_budgets(empty)[0].share_of_examples)
