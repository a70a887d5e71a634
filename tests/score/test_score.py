"""The join of predictions and items: known outcomes, and every way in which it must refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlan.data.items import as_set_items
from mlan.errors import DataError, IntegrityError
from mlan.records import read_checked, read_record, write_parquet, write_record
from mlan.score.score import COLUMNS, score_benchmark, score_run
from mlan.stage import Job

OPTIONS = ["Paris", "London", "Rome", "Madrid"]


def items() -> pd.DataFrame:
    return as_set_items(stored())


def stored() -> pd.DataFrame:
    """The items as embedded benchmarks write them."""
    rows = [("i1", "test", "france"), ("i2", "test", "italy"), ("i3", "dev", "spain")]
    return pd.DataFrame(
        {
            "id": [r[0] for r in rows],
            "benchmark": "capital",
            "part": [r[1] for r in rows],
            "cluster": [r[2] for r in rows],
            "image": "",
            "question": "?",
            "options": [OPTIONS] * 3,
            "gold": ["Paris", "Rome", "Madrid"],
            "category": "",
        }
    )


def predictions(**changes: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "item": ["i3", "i1", "i2"],
            "part": ["dev", "test", "test"],
            "condition": "real",
            "text": [" Madrid", " It is Paris.", "Rome or Paris"],
            "ended": [True, False, True],
            "label_scores": [[-4.0, -3, -2, -1], [-1.0, -1, -2, -3], [-1.0, -2, -3, -4]],
        }
    )
    return frame.assign(**changes)


def test_score_benchmark_known_outcomes() -> None:
    scored = score_benchmark("capital", "text", items(), predictions())
    rows = scored.frame
    assert list(rows.columns) == COLUMNS
    found = list(rows[["item", "parser", "correct", "invalid"]].itertuples(index=False, name=None))
    assert found == [
        ("i3", "strict", 1.0, False),
        ("i3", "lenient", 1.0, False),
        ("i3", "argmax", 1.0, False),
        ("i1", "strict", 0.0, True),
        ("i1", "lenient", 1.0, False),
        ("i1", "argmax", 1.0, False),  # tie of Paris and London: the lower index
        ("i2", "strict", 0.0, True),
        ("i2", "lenient", 0.0, True),
        ("i2", "argmax", 0.0, False),
    ]
    assert set(zip(rows["parser"], rows["scorer"], strict=True)) == {
        ("strict", "generate"),
        ("lenient", "generate"),
        ("argmax", "label_logit"),
    }
    assert set(rows["cluster"]) == {"france", "italy", "spain"}
    assert set(rows["chance"]) == {0.25}
    assert (scored.ties, scored.not_ended) == (1, 1)


def test_score_benchmark_prediction_order_does_not_matter() -> None:
    one = score_benchmark("capital", "text", items(), predictions()).frame
    two = score_benchmark("capital", "text", items(), predictions().iloc[::-1]).frame
    pd.testing.assert_frame_equal(one, two)


def test_score_benchmark_condition_on_one_part_is_complete() -> None:
    dev = predictions().iloc[:1].assign(condition="blank")
    both = pd.concat([predictions(), dev])
    rows = score_benchmark("capital", "text", items(), both).frame
    assert len(rows) == 12
    assert set(rows["item"][rows["condition"] == "blank"]) == {"i3"}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pd.concat([predictions(), predictions().iloc[1:]]),
            "predictions of capital: item 'i1' is predicted twice (2 in all)",
        ),
        (
            predictions().iloc[:2],
            "predictions of capital: item 'i2' has no prediction in part test, condition real",
        ),
        (predictions().iloc[:0], "predictions of capital: empty; run the prediction again"),
        (
            predictions(item=["i3", "i1", "i9"]),
            "predictions of capital: item 'i9' is no item of the benchmark",
        ),
        (
            predictions(part=["dev", "dev", "test"]),
            "predictions of capital: item 'i1' has another part than its item",
        ),
        (
            predictions(label_scores=[[0.0] * 4, [0.0] * 3, [0.0] * 4]),
            "predictions of capital: item 'i1' has 3 option scores for 4 options",
        ),
        (
            predictions(label_scores=[[0.0] * 4, None, [0.0] * 4]),
            "predictions of capital: item 'i1' has 0 option scores for 4 options",
        ),
        (
            predictions(label_scores=[[0.0] * 4, [0.0, float("nan"), 0, 0], [0.0] * 4]),
            "predictions of capital: item 'i1' has an option score that is NaN",
        ),
    ],
)
def test_score_benchmark_refuses_and_names_the_first_item(
    frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        score_benchmark("capital", "text", items(), frame)


def test_score_benchmark_refuses_items_that_stand_twice() -> None:
    doubled = pd.concat([items(), items().iloc[:1]])
    with pytest.raises(DataError, match="items of capital: item 'i1' stands twice"):
        score_benchmark("capital", "text", doubled, predictions())


def test_score_benchmark_refuses_a_gold_that_is_no_option() -> None:
    wrong = as_set_items(stored().assign(gold=["Paris", "Oslo", "Madrid"]))
    with pytest.raises(DataError, match="item 'i2': gold 'Oslo' is not one of"):
        score_benchmark("capital", "text", wrong, predictions())


def public(form: str, options: list[list[str]], golds: list[list[str]]) -> pd.DataFrame:
    """Items of a public benchmark, all of part test."""
    count = len(golds)
    return pd.DataFrame(
        {
            "id": [f"i{n}" for n in range(count)],
            "part": "test",
            "cluster": "one",
            "form": form,
            "options": options,
            "golds": golds,
        }
    )


def told(texts: list[str], scores: list[list[float]]) -> pd.DataFrame:
    frame = pd.DataFrame({"item": [f"i{n}" for n in range(len(texts))], "text": texts})
    return frame.assign(part="test", condition="real", ended=True, label_scores=scores)


def test_letters_are_scored_as_answers_of_their_own() -> None:
    asked = public("letter", [["same", "same", "other"]] * 3, [["B"], ["C"], ["C"]])
    given = told(["B", "C: other", "same"], [[-1.0, -3, -2], [-1.0, -3, -2], [-3.0, -2, -1]])
    rows = score_benchmark("quiz", "text", asked, given).frame
    assert rows.groupby("parser")["correct"].apply(list).to_dict() == {
        "strict": [1.0, 0.0, 0.0],
        "lenient": [1.0, 1.0, 0.0],
        "argmax": [0.0, 0.0, 1.0],
    }
    assert rows.groupby("parser")["invalid"].sum().to_dict() == {
        "strict": 2,
        "lenient": 1,
        "argmax": 0,
    }
    assert set(rows["chance"]) == {1 / 3}


def test_free_answers_have_no_option_scorer_and_no_chance() -> None:
    golds = [["table", "desk", "table"], ["two"]]
    frame = score_benchmark(
        "vqa", "vision", public("brief", [[], []], golds), told(["The desk.", ""], [[], []])
    ).frame
    found = list(frame[["item", "parser", "correct", "invalid"]].itertuples(index=False, name=None))
    assert found == [
        ("i0", "strict", 0.0, False),
        ("i0", "lenient", 1.0, False),
        ("i1", "strict", 0.0, True),
        ("i1", "lenient", 0.0, True),
    ]
    assert frame["chance"].isna().all()


def folder(path: Path, name: str, frame: pd.DataFrame) -> Path:
    write_parquet(path / name, frame)
    write_record(path, stage="fake", identity={}, code="0", inputs={}, outputs=[path / name])
    return path


def job(tmp_path: Path, out: str) -> Job:
    made = Job(
        stage="score",
        identity={"benchmarks": {"capital": {"modality": "text"}}},
        code="0",
        out=tmp_path / out,
        inputs={
            "predictions": folder(tmp_path / "predictions", "capital.parquet", predictions()),
            "items:capital": folder(tmp_path / "capital", "items.parquet", stored()),
        },
    )
    made.begin()
    return made


def test_score_run_writes_outcomes_and_a_record_that_shows_ties(tmp_path: Path) -> None:
    score_run(job(tmp_path, "scores"))
    rows = read_checked(tmp_path / "scores" / "items.parquet")
    assert rows.groupby("parser")["correct"].sum().to_dict() == {
        "argmax": 2.0,
        "lenient": 2.0,
        "strict": 1.0,
    }
    facts = read_record(tmp_path / "scores")["facts"]["capital"]
    assert facts["option_ties"] == 1
    assert facts["not_ended"] == 1
    # Two clusters, outcomes 1 and 0: mean .5, error sqrt(2/1 * (.25 + .25)) / 2 = .5.
    assert facts["scores"]["test/real/lenient"] == {
        "accuracy": 0.5,
        "standard_error": 0.5,
        "invalid_rate": 0.5,
        "n": 2,
    }
    assert facts["scores"]["dev/real/lenient"]["standard_error"] is None


def test_score_run_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    for out in ("one", "two"):
        score_run(job(tmp_path, out))
    for name in ("items.parquet", "record.json"):
        first, second = (tmp_path / out / name for out in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


def test_score_run_refuses_a_changed_file(tmp_path: Path) -> None:
    made = job(tmp_path, "scores")
    write_parquet(tmp_path / "predictions" / "capital.parquet", predictions(text="Paris"))
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        score_run(made)
