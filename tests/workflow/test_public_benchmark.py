"""Public benchmarks in a study of files, through the real engine as far as their items."""

from __future__ import annotations

import json
from typing import Any

from tests.data.public import picture, write_rows
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
    assert scratch.planned(*ITEMS) == {}
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
