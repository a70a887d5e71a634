from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlan.cli.planning import Planner
from mlan.cli.show_diff import Run, compare
from mlan.cli.show_plan import segments
from mlan.grid import Grid
from mlan.records import write_parquet
from tests.cli.example import call, finish, finish_all, run_task


def test_show_plan_marks_exactly_the_answers_and_their_end(grid: Grid) -> None:
    planner = Planner(grid, {})
    template = planner.template(grid.config.recipe)
    turns = [
        {"user": "Who? [[x]]", "assistant": "Zoë"},
        {"user": "Where?", "assistant": "in Málaga"},
    ]

    shown = list(segments(template, template.encode(turns, picture=True)))

    assert shown == [
        ("User:<image x9>\nWho? [[x]]\nAssistant:", False),
        (" Zoë<|im_end|>", True),
        ("\nUser: Where?\nAssistant:", False),
        (" in Málaga<|im_end|>", True),
    ]


def test_show_plan_prints_the_rows_as_they_are_trained_on(
    grid: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    planner = Planner(grid, {})
    plan = planner.plan("text50", 1)
    expected = []
    for line in plan.head(3).itertuples():
        frame = planner.source(str(line.source))
        turn = frame[frame["id"] == line.example]["turns"].iloc[0][0]
        start = "User:<image x9>\n" if line.image else "User: "
        expected.append(f"{start}{turn['user']}\nAssistant:[[ {turn['assistant']}<|im_end|>]]")

    assert call("show", "plan", "text50", "1", "--study", "tiny", "--rows", "3") == 0

    head, *rows = capsys.readouterr().out.split("\n\n")
    assert head == "text50, seed 1: 32 examples in 4 steps; supervised tokens [[like this]]"
    assert [row.split("\n", 1)[1].rstrip("\n") for row in rows] == expected
    assert rows[0].startswith("step 0, row 0, position 0 | ")


def score(grid: Grid, cell: str, answers: dict[str, str], right: set[str]) -> None:
    """Fabricate predictions and scores of one benchmark of a run (seed 0)."""
    items = list(answers)
    base = {"part": "test", "condition": "real"}
    given = pd.DataFrame({"item": items, **base, "text": list(answers.values())})
    lines: list[dict[str, Any]] = [
        {"benchmark": "t_capital", **base, "item": item, "parser": parser, "correct": float(good)}
        for item in items
        # The lenient parser takes everything here: it must play no part.
        for parser, good in (("strict", item in right), ("lenient", True))
    ]
    for stage, name, frame in (
        ("predict", "t_capital", given),
        ("score", "items", pd.DataFrame(lines)),
    ):
        task = run_task(grid, stage, cell, 0)
        write_parquet(task.folder / f"{name}.parquet", frame)
        finish(grid, task)


@pytest.fixture
def two_runs(grid: Grid) -> Grid:
    """Items a to d: both right, only A, only B, both wrong; `dev` is no test item."""
    items = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "dev"],
            "part": ["test"] * 4 + ["dev"],
            "question": [f"Question {n}?" for n in "abcde"],
            "options": [["Rome", "Oslo"]] * 5,
            "gold": ["Rome"] * 5,
        }
    )
    finish_all(grid)
    folder = grid.folder("data", "benchmarks", "t_capital")
    write_parquet(folder / "items.parquet", items)
    from mlan.cost import tasks

    finish(grid, tasks(grid)[folder])
    score(grid, "text0", {"a": "Rome", "b": "Rome", "c": "Oslo", "d": ""}, {"a", "b"})
    score(grid, "text100", {"a": "Rome", "b": "Oslo", "c": "Rome", "d": "Oslo"}, {"a", "c"})
    return grid


def test_show_diff_joins_both_runs_item_by_item(two_runs: Grid) -> None:
    first, second = (
        Run(cell, 0, two_runs.run_folder(cell, 0, "scores")) for cell in ("text0", "text100")
    )

    both = compare(two_runs, "t_capital", first, second).set_index("item")

    assert both["right_a"].to_dict() == {"a": True, "b": True, "c": False, "d": False}
    assert both["right_b"].to_dict() == {"a": True, "b": False, "c": True, "d": False}
    assert both.loc["d", "answer_a"] == ""


def test_show_diff_lists_what_was_gained_and_lost(
    two_runs: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("show", "diff", "text0", "text100", "--study", "tiny", "--benchmark", "t_capital")

    assert call(*words, "--rows", "1") == 0

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "A = text0 seed 0, B = text100 seed 0; test items, greedy answers read strictly",
        "benchmark  items  A right  B right  only A  only B  B - A",
        "t_capital      4        2        2       1       1     +0",
        "",
        "t_capital",
        "Question b? (Rome, Oslo)",
        "  gold     Rome",
        "  A right  Rome",
        "  B wrong  Oslo",
        "and 1 more (--rows 0 shows all)",
        "",
    ]


def test_export_mix_writes_a_plan_that_was_never_run(
    grid: Grid, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mix"
    assert call("export-mix", "text100", str(out), "--study", "tiny", "--format", "chat") == 0
    rows = [json.loads(line) for line in (out / "mixture.jsonl").read_text().splitlines()]
    plan = Planner(grid, {}).plan("text100", 0)
    ids = plan.sort_values(["step", "row", "position"])["example"]
    assert [row["id"].partition("#")[0] for row in rows] == list(ids)
    assert "32 examples in training order, 0 with a picture" in capsys.readouterr().out


def test_export_mix_asks_for_pictures_that_are_not_there(
    grid: Grid, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mix"
    assert call("export-mix", "text50", str(out), "--study", "tiny") == 1
    assert "image set 'train' is not prepared; run snakemake" in capsys.readouterr().err
    assert not out.exists()
