"""Public benchmarks in a study of files, through the real engine as far as their items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.public import picture, write_rows
from tests.hub.loopback import Hub, serving
from tests.workflow.engine import Engine

OWN = {"adapter": "benchmark_set", "dev_share": 0.3}
PICTURES = "results/test/data/images/sight/record.json"
ITEMS = [f"results/test/data/benchmarks/{name}/record.json" for name in ("quiz", "sight")]


def _write(engine: Engine, study: dict[str, Any], **quiz: Any) -> None:
    """The tiny study with a lettered benchmark of text and one of pictures."""
    folder = engine.folder / "config"
    choices = {"text": ["ice", "tea"], "label": ["A", "B"]}
    rows = [
        {"id": f"q{n}", "question_stem": f"What is {n}?", "choices": choices, "answerKey": "B"}
        for n in range(10)
    ]
    write_rows(folder / "quiz.parquet", rows)
    shown = [
        {"question": "Where?", "options": ["a", "b"], "answer": "0", "image": picture(colour)}
        for colour in ("red", "blue", "green")
        for _ in range(2)
    ]
    write_rows(folder / "sight.parquet", shown)
    study["data"]["benchmarks"] |= {
        "quiz": {**OWN, "set": "openbookqa", "path": "quiz.parquet", **quiz},
        "sight": {**OWN, "set": "ai2d", "path": "sight.parquet"},
    }
    engine.write_study(study)


def test_items_and_pictures_are_prepared_from_files(scratch: Engine, study: dict[str, Any]) -> None:
    _write(scratch, study)
    assert scratch.planned(*ITEMS) == {"prepare_benchmark": 2, "prepare_images": 1}
    done = scratch.run(*ITEMS)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = [json.loads((scratch.folder / path).read_text())["facts"] for path in ITEMS]
    assert facts == [
        {"rows": 10, "rejected": 0, "left_out": 0, "clusters": 10, "dev": 3, "test": 7},
        {"rows": 6, "rejected": 0, "left_out": 0, "clusters": 3, "dev": 2, "test": 4},
    ]
    pictures = json.loads((scratch.folder / PICTURES).read_text())["facts"]
    assert pictures == {"rows": 3, "rejected": 0, "unused": 0}
    # How a benchmark is reported decides none of its items.
    _write(scratch, study, headline=False, near=["arc"], taught_by="text")
    assert scratch.planned(*ITEMS) == {}


def test_benchmark_that_asks_too_much_is_refused_before_any_job(
    scratch: Engine, study: dict[str, Any]
) -> None:
    _write(scratch, study, test=9)
    done = scratch.run("--dry-run")
    assert done.returncode != 0
    assert (
        "config/test.yaml: data.benchmarks.quiz.test = 9: the test part has 7 items"
        in (done.stdout + done.stderr).splitlines()
    )


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_files_of_a_hub_are_fetched_for_a_benchmark(
    scratch: Engine, study: dict[str, Any], tmp_path: Path
) -> None:
    _write(scratch, study)
    rows = (scratch.folder / "config" / "quiz.parquet").read_bytes()
    with serving(Hub()) as hub:
        commit = hub.publish("acme/quiz", {"main/test.parquet": rows}, kind="dataset")
        scratch.use_hub(hub.address, tmp_path)
        name = f"hub:datasets/acme/quiz@{commit}"
        _write(scratch, study, repository=name, path="main/absent.parquet")
        done = scratch.run(ITEMS[0])
        assert done.returncode != 0
        told = {line.strip() for line in (done.stdout + done.stderr).splitlines()}
        [line] = [line for line in told if "data.benchmarks.quiz.repository = " in line]
        assert "main/absent.parquet" in line
        _write(scratch, study, repository=name, path="main/test.parquet")
        done = scratch.run(ITEMS[0])
        assert done.returncode == 0, done.stdout + done.stderr
        assert hub.downloads() == ["main/test.parquet"]
    facts = json.loads((scratch.folder / ITEMS[0]).read_text())["facts"]
    assert (facts["dev"], facts["test"]) == (3, 7)
