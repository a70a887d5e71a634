"""What `keep` does in the real engine: weights go, and nothing runs again because of it."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.engine import Engine

WEIGHTS = ("adapter.safetensors", "projector.safetensors")
RUN = "results/test/cells/text50/seed0"


@pytest.fixture
def copied(finished: Engine, study: dict[str, Any], tmp_path: Path) -> Engine:
    """The finished study with results of its own, for tests that drop some."""
    made = copy.copy(finished)
    made.folder = tmp_path / "copy"
    shutil.copytree(finished.folder, made.folder, symlinks=True)
    made.write_study(study)
    return made


def keep(engine: Engine, study: dict[str, Any], how: str) -> None:
    engine.write_study({**study, "keep": how})


def kept(engine: Engine) -> set[str]:
    """Cells whose weights are on disk."""
    found = engine.results("cells").glob(f"*/seed0/weights/{WEIGHTS[0]}")
    return {path.parents[2].name for path in found}


def test_dropped_weights_rerun_nothing_and_are_not_invented_again(
    copied: Engine, study: dict[str, Any]
) -> None:
    assert kept(copied) == {"text0", "text50", "text100"}
    keep(copied, study, "scores")
    assert copied.planned() == {"prune": 3}
    done = copied.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept(copied) == set()
    assert copied.planned() == {}

    # All may stay again: what is gone stays gone.
    copied.write_study(study)
    assert copied.planned() == {}
    assert kept(copied) == set()

    # A later need: one line, then the command that it names.
    study["data"]["benchmarks"]["t_capital"]["dev"] = 3
    copied.write_study(study)
    failed = copied.run(f"{RUN}/scores/record.json")
    assert failed.returncode != 0
    log = copied.results("logs", "predict", "text50_0.log").read_text().splitlines()
    assert [line for line in log if line.startswith("predict: ")] == [
        f"predict: {RUN}/weights/adapter.safetensors: dropped by `keep: scores`; "
        "`make cell STUDY=test CELL=text50 SEED=0` trains this run again"
    ]
    again = copied.run(f"{RUN}/scores/record.json", "-R", f"{RUN}/weights/record.json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert kept(copied) == {"text50"}


def test_best_keeps_one_cell_and_reruns_nothing(copied: Engine, study: dict[str, Any]) -> None:
    keep(copied, study, "best")
    done = copied.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(kept(copied)) == 1
    assert copied.planned() == {}
