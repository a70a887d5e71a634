"""Official numbers in a table of their own, and in no other one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.records import write_csv, write_record
from mlan.report.official import official_table
from mlan.report.summary import MEASURES, Summary, read_summary
from tests.report.conftest import Grid, identity, write_summary

SHAPE: dict[str, Any] = {
    "benchmarks": ("capital-text", "object"),
    "shares": (0.0, 1.0),
    "seeds": (0, 1),
    "others": (),
}
KEYS = {"modality": "vision", "part": "test", "condition": "real", "n": 80}


def rows(cell: str, seed: int, metric: str, value: float, **changes: Any) -> dict[str, Any]:
    read = {"scorer": "generate", "parser": "official", "metric": metric, "value": value}
    return {"cell": cell, "seed": seed, "benchmark": "object", **KEYS, **read, **changes}


def test_official_table_has_means_over_seeds(tmp_path: Path) -> None:
    grid = Grid(**SHAPE)
    write_summary(tmp_path, grid)
    before = read_summary(tmp_path, identity(grid))
    more = [
        rows("share-0", 0, "f1_yes_mean", 0.8),
        rows("share-0", 1, "f1_yes_mean", 0.9),
        rows("share-100", 0, "f1_yes_mean", 0.5),
        rows("share-100", 1, "f1_yes_mean", float("nan")),
        rows("share-0", 0, "perception", 1234.6),
        rows("untuned", 0, "auroc", 0.75, scorer="label_logit", parser="argmax"),
        rows("untuned", 0, "f1_yes", 0.1, part="dev"),
        rows("untuned", 0, "accuracy", 0.1, benchmark="vision average"),
    ]
    path = tmp_path / "scores.csv"
    write_csv(path, pd.concat([pd.read_csv(path), pd.DataFrame(more)]))
    files = sorted(tmp_path.glob("*.csv"))
    write_record(tmp_path, stage="collect", identity={}, code="0", inputs={}, outputs=files)
    summary = read_summary(tmp_path, identity(grid))
    table = official_table(summary)
    assert table.header == ("benchmark", "metric", "n", "untuned", "0 %", "100 %")
    assert table.rows == (
        ("object", "f1_yes_mean", "80", "–", "85.0", "–"),
        ("object", "perception", "80", "–", "1235", "–"),
        ("object", "auroc", "80", "75.0", "–", "–"),
    )
    for key in MEASURES.values():
        assert summary.scores("object", key) == before.scores("object", key)


def test_official_table_without_rules_is_empty_and_says_so(
    summary_of: Callable[..., Summary],
) -> None:
    table = official_table(summary_of(**SHAPE))
    assert table.rows == ()
    assert table.note == "No benchmark of this study has an official rule."
