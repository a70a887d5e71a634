"""Adapters on rows of real releases, which a clone does not have: skipped without them."""

from __future__ import annotations

import bz2
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.data.own import read
from tests.data.public import questions


def _real() -> Path:
    """MLAN_REAL_DATA, or `shared/data/real` in a folder that holds this one."""
    if "MLAN_REAL_DATA" in os.environ:
        return Path(os.environ["MLAN_REAL_DATA"])
    beside = [parent / "shared" / "data" / "real" for parent in Path(__file__).parents]
    return next((folder for folder in beside if folder.is_dir()), Path("shared/data/real"))


REAL = _real()
SET: dict[str, Any] = {"adapter": "instruction_set"}
QA: dict[str, Any] = {"adapter": "qa", "modality": "text"}
_FLAN = {**QA, "columns": ["question", "answer", "rationale"], "escapes": True}
_CHOICES = ["choice0", "choice1", "choice2", "choice3"]

# Files, source, and the rows that the collection's own list names.
RELEASES: dict[str, tuple[str, dict[str, Any], int]] = {
    "StrategyQA train": ("strategyqa/train.json", {**SET, "set": "strategyqa"}, 2061),
    "StrategyQA dev": ("strategyqa/dev.json", {**SET, "set": "strategyqa"}, 229),
    "CommonsenseQA": ("commonsenseqa/*.jsonl", {**SET, "set": "commonsenseqa"}, 9741),
    "CosmosQA": ("cosmosqa/valid.csv", {**SET, "set": "cosmosqa"}, 2985),
    "FLAN chain of thought": ("flan_cot/*.tsv", _FLAN, 33_443),
    "MMLU": ("mmlu/*.csv", {**QA, "options": _CHOICES, "answer_is": "index"}, 14_042),
    "POPE": (
        "pope/*.json",
        {
            "adapter": "qa",
            "modality": "vision",
            "image_folder": "coco",
            "question": "text",
            "answer": "label",
            "kind": "yes_no",
            "id": "question_id",
        },
        9000,
    ),
}


@pytest.mark.parametrize("name", RELEASES)
def test_every_row_of_a_release_is_read(name: str) -> None:
    pattern, source, count = RELEASES[name]
    files = sorted(REAL.glob(pattern))
    if not files:
        pytest.skip(f"no {pattern} in {REAL}; set MLAN_REAL_DATA to a folder that has it")
    rows, dropped = read(files, **source)
    print(name, len(rows), dict(Counter(row.reason for row in dropped)))
    assert len(rows) + len(dropped) == count
    # POPE asks some questions in all three of its parts.
    assert {row.reason for row in dropped} <= {"duplicate of an earlier row"}
    assert len({row.id for row in rows}) == len(rows)


# Benchmark, files, and the rows that the collection's own list names.
BENCHMARKS: dict[str, tuple[str, int]] = {
    "mmlu": ("mmlu/*.csv", 14_042),
    "pope": ("pope/*.json", 9000),
    "cosmosqa": ("cosmosqa/valid.csv", 2985),
    "strategyqa": ("strategyqa/dev.json", 229),
    "commonsenseqa": ("commonsenseqa/*.jsonl", 9741),
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_row_of_a_benchmark_is_asked(name: str) -> None:
    pattern, count = BENCHMARKS[name]
    files = sorted(REAL.glob(pattern))
    if not files:
        pytest.skip(f"no {pattern} in {REAL}; set MLAN_REAL_DATA to a folder that has it")
    folder = {"image_folder": "coco"} if name == "pope" else {}
    found = questions(name, *files, **folder)
    assert (len(found.items), found.dropped, found.left_out) == (count, [], 0)
    categories = Counter(item.posed.category for item in found.items)
    if name == "mmlu":
        assert len(categories) == 57
        assert categories["professional_law"] == 1534
    if name == "pope":
        assert categories == {"random": 3000, "popular": 3000, "adversarial": 3000}
        assert len({item.cluster for item in found.items}) == 500
        assert Counter(item.posed.golds[0] for item in found.items) == {"yes": 4500, "no": 4500}


def test_every_item_of_hellaswag_is_asked(tmp_path: Path) -> None:
    """The collection has six lines an item: context with its activity, label, four endings."""
    file = REAL / "hellaswag" / "hellaswag_val_full.txt.bz2"
    if not file.is_file():
        pytest.skip(f"no {file}; set MLAN_REAL_DATA to a folder that has it")
    lines = bz2.decompress(file.read_bytes()).decode().splitlines()
    with (tmp_path / "rows.jsonl").open("w") as stream:
        for number, start in enumerate(range(0, len(lines), 6)):
            activity, _, context = lines[start].partition(": ")
            row = {
                "ind": number,
                "activity_label": activity,
                "ctx": context,
                "endings": lines[start + 2 : start + 6],
                "label": lines[start + 1],
                "source_id": f"row~{number}",
            }
            stream.write(json.dumps(row) + "\n")
    found = questions("hellaswag", tmp_path / "rows.jsonl")
    assert (len(found.items), found.dropped) == (10_042, [])
    assert found.items[0].posed.golds == ["D"]
    assert found.items[0].posed.question == ("Roof shingle removal: A man is sitting on a roof. he")


def test_answers_of_real_rows_are_those_of_the_release() -> None:
    file = REAL / "commonsenseqa" / "train_rand_split.jsonl"
    if not file.is_file():
        pytest.skip(f"no {file}; set MLAN_REAL_DATA to a folder that has it")
    rows, _ = read(file, **SET, set="commonsenseqa")
    second = rows[1]
    assert second.id == "61fe6e879ff18686d7552425a36344c8"
    assert second.turns[0]["assistant"] == "B"
    assert second.turns[0]["user"].split("\n")[1:] == [
        "A race track",
        "B populated areas",
        "C the desert",
        "D apartment",
        "E roadblock",
    ]
