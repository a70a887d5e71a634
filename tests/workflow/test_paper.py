"""config/paper.yaml itself: planned in seconds, and run to its figures on look-alikes.

Only scale differs from the file: instances, batches, shares, seeds and where weights are
computed. Every repository in it lies on the loopback hub.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.hub.loopback import Hub, serving
from tests.workflow.engine import REPOSITORY, Engine
from tests.workflow.lookalike import publish

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
SHARES = [0.0, 0.875, 1.0]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub()) as served:
        yield served


def _paper() -> dict[str, Any]:
    text = (REPOSITORY / "config" / "paper.yaml").read_text(encoding="utf-8")
    study: dict[str, Any] = yaml.safe_load(text)
    return study


def _smaller(study: dict[str, Any]) -> dict[str, Any]:
    study["seeds"] = [0]
    study["recipe"]["mixture"]["instances"] = 16
    study["recipe"]["align"]["batch"] = 8
    study["recipe"]["tune"] |= {"examples_per_step": 8, "warmup_steps": 1}
    study["experiments"]["sweep"]["vary"]["mixture.text_share"] = SHARES
    study["claims"] = None  # they are of the paper's own shares
    return study


def _mlan(engine: Engine, *arguments: str) -> str:
    program = "import sys; sys.argv[0] = 'mlan'; from mlan.cli import app; app()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=engine.folder,
        env=engine.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_plan_of_the_paper_needs_nothing_on_disk(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "scratch", _paper())
    told = _mlan(engine, "plan", "test", "--gpu", "h100")
    assert "9 tuned cells x seeds 0, 1, 2" in told
    assert "tune 22 (7.2 a seed)" in told
    assert "align 5.8" in told


def test_paper_runs_from_the_hub_to_its_figures(hub: Hub, tmp_path: Path) -> None:
    publish(hub, tmp_path / "repositories")
    engine = Engine(tmp_path / "scratch", _smaller(_paper()))
    engine.use_hub(hub.address, tmp_path)
    _mlan(engine, "lock", "test")
    done = engine.run("prepare")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    asked = len(hub.requests)
    engine.use_hub(hub.address, tmp_path, offline=True)
    done = engine.run()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(hub.requests) == asked, "a stage after fetching used the network"

    scores = pd.read_csv(engine.results("summary", "scores.csv"))
    study = _paper()
    assert set(scores["benchmark"]) >= set(study["data"]["benchmarks"])
    assert scores["cell"].nunique() == len(SHARES) + 1
    assert engine.results("report", "figures", "sweep.png").is_file()
    plan = pd.read_parquet(engine.results("cells", "text100", "seed0", "mixture", "plan.parquet"))
    assert set(plan["modality"]) == {"text"}
    assert plan.groupby("source").size().to_dict() == {
        "squad": 4,
        **dict.fromkeys(("strategyqa", "commonsenseqa", "cosmosqa", "arc"), 3),
    }
