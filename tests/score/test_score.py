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

TEXT = {"modality": "text"}
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
    return with_columns(frame).assign(**changes)


def with_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Predictions whose options were shown in their order, without likelihoods of whole texts."""
    for name in ("choice_scores", "choice_tokens", "order"):
        frame[name] = [[] for _ in range(len(frame))]
    return frame


def test_score_benchmark_known_outcomes() -> None:
    scored = score_benchmark("capital", TEXT, items(), predictions())
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
    one = score_benchmark("capital", TEXT, items(), predictions()).frame
    two = score_benchmark("capital", TEXT, items(), predictions().iloc[::-1]).frame
    pd.testing.assert_frame_equal(one, two)


def test_score_benchmark_condition_on_one_part_is_complete() -> None:
    dev = predictions().iloc[:1].assign(condition="blank")
    both = pd.concat([predictions(), dev])
    rows = score_benchmark("capital", TEXT, items(), both).frame
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
            "predictions of capital: item 'i1' has NaN among its option scores",
        ),
    ],
)
def test_score_benchmark_refuses_and_names_the_first_item(
    frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        score_benchmark("capital", TEXT, items(), frame)


def test_score_benchmark_refuses_items_that_stand_twice() -> None:
    doubled = pd.concat([items(), items().iloc[:1]])
    with pytest.raises(DataError, match="items of capital: item 'i1' stands twice"):
        score_benchmark("capital", TEXT, doubled, predictions())


def test_score_benchmark_refuses_a_gold_that_is_no_option() -> None:
    wrong = as_set_items(stored().assign(gold=["Paris", "Oslo", "Madrid"]))
    with pytest.raises(DataError, match="item 'i2': gold 'Oslo' is not one of"):
        score_benchmark("capital", TEXT, wrong, predictions())


def public(form: str, options: list[list[str]], golds: list[list[str]]) -> pd.DataFrame:
    """Items of a public benchmark, all of part test."""
    count = len(golds)
    return pd.DataFrame(
        {
            "id": [f"i{n}" for n in range(count)],
            "part": "test",
            "cluster": "one",
            "form": form,
            "question": "?",
            "category": "",
            "pair": "",
            "options": options,
            "golds": golds,
        }
    )


def told(texts: list[str], scores: list[list[float]]) -> pd.DataFrame:
    frame = pd.DataFrame({"item": [f"i{n}" for n in range(len(texts))], "text": texts})
    return with_columns(
        frame.assign(part="test", condition="real", ended=True, label_scores=scores)
    )


def test_letters_are_scored_as_answers_of_their_own() -> None:
    asked = public("letter", [["same", "same", "other"]] * 3, [["B"], ["C"], ["C"]])
    given = told(["B", "C: other", "same"], [[-1.0, -3, -2], [-1.0, -3, -2], [-3.0, -2, -1]])
    rows = score_benchmark("quiz", TEXT, asked, given).frame
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
        "vqa",
        {"modality": "vision"},
        public("brief", [[], []], golds),
        told(["The desk.", ""], [[], []]),
    ).frame
    found = list(frame[["item", "parser", "correct", "invalid"]].itertuples(index=False, name=None))
    assert found == [
        ("i0", "strict", 0.0, False),
        ("i0", "lenient", 1.0, False),
        ("i1", "strict", 0.0, True),
        ("i1", "lenient", 0.0, True),
    ]
    assert frame["chance"].isna().all()


def of(frame: pd.DataFrame, parser: str, column: str) -> list[Any]:
    return [*frame[frame["parser"] == parser][column]]


def test_official_rule_is_scored_beside_ours() -> None:
    asked = public("yes_no", [["yes", "no"]] * 3, [["yes"], ["no"], ["yes"]])
    asked = asked.assign(category=["random", "random", "popular"])
    given = told(["Yes, it is", "nothing", ""], [[-1.0, -3], [-2.0, -1.5], [-4.0, -1]])
    entry = {"modality": "vision", "rule": "pope"}
    frame = score_benchmark("pope", entry, asked, given).frame
    assert list(frame.columns) == COLUMNS
    assert [*frame["parser"][:4]] == ["strict", "lenient", "official", "argmax"]
    assert of(frame, "strict", "read") == ["", "", ""]
    assert of(frame, "lenient", "read") == ["yes", "", ""]
    # POPE's rule: whatever does not deny is a yes.
    assert of(frame, "official", "read") == ["yes", "yes", "yes"]
    assert of(frame, "official", "correct") == [1, 0, 1]
    assert of(frame, "argmax", "yes_score") == [2, -0.5, -3]
    assert frame["yes_score"][frame["parser"] != "argmax"].isna().all()
    assert of(frame, "argmax", "gold") == ["yes", "no", "yes"]
    assert of(frame, "argmax", "category") == ["random", "random", "popular"]


def test_partial_credit_is_kept() -> None:
    asked = public("brief", [[]], [["red"] * 3 + ["blue"] * 7])
    entry = {"modality": "vision", "rule": "textvqa"}
    frame = score_benchmark("textvqa", entry, asked, told(["Red"], [[]])).frame
    assert of(frame, "official", "correct") == pytest.approx([0.9])


def test_options_are_ranked_by_sum_byte_and_token() -> None:
    asked = public("letter", [["ab", "abcdefgh", "é"]], [["B"]])
    given = told([""], [[-1.0, -2, -3]]).assign(
        # By byte: -2, -1, -2; by token: -4, -2, -1.
        choice_scores=[[-4.0, -8.0, -4.0]],
        choice_tokens=[[1, 4, 4]],
    )
    entry = {"modality": "text", "scorers": ["choice_logprob"]}
    frame = score_benchmark("quiz", entry, asked, given).frame
    found = list(frame[["scorer", "parser", "read", "correct"]].itertuples(index=False, name=None))
    assert found == [
        ("choice_logprob", "sum", "A", 0.0),  # a tie with C: the first option
        ("choice_logprob", "per_byte", "B", 1.0),
        ("choice_logprob", "per_token", "C", 0.0),
    ]


def test_scores_of_shuffled_options_are_those_of_the_item() -> None:
    asked = public("letter", [["cat", "dog", "cow"]] * 2, [["A"], ["C"]])
    # Shown: A dog, B cow, C cat.
    given = told(["C", "A: dog"], [[-3.0, -2, -1], [-1.0, -2, -3]]).assign(
        order=[[1, 2, 0]] * 2,
        choice_scores=[[-9.0, -5, -7], [-9.0, -5, -7]],
        choice_tokens=[[3, 1, 1], [3, 1, 1]],
    )
    entry = {
        "modality": "text",
        "rule": "arc",
        "scorers": ["generate", "label_logit", "choice_logprob"],
    }
    frame = score_benchmark("arc", entry, asked, given).frame
    assert of(frame, "strict", "read") == ["A", ""]
    assert of(frame, "strict", "correct") == [1, 0]
    assert of(frame, "lenient", "read") == ["A", "B"]
    assert of(frame, "official", "read") == ["A", ""]
    assert of(frame, "argmax", "read") == ["A", "B"]
    assert of(frame, "sum", "read") == ["C", "C"]
    assert of(frame, "per_token", "read") == ["B", "B"]


def test_shuffled_texts_are_read_as_texts() -> None:
    given = predictions(order=[[3, 2, 1, 0]] * 3)
    frame = score_benchmark("capital", TEXT, items(), given).frame
    assert of(frame, "lenient", "read") == ["Madrid", "Paris", ""]
    # i1: Madrid and Rome, shown first, are equally likely: the first of the item's own order.
    assert of(frame, "argmax", "read") == ["Paris", "Rome", "Madrid"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"choice_scores": [[-1.0, -2]]}, "item 'i0' has 2 choice scores for 3 options"),
        (
            {"choice_scores": [[-1.0, float("nan"), -2]]},
            "item 'i0' has NaN among its choice scores",
        ),
        ({"choice_tokens": [[1]]}, "item 'i0' has 1 token counts for 3 options"),
        ({"order": [[0, 1, 1]]}, "item 'i0' shows options in the order [0, 1, 1]; there are 3"),
    ],
)
def test_likelihoods_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    asked = public("letter", [["x", "y", "z"]], [["B"]])
    given = told([""], [[]]).assign(choice_scores=[[-1.0] * 3], choice_tokens=[[1] * 3])
    entry = {"modality": "text", "scorers": ["choice_logprob"]}
    with pytest.raises(DataError, match=re.escape(f"predictions of quiz: {message}")):
        score_benchmark("quiz", entry, asked, given.assign(**change))


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
