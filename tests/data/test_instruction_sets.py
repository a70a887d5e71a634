"""Public sets: one literal row of each layout, and the example that it becomes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.config.data import VISION_SETS, SetName
from mlan.data.asked import REQUESTS, Asked, put
from mlan.data.instruction_sets import SETS
from mlan.errors import DataError
from tests.data.own import ANY_JSON, Read, read, reasons, write


def _read(path: Path | list[Path], name: str, **fields: Any) -> Read:
    folder = {"image_folder": "photos"} if name in VISION_SETS else {}
    return read(path, adapter="instruction_set", set=name, **folder, **fields)


# Rows by set and layout: `release` is the file that its authors publish, `card` the Hub's table.
ROWS: dict[tuple[str, str], Any] = {
    ("squad", "release"): {
        "version": "1.1",
        "data": [
            {
                "title": "Paris",
                "paragraphs": [
                    {
                        "context": "Paris is the capital of France.",
                        "qas": [
                            {
                                "id": "56d9",
                                "question": "What is Paris?",
                                "answers": [{"answer_start": 9, "text": "the capital of France"}],
                            }
                        ],
                    }
                ],
            }
        ],
    },
    ("squad", "card"): {
        "id": "56d9",
        "title": "Paris",
        "context": "Paris is the capital of France.",
        "question": "What is Paris?",
        "answers": {"text": ["the capital of France"], "answer_start": [9]},
    },
    ("strategyqa", "release"): {
        "qid": "2bc9",
        "term": "Genghis Khan",
        "description": "founder of the Mongol Empire",
        "question": "Had he more sons than Caesar?",
        "answer": True,
        "facts": ["Caesar had three.", "He had sixteen."],
        "decomposition": ["How many?"],
        "evidence": [],
    },
    ("strategyqa", "card"): {
        "qid": "2bc9",
        "term": "Genghis Khan",
        "description": "founder of the Mongol Empire",
        "question": "Had he more sons than Caesar?",
        "answer": True,
        "facts": "Caesar had three. He had sixteen.",
    },
    ("commonsenseqa", "release"): {
        "id": "075e",
        "answerKey": "B",
        "question": {
            "question_concept": "people",
            "choices": [
                {"label": "A", "text": "race track"},
                {"label": "B", "text": "populated areas"},
            ],
            "stem": "Where are people?",
        },
    },
    ("commonsenseqa", "card"): {
        "id": "075e",
        "question": "Where are people?",
        "question_concept": "people",
        "choices": {"label": ["A", "B"], "text": ["race track", "populated areas"]},
        "answerKey": "B",
    },
    ("cosmosqa", "card"): {
        "id": "3BFF##q1",
        "context": "I wanted to marry .",
        "question": "Why is he asking ?",
        "answer0": "He is ill .",
        "answer1": "He is bored .",
        "answer2": "He wants to marry .",
        "answer3": "None of the above choices .",
        "label": 2,
    },
    ("cosmosqa", "release"): "id,context,question,answer0,answer1,answer2,answer3,label\n"
    "3BFF##q1,I wanted to marry .,Why is he asking ?,He is ill .,He is bored .,"
    "He wants to marry .,None of the above choices .,2\n",
    ("arc", "release"): {
        "id": "MCAS_1",
        "question": {
            "stem": "Which is a planet?",
            "choices": [
                {"text": "Mars", "label": "1"},
                {"text": "Moon", "label": "2"},
                {"text": "Sun", "label": "3"},
            ],
        },
        "answerKey": "1",
    },
    ("arc", "card"): {
        "id": "MCAS_1",
        "question": "Which is a planet?",
        "choices": {"text": ["Mars", "Moon", "Sun"], "label": ["1", "2", "3"]},
        "answerKey": "1",
    },
    ("vqav2", "card"): {
        "question_type": "what color is the",
        "multiple_choice_answer": "red",
        "answers": [{"answer": "red", "answer_confidence": "yes", "answer_id": 1}],
        "image_id": 458752,
        "answer_type": "other",
        "question_id": 458752000,
        "question": "What color is the hat?",
    },
    ("aokvqa", "release"): {
        "split": "train",
        "image_id": 299207,
        "question_id": "22MexNkBPpdZGX6sxbxVBH",
        "question": "What is he by?",
        "choices": ["trucks", "backpack", "can", "spears"],
        "correct_choice_idx": 0,
        "direct_answers": ["truck"],
        "difficult_direct_answer": False,
        "rationales": ["Trucks stand there."],
    },
}
PARIS = Asked(
    "brief",
    "What is Paris?",
    "the capital of France",
    context="Paris is the capital of France.",
)
EXPECTED: dict[str, tuple[str, str, Asked]] = {
    "squad": ("56d9", "", PARIS),
    "strategyqa": (
        "2bc9",
        "",
        Asked(
            "yes_no",
            "Had he more sons than Caesar?",
            "yes",
            context="Caesar had three. He had sixteen.",
        ),
    ),
    "commonsenseqa": (
        "075e",
        "",
        Asked("choose", "Where are people?", "B", ["race track", "populated areas"]),
    ),
    "cosmosqa": (
        "3BFF##q1",
        "",
        Asked(
            "choose",
            "Why is he asking ?",
            "C",
            ["He is ill .", "He is bored .", "He wants to marry .", "None of the above choices ."],
            "I wanted to marry .",
        ),
    ),
    "arc": ("MCAS_1", "", Asked("choose", "Which is a planet?", "A", ["Mars", "Moon", "Sun"])),
    "vqav2": (
        "458752000",
        "COCO_train2014_000000458752.jpg",
        Asked("brief", "What color is the hat?", "red"),
    ),
    "aokvqa": (
        "22MexNkBPpdZGX6sxbxVBH",
        "000000299207.jpg",
        Asked("choose", "What is he by?", "A", ["trucks", "backpack", "can", "spears"]),
    ),
}


@pytest.mark.parametrize(("name", "layout"), ROWS)
def test_literal_row_becomes_its_example(tmp_path: Path, name: str, layout: str) -> None:
    row = ROWS[name, layout]
    path = write(tmp_path, "a.csv" if isinstance(row, str) else "a.jsonl", _lines(row))
    (kept,), dropped = _read(path, name)
    key, image, asked = EXPECTED[name]
    assert dropped == []
    assert (kept.id, kept.image, kept.style) == (key, image, asked.kind)
    assert kept.turns == [put(asked, name, key)]


def _lines(row: Any) -> Any:
    return row if isinstance(row, str) else [row]


@pytest.mark.parametrize(("name", "layout"), [key for key in ROWS if key[1] == "card"])
def test_parquet_of_the_card_gives_the_rows_of_json(tmp_path: Path, name: str, layout: str) -> None:
    row = ROWS[name, layout]
    pd.DataFrame([row]).to_parquet(tmp_path / "a.parquet")
    assert _read(tmp_path / "a.parquet", name) == _read(write(tmp_path, "a.json", [row]), name)


def test_every_layout_of_the_paper_is_written_out() -> None:
    context = put(PARIS, "x")["user"].split("\n")
    assert context[0] in REQUESTS["brief"]
    assert context[1:] == ["Context: Paris is the capital of France.", "What is Paris?"]
    choice = put(EXPECTED["cosmosqa"][2], "x")
    first, second, *options = choice["user"].split("\n")
    assert first == "Context: I wanted to marry ."
    assert second.removeprefix("Why is he asking ? ") in REQUESTS["choose"]
    assert options[0] == "A He is ill ."
    assert choice["assistant"] == "C"


def test_every_kind_has_requests_of_its_own() -> None:
    for kind, requests in REQUESTS.items():
        assert len(set(requests)) >= 3, kind
        assert all(request == request.strip() and request for request in requests)


def test_registry_holds_the_sets_of_the_config() -> None:
    assert set(SETS) == set(get_args(SetName))
    assert {name for name, known in SETS.items() if known.image_name} == set(VISION_SETS)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("squad", {"answers": {"text": [], "answer_start": []}}, "no answer"),
        ("squad", {"answers": "Paris"}, "answers hold no list"),
        ("squad", {"answers": {"text": ["Rome"]}}, "answer is not in the context"),
        ("squad", {"context": None}, "empty context"),
        ("strategyqa", {"answer": "maybe"}, "answer is text, not true or false"),
        ("strategyqa", {"facts": [5]}, "facts is a number, not text"),
        ("commonsenseqa", {"answerKey": ""}, "empty answerKey"),
        ("arc", {"answerKey": "E"}, "answerKey is no label of an option"),
        ("arc", {"choices": {"text": ["a"], "label": ["1"]}}, "not 2 to 26 options"),
        ("cosmosqa", {"label": -1}, "label is a number, not a whole number from 0"),
        ("cosmosqa", {"label": 4}, "label is not 0 to 3"),
        ("cosmosqa", {"answer3": None}, "empty answer3"),
        ("vqav2", {"image_id": "x"}, "image_id is text, not a whole number from 0"),
        ("vqav2", {"multiple_choice_answer": 2}, "multiple_choice_answer is a number, not text"),
        ("aokvqa", {"correct_choice_idx": 4}, "correct_choice_idx is beyond the last choice"),
        ("aokvqa", {"correct_choice_idx": None}, "empty correct_choice_idx"),
        ("aokvqa", {"image_id": None}, "empty image_id"),
    ],
)
def test_bad_row_is_dropped_with_its_reason(
    tmp_path: Path, name: str, changes: dict[str, Any], reason: str
) -> None:
    row = ROWS[name, "release" if name == "aokvqa" else "card"]
    found = _read(write(tmp_path, "a.json", [row, {**row, **changes}]), name)
    assert reasons(found) == [(1, reason)]


def test_table_of_another_set_names_the_missing_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", ROWS["cosmosqa", "release"])
    with pytest.raises(DataError, match=r"no column 'answer', 'facts'; it has 'id', 'context'"):
        _read(path, "strategyqa")


def test_questions_of_a_release_that_lacks_parts_are_counted(tmp_path: Path) -> None:
    release = {"data": [{"title": "no paragraphs"}, {"paragraphs": [{"qas": [5]}, 7]}]}
    found = _read(write(tmp_path, "train.json", release), "squad")
    assert [reason for _, reason in reasons(found)] == [
        "empty context",
        "row is not an object",
        "row is not an object",
    ]


# --- VQAv2: questions and answers are two files ------------------------------------------------


def _question(key: int, image: int = 9, text: str = "Is it red?") -> dict[str, Any]:
    return {"question_id": key, "image_id": image, "question": text}


def _annotation(key: int, answer: str, kind: str, image: int = 9) -> dict[str, Any]:
    return {
        "question_id": key,
        "image_id": image,
        "answer_type": kind,
        "multiple_choice_answer": answer,
        "question_type": "is it",
        "answers": [],
    }


def _joined(tmp_path: Path, questions: list[Any], annotations: list[Any], **fields: Any) -> Read:
    path = write(tmp_path, "questions.json", {"info": {}, "questions": questions})
    write(tmp_path, "annotations.json", {"info": {}, "annotations": annotations})
    return _read(path, "vqav2", annotations="annotations.json", **fields)


def test_questions_are_joined_with_their_annotations(tmp_path: Path) -> None:
    found = _joined(
        tmp_path,
        [_question(1), _question(2, 8), _question(3, text="How many?"), _question(4, 7)],
        [
            _annotation(3, "2", "number"),
            _annotation(1, "yes", "yes/no"),
            _annotation(2, "red", "other"),
            _annotation(4, "unsure", "yes/no", 7),
        ],
        image_name="{image_id:04d}.png",
    )
    rows = [(row.id, row.image, row.style, row.turns[0]["assistant"]) for row in found[0]]
    assert rows == [
        ("1", "0009.png", "yes_no", "yes"),
        ("3", "0009.png", "brief", "2"),
        ("4", "0007.png", "brief", "unsure"),
    ]
    assert reasons(found) == [(1, "annotation of another image_id")]


def test_question_without_annotation_is_dropped(tmp_path: Path) -> None:
    found = _joined(tmp_path, [_question(1), _question(2)], [_annotation(1, "no", "yes/no")])
    assert reasons(found) == [(1, "no annotation of this question_id")]
    (row,), _ = found
    assert row.turns[0]["assistant"] == "no"


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([1, 2], "1 annotations have no question in `path`"),
        ([1, 1], "question_id 1 stands twice"),
        ([None], "annotation 0 has no question_id"),
    ],
)
def test_annotations_that_do_not_fit_are_one_line(
    tmp_path: Path, annotations: list[Any], message: str
) -> None:
    with pytest.raises(DataError) as error:
        _joined(tmp_path, [_question(1)], [_annotation(key, "no", "yes/no") for key in annotations])
    assert error.value.lines == (f"data.sources.mine.annotations = 'annotations.json': {message}",)


def test_questions_alone_say_what_is_missing(tmp_path: Path) -> None:
    found = _read(write(tmp_path, "questions.json", {"questions": [_question(1)]}), "vqav2")
    assert reasons(found) == [
        (0, "no multiple_choice_answer (a file beside it? name it in `annotations`)")
    ]


def test_checksum_of_the_annotations_is_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mine\.annotations_sha256 says otherwise$"):
        _joined(tmp_path, [_question(1)], [_annotation(1, "a", "other")],
                annotations_sha256="0" * 64)  # fmt: skip


# --- any rows -----------------------------------------------------------------------------------


def _spoilt(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A row of a set in which some columns hold anything."""
    columns = st.sampled_from(sorted(row))
    return st.dictionaries(columns, ANY_JSON, max_size=2).map(lambda changes: {**row, **changes})


_CARDS = {name: row for (name, _), row in ROWS.items() if isinstance(row, dict)}


@pytest.mark.parametrize("name", SETS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_row_is_kept_or_counted(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    row = ANY_JSON.filter(lambda raw: not isinstance(raw, dict)) | _spoilt(_CARDS[name])
    content = data.draw(st.lists(row, max_size=4))
    path = write(tmp_path_factory.getbasetemp(), "any.json", content)
    rows, dropped = _read(path, name)
    numbers = sorted(row.number for row in [*rows, *dropped])
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= len([raw for raw in content if raw != {"data": []}])


def test_embedded_picture_is_named_by_its_row_and_its_bytes_stay_unread(tmp_path: Path) -> None:
    row = {k: v for k, v in ROWS["aokvqa", "release"].items() if k != "image_id"}
    picture = {"bytes": b"\xff\xd8", "path": None}
    rows = [{**row, "image": picture}, {**row, "question_id": "b", "image": None}]
    stream = io.BytesIO()
    pd.DataFrame(rows).to_parquet(stream)
    found = _read(write(tmp_path, "a.parquet", stream.getvalue()), "aokvqa")
    assert [(row.image, row.embedded) for row in found[0]] == [("row-0", True)]
    assert reasons(found) == [(1, "neither image nor image_id")]


def test_dropped_rows_of_json_and_jsonl_are_the_same(tmp_path: Path) -> None:
    rows = [ROWS["arc", "card"], {"id": "x"}, 5]
    lines = "\n".join(map(json.dumps, rows))
    one = _read(write(tmp_path, "a.json", rows), "arc")
    assert one == _read(write(tmp_path, "b.json", lines), "arc")
    assert reasons(one) == [(1, "no question"), (2, "row is not an object")]
