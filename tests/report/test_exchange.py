"""The exchange form: rows join, parts add up to one, and the numbers are those of the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlan.report.exchange import exchange_tables, write_exchange
from mlan.report.summary import MEASURES, Summary

Build = Callable[..., Summary]


def test_ratios_are_parts_of_examples_and_of_lm_tokens(summary_of: Build) -> None:
    tables = exchange_tables(summary_of(shares=(0.0, 0.25), seeds=(0, 2), others=()))
    assert tables["ratios"]["run"].to_list() == [
        "share-0:0",
        "share-0:2",
        "share-25:0",
        "share-25:2",
    ]
    row = tables["ratios"].set_index("run").loc["share-25:0"]
    # 480 examples, a quarter of them text, two equal sources a modality.
    assert row.to_dict() == {"text-a": 0.125, "text-b": 0.125, "vision-a": 0.375, "vision-b": 0.375}
    # A text example has 34 tokens, a vision example 24 and 9 of its picture.
    tokens = tables["ratios_tokens"].set_index("run").loc["share-25:0"]
    assert tokens["text-a"] == pytest.approx(60 * 34 / (120 * 34 + 360 * 33))
    none = tables["ratios"].set_index("run").loc["share-0:0"]
    assert (none["text-a"], none["vision-a"]) == (0, 0.5)
    for name in ("ratios", "ratios_tokens"):
        sums = tables[name].drop(columns="run").sum(axis=1)
        assert sums.to_list() == pytest.approx([1] * 4)


def test_metrics_are_the_strict_test_scores_of_the_same_runs(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 0.5), others=("packed-rows",))
    tables = exchange_tables(summary)
    metrics = tables["metrics"].set_index("run")
    assert metrics.index.to_list() == tables["ratios"]["run"].to_list()
    assert metrics.columns.to_list() == [b.name for b in summary.benchmarks]
    for row in summary.scores("flag", MEASURES["strict"]):
        if row["cell"] != "untuned":
            assert metrics.loc[f"{row['cell']}:{row['seed']}", "flag"] == row["value"]
    assert not any(run.startswith("untuned") for run in metrics.index)


def test_run_without_a_score_is_no_row(summary_of: Build) -> None:
    tables = exchange_tables(summary_of(missing=frozenset({(0.25, 1)})))
    assert "share-25:1" not in set(tables["metrics"]["run"])
    assert "share-25:1" not in set(tables["ratios"]["run"])
    assert "share-25:0" in set(tables["ratios"]["run"])


def test_written_files_read_back_and_equal_bytes(summary_of: Build, tmp_path: Path) -> None:
    summary = summary_of()
    first = [path.read_bytes() for path in write_exchange(summary, tmp_path / "a")]
    second = [path.read_bytes() for path in write_exchange(summary, tmp_path / "b")]
    assert first == second
    ratios = pd.read_csv(tmp_path / "a" / "ratios.csv")
    assert ratios.columns[0] == "run"
    assert ratios.drop(columns="run").sum(axis=1).to_list() == pytest.approx([1] * len(ratios))
