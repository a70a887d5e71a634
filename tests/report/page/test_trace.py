"""The way back is walked by digest: what is listed is what was summed up."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mlan.errors import IntegrityError
from mlan.records import file_digest
from mlan.report.page.trace import Trace, read_trace
from tests.report.page.example import CELLS, GRID, again, page_job, write_run


@pytest.fixture
def root(study_folder: Path, tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    shutil.copytree(study_folder, tmp_path / "small")
    return tmp_path / "small"


def traced(root: Path) -> Trace:
    """The trace of the example's page."""
    return read_trace(page_job(root).inputs)


def summed_up(root: Path) -> None:
    """Write the summary's record once more, over the runs as they are."""
    runs = {
        f"scores:{cell}:{seed}": root / "cells" / cell / f"seed{seed}" / "scores"
        for cell in CELLS
        for seed in GRID.seeds
    }
    again(root / "summary", "collect", runs)


def test_every_run_is_there_with_its_plan_and_all_jobs_behind_it(root: Path) -> None:
    found = traced(root)
    assert [(run.cell, run.seed) for run in found.runs] == [
        (cell, seed) for cell in CELLS for seed in GRID.seeds
    ]
    first = found.runs[0]
    assert [*first.steps] == ["scores", "predictions", "weights", "mixture"]
    folder = root / first.steps["mixture"].place
    assert first.plan == file_digest(folder / "plan.parquet")
    assert first.steps["weights"].digest == file_digest(
        root / first.steps["weights"].place / "record.json"
    )


def test_shared_jobs_are_those_that_some_run_stands_on(root: Path) -> None:
    again(root / "data" / "sources" / "unused", "prepare_source", {})
    places = [step.place for step in traced(root).shared]
    assert places == ["data/sources/text-a"]


@pytest.mark.parametrize("stage", ["scores", "predictions", "weights", "mixture"])
def test_job_that_was_done_again_since_is_an_error(root: Path, stage: str) -> None:
    folder = root / "cells" / CELLS[0] / "seed1" / stage
    record = folder / "record.json"
    record.write_text(record.read_text().replace('"code": "c', '"code": "d'))
    line = re.escape(f"{folder}: is not what {CELLS[0]}:1 was scored from; run the study again")
    with pytest.raises(IntegrityError, match=line):
        traced(root)


def test_mixed_code_shows_both_digests_of_the_stage_and_of_no_other(root: Path) -> None:
    assert {stage: len(codes) for stage, codes in traced(root).codes().items()}["tune"] == 1
    write_run(root, root / "cells" / CELLS[0] / "seed1", right=False, code="d" * 16)
    summed_up(root)
    mixed = {stage: codes for stage, codes in traced(root).codes().items() if len(codes) > 1}
    assert mixed == {"tune": ["c" * 16, "d" * 16]}
