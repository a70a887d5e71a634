"""Adapter `qa`: literal rows and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.data.asked import REQUESTS
from tests.data.own import ANY_JSON, read, reasons, write

QA: dict[str, Any] = {"adapter": "qa", "modality": "text"}


def _turn(tmp_path: Path, row: dict[str, Any], **fields: Any) -> dict[str, str]:
    (kept,), dropped = read(write(tmp_path, "a.json", [row]), **QA, **fields)
    assert dropped == []
    (turn,) = kept.turns
    return turn


def _reason(tmp_path: Path, row: Any, **fields: Any) -> str:
    found = read(write(tmp_path, "a.json", [row]), **QA, **fields)
    ((_, reason),) = reasons(found)
    return reason


def test_question_without_options_is_put_as_it_is(tmp_path: Path) -> None:
    row = {"q": " Capital of France? ", "a": "Paris", "c": "A map."}
    assert _turn(tmp_path, row, question="q", answer="a") == {
        "user": "Capital of France?",
        "assistant": "Paris",
    }
    assert _turn(tmp_path, row, question="q", answer="a", context="c") == {
        "user": "Context: A map.\nCapital of France?",
        "assistant": "Paris",
    }


@pytest.mark.parametrize(
    ("answer", "said"), [(72, "72"), (0.5, "0.5"), (True, "yes"), (False, "no"), (0, "0")]
)
def test_answer_may_be_a_number_or_a_truth_value(tmp_path: Path, answer: Any, said: str) -> None:
    assert _turn(tmp_path, {"question": "?", "answer": answer})["assistant"] == said


def test_kinds_put_their_request_on_the_line_before(tmp_path: Path) -> None:
    row = {"id": "x", "question": "Is it?", "answer": "True"}
    for kind, said in (("yes_no", "yes"), ("brief", "True")):
        turn = _turn(tmp_path, row, kind=kind)
        request, question = turn["user"].split("\n")
        assert request in REQUESTS[kind]  # type: ignore[index]
        assert (question, turn["assistant"]) == ("Is it?", said)


OPTIONS = {
    "list": (["x", "y", "z"], "choices"),
    "list of labelled": (
        [{"label": n, "text": t} for n, t in zip("123", "xyz", strict=True)],
        "choices",
    ),
    "labels and texts": ({"label": ["1", "2", "3"], "text": ["x", "y", "z"]}, "choices"),
    "JSON text": ('["x", "y", "z"]', "choices"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_stand_in_lines_and_the_answer_is_a_letter(tmp_path: Path, case: str) -> None:
    options, column = OPTIONS[case]
    row = {"id": "x", "question": "Which?", "choices": options, "answer": "y"}
    turn = _turn(tmp_path, row, options=column)
    first, *lines = turn["user"].split("\n")
    assert first.removeprefix("Which? ") in REQUESTS["choose"]
    assert lines == ["A x", "B y", "C z"]
    assert turn["assistant"] == "B"


@pytest.mark.parametrize(
    ("answer_is", "answer"), [("index", 1), ("index", "1"), ("letter", "B"), ("letter", "(B)")]
)
def test_answer_is_named_as_the_source_says(tmp_path: Path, answer_is: str, answer: Any) -> None:
    row = {"question": "Which?", "a": "x", "b": 7, "c": "", "answer": answer}
    turn = _turn(tmp_path, row, options=["a", "b", "c"], answer_is=answer_is)
    assert turn["user"].endswith("\nA x\nB 7")
    assert turn["assistant"] == "B"


@pytest.mark.parametrize(
    ("changes", "fields", "reason"),
    [
        ({"answer": None}, {}, "empty answer"),
        ({"question": 5}, {}, "question is a number, not text"),
        ({"question": "\ud800"}, {}, "text is not Unicode"),
        ({"answer": ["x"]}, {}, "answer is a list, not text"),
        ({"answer": float("inf")}, {}, "answer is not a finite number"),
        ({"answer": "perhaps"}, {"kind": "yes_no"}, "answer is neither yes nor no"),
        ({"answer": "z"}, {"options": "o"}, "answer is not exactly one of the options"),
        (
            {"answer": "x", "o": ["x", "x"]},
            {"options": "o"},
            "answer is not exactly one of the options",
        ),
        ({"o": ["x"]}, {"options": "o"}, "not 2 to 26 options"),
        ({"o": "x, y"}, {"options": "o"}, "o is text, not a list"),
        ({"o": ["x", None]}, {"options": "o"}, "o is empty, not text"),
        (
            {"o": {"label": ["A"], "text": ["x", "y"]}},
            {"options": "o"},
            "labels of o do not fit its texts",
        ),
        ({"answer": 2}, {"options": "o", "answer_is": "index"}, "answer is beyond the last option"),
        (
            {"answer": True},
            {"options": "o", "answer_is": "index"},
            "answer is true or false, not a whole number from 0",
        ),
        ({"p": None}, {"options": ["p", "q"]}, "option is empty, not text"),
        ({"c": 5}, {"context": "c"}, "c is a number, not text"),
    ],
)
def test_bad_row_is_dropped_with_its_reason(
    tmp_path: Path, changes: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    row = {"question": "Which?", "answer": "y", "o": ["x", "y"], "p": "x", "q": "y", **changes}
    assert _reason(tmp_path, row, **fields) == reason


def test_row_that_is_no_object_is_dropped(tmp_path: Path) -> None:
    assert _reason(tmp_path, "Which?") == "row is not an object"


def test_wording_depends_on_the_rows_name_not_on_its_place(tmp_path: Path) -> None:
    rows = [{"id": n, "question": f"Is {n} odd?", "answer": bool(n % 2)} for n in range(60)]
    forth, _ = read(write(tmp_path, "a.json", rows), **QA, kind="yes_no")
    back, _ = read(write(tmp_path, "b.json", rows[::-1]), **QA, kind="yes_no")
    assert {r.id: r.turns for r in forth} == {r.id: r.turns for r in back}
    assert {r.turns[0]["user"].split("\n")[0] for r in forth} == set(REQUESTS["yes_no"])


def test_rows_without_id_get_their_wording_from_the_question(tmp_path: Path) -> None:
    rows = [{"question": f"Is {n} odd?", "answer": bool(n % 2)} for n in range(60)]
    forth, _ = read(write(tmp_path, "a.json", rows), **QA, kind="yes_no")
    back, _ = read(write(tmp_path, "b.json", rows[::-1]), **QA, kind="yes_no")
    assert [r.turns for r in forth] == [r.turns for r in back[::-1]]


def test_parquet_gives_the_rows_of_json(tmp_path: Path) -> None:
    rows = [
        {"id": n, "question": f"{n}?", "answer": n % 2, "choices": ["even", "odd"]}
        for n in range(4)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    fields = {**QA, "options": "choices", "answer_is": "index"}
    assert read(tmp_path / "a.parquet", **fields) == read(write(tmp_path, "a.json", rows), **fields)


def test_rows_with_a_picture_are_the_vision_part(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "What?", "answer": "It.", "file": "a.jpg"},
        {"id": "b", "question": "2 + 2?", "answer": "4"},
    ]
    path = write(tmp_path, "a.json", rows)
    (text,), _ = read(path, **QA, image="file")
    (vision,), _ = read(path, adapter="qa", modality="vision", image="file", image_folder="photos")
    assert (text.id, text.image, vision.id, vision.image) == ("b", "", "a", "a.jpg")


_ROW = ANY_JSON | st.fixed_dictionaries(
    {
        "question": st.just("Which?") | ANY_JSON,
        "answer": st.sampled_from(["x", "yes", "A", 0, 1.5, True]) | ANY_JSON,
        "o": st.just(["x", "y"]) | ANY_JSON,
        "p": ANY_JSON | st.just("x"),
        "c": ANY_JSON,
    },
    optional={"id": ANY_JSON},
)
_FIELDS: list[dict[str, Any]] = [
    {},
    {"kind": "yes_no"},
    {"context": "c"},
    {"options": "o"},
    {"options": "o", "answer_is": "letter"},
    {"options": ["p", "c"], "answer_is": "index"},
]


@settings(max_examples=200, deadline=None)
@given(content=st.lists(_ROW, max_size=5), fields=st.sampled_from(_FIELDS))
def test_every_row_is_kept_or_counted(
    tmp_path_factory: pytest.TempPathFactory, content: list[Any], fields: dict[str, Any]
) -> None:
    path = write(tmp_path_factory.getbasetemp(), "any.json", content)
    rows, dropped = read(path, **QA, **fields)
    assert sorted(row.number for row in [*rows, *dropped]) == list(range(len(content)))
    assert all(turn["user"].strip() and turn["assistant"] for row in rows for turn in row.turns)
