"""The mix stage: prepared sources and a tokenizer in, plan and accounting out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlan.errors import DataError, IntegrityError
from mlan.mixture.mix import mix
from mlan.records import (
    checked,
    read_checked,
    read_record,
    write_bytes,
    write_parquet,
    write_record,
)
from mlan.stage import Job
from tests.mixture.example import IMAGE_TOKENS, SOURCES, letters, plan

IDENTITY: dict[str, Any] = {
    "mixture": {
        "instances": 40,
        "text_share": 0.5,
        "text": {"words": 2.0, "facts": 1.0},
        "vision": {"pictures": 1.0},
        "repeat": False,
    },
    "tune": {
        "examples_per_step": 8,
        "loss_unit": "token",
        "microbatch": 3,
        "rows": {"layout": "sorted", "steps": "mixed", "window": 2, "capacity": 80},
    },
    "template": "user-assistant",
    "seeds": {"draw": 0, "order": 0},
}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    inputs = {}
    for name, frame in SOURCES.items():
        folder = inputs[f"source:{name}"] = tmp_path / name
        write_parquet(folder / "examples.parquet", frame)
        _record(folder, "examples.parquet")
    backbone = inputs["backbone"] = tmp_path / "backbone"
    write_bytes(backbone / "tokenizer.json", letters().to_str().encode())
    write_bytes(backbone / "config.json", json.dumps({"image_seq_length": IMAGE_TOKENS}).encode())
    _record(backbone, "tokenizer.json", "config.json")
    return Job("mix", copy.deepcopy(IDENTITY), "c0de", tmp_path / "out", inputs)


def _record(folder: Path, *names: str) -> None:
    outputs = [folder / name for name in names]
    write_record(folder, stage="x", identity={}, code="", inputs={}, outputs=outputs)


def test_plan_and_accounting_are_written_with_their_record(job: Job) -> None:
    mix(job)
    table = read_checked(job.out / "plan.parquet")
    pd.testing.assert_frame_equal(table, plan())
    books = pd.read_csv(checked(job.out / "accounting.csv"))
    facts = read_record(job.out)["facts"]
    assert facts["examples"] == books["examples"].sum() == 40
    assert facts["steps"] == 5
    assert facts["tokens"] == books["text_tokens"].sum() + books["image_tokens"].sum()
    padding = books["padding_tokens"].sum()
    assert facts["padding_share"] == pytest.approx(padding / (padding + facts["tokens"]), abs=1e-6)


def test_budget_of_tokens_is_met_and_the_rest_told(job: Job) -> None:
    del job.identity["mixture"]["instances"]
    job.identity["mixture"]["tokens"] = 1000
    mix(job)
    pd.testing.assert_frame_equal(read_checked(job.out / "plan.parquet"), plan(tokens=1000))
    books = pd.read_csv(checked(job.out / "accounting.csv"))
    facts = read_record(job.out)["facts"]
    assert facts["tokens"] == books["text_tokens"].sum() + books["image_tokens"].sum()
    assert facts["tokens_short"] == 1000 - facts["tokens"]
    assert facts["examples"] != 40


def test_equal_jobs_write_equal_bytes(job: Job) -> None:
    mix(job)
    first = {path.name: path.read_bytes() for path in job.out.iterdir() if path.name != "run.json"}
    mix(job)
    assert {name: (job.out / name).read_bytes() for name in first} == first


@pytest.mark.parametrize(
    "name", ["words/examples.parquet", "backbone/config.json", "backbone/tokenizer.json"]
)
def test_changed_input_is_refused(job: Job, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        mix(job)
    assert not (job.out / "record.json").exists()


def test_source_that_is_too_small_is_named(job: Job) -> None:
    job.identity["mixture"]["instances"] = 400
    with pytest.raises(DataError, match="source 'words' has 40 examples"):
        mix(job)
