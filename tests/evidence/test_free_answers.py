"""Benchmarks with free answers: no chance, no likelihood, and averages that say so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.evidence.blocks import Block, Cell, Run, read_blocks
from mlan.records import write_parquet, write_record

SCORERS = (("generate", "strict"), ("generate", "lenient"), ("label_logit", "argmax"))
BENCHMARKS: dict[str, dict[str, Any]] = {
    name: {"modality": "vision", "taught_by": None, "headline": True, "near": []}
    for name in ("gqa", "pope")
}


def _rows(name: str, forms: list[bool]) -> list[dict[str, Any]]:
    """Two items a form; `forms` says of each whether it offers two options."""
    return [
        {
            "benchmark": name,
            "modality": "vision",
            "part": "test",
            "condition": "real",
            "item": f"{name}/{number}",
            "cluster": f"coco/{number}",
            "scorer": scorer,
            "parser": parser,
            "correct": float(number % 2),
            "invalid": False,
            "chance": 0.5 if offered else math.nan,
        }
        for number, offered in enumerate(forms)
        for scorer, parser in SCORERS
        if offered or scorer == "generate"
    ]


def _blocks(folder: Path, gqa: list[bool]) -> dict[tuple[str, str], Block]:
    frame = pd.DataFrame([*_rows("gqa", gqa), *_rows("pope", [True, True])])
    write_parquet(folder / "items.parquet", frame)
    outputs = [folder / "items.parquet"]
    write_record(folder, stage="score", identity={}, code="", inputs={}, outputs=outputs)
    run = Run(Cell("text0", "tuned", 0.0, ("sweep",), (0,)), 0, folder, None)
    return {(b.name[0], b.name[5]): b for b in read_blocks([run], BENCHMARKS)}


def test_free_answers_have_no_chance_and_no_average_of_likelihoods(tmp_path: Path) -> None:
    blocks = _blocks(tmp_path, [False, False])
    assert math.isnan(blocks["gqa", "strict"].chance)
    assert blocks["pope", "argmax"].chance == 0.5
    assert math.isnan(blocks["vision average", "strict"].chance)
    assert ("gqa", "argmax") not in blocks
    assert ("vision average", "argmax") not in blocks
    assert {name for name, _ in blocks} == {"gqa", "pope", "vision average"}


def test_benchmark_of_both_kinds_has_a_chance_only_where_options_are_scored(
    tmp_path: Path,
) -> None:
    blocks = _blocks(tmp_path, [True, False, False])
    assert math.isnan(blocks["gqa", "strict"].chance)
    assert (blocks["gqa", "argmax"].chance, blocks["gqa", "argmax"].n) == (0.5, 1)
    assert (blocks["gqa", "strict"].n, blocks["vision average", "argmax"].n) == (3, 3)
