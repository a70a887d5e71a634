"""`mlan score` as it is called: JSON, item scores, mistakes in one line, a start without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mlan.score.metrics import METRICS
from mlan.score.parsers import PARSERS
from mlan.score.rules import RULES
from tests.cli.example import call

ITEMS = [
    {"id": "1", "question": "Is there a dog?", "gold": ["yes"], "split": "random"},
    {"id": "2", "question": "Is there a cat?", "gold": ["no"], "split": "random"},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the two files of the example, one prediction missing."""
    monkeypatch.chdir(tmp_path)
    Path("items.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in ITEMS))
    Path("predictions.jsonl").write_text('{"id": "1", "prediction": "Yes"}\n')
    return tmp_path


FILES = ["--items", "items.jsonl", "--predictions", "predictions.jsonl"]


def test_score_prints_json_and_writes_item_scores(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("score", "--benchmark", "pope", *FILES, "--out", "scores/items.csv") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["benchmark"], found["parser"], found["rule"]) == ("pope", "official", "pope")
    assert found["metrics"]["accuracy"]["value"] == 0.5
    assert (found["n"], found["missing"]) == (2, 1)
    rows = pd.read_csv("scores/items.csv", keep_default_na=False)
    assert [*rows["item"]] == [1, 2]
    assert [*rows["read"]] == ["yes", ""]
    assert [*rows["correct"]] == [1, 0]
    assert [*rows["missing"]] == [False, True]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--benchmark", "pope"], "--items is missing; `mlan score --list` names what there is"),
        (["--benchmark", "pop", *FILES], "benchmark = 'pop': unknown; did you mean 'pope'?"),
        (
            ["--benchmark", "pope", *FILES, "--require-all"],
            "predictions.jsonl: item '2' has no prediction (1 of 2 in all)",
        ),
        (
            ["--benchmark", "pope", "--items", "no.jsonl", "--predictions", "predictions.jsonl"],
            "no.jsonl: No such file or directory",
        ),
        (
            ["--benchmark", "pope", *FILES, "--out", "items.jsonl/x.csv"],
            "items.jsonl/x.csv: ",
        ),
    ],
)
def test_mistake_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert call("score", *words) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"mlan: {line}")
    assert told.err.count("\n") == 1


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("score", "--list") == 0
    words = capsys.readouterr().out.split()
    assert {*RULES, *PARSERS, *METRICS, "official"} <= set(words)


def test_scoring_loads_no_torch(folder: Path) -> None:
    code = (
        "import sys; from mlan.cli.score import run; from pathlib import Path;"
        "run('pope', 'official', Path('items.jsonl'), Path('predictions.jsonl'), None, False);"
        "sys.exit(bool({'torch', 'transformers', 'scipy', 'matplotlib'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
