"""Public benchmarks: one look-alike row of every layout, and the question that it becomes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.config.benchmarks import NEAR_SETS, VISION_BENCHMARKS, BenchmarkSetName
from mlan.config.data import SetName
from mlan.data.benchmark_sets import BENCHMARK_SETS
from mlan.data.benchmark_sets.layout import content_id
from mlan.data.fields import BadRowError
from mlan.errors import DataError
from tests.data.own import ANY_JSON
from tests.data.public import picture, posed, questions, write_rows

RED, BLUE = picture("red"), picture("blue")
# A digest of the content is the name of a picture that its set does not name.
RED_NAME = content_id(RED["bytes"])
_FOUR = ["one", "two", "three", "four"]

# Rows by set as their cards have them, and what the first of them asks.
CARDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "race": (
        [
            {
                "article": "A cat sat.",
                "problems": "[{'question': 'Who?', 'answer': 'A', 'options': ['a', 'b', 'c', 'd']},"
                " {'question': \"What's on?\", 'answer': 'C', "
                "'options': ['one', 'two', 'three', 'four']}]",
            }
        ],
        {
            "id": "row-1",
            "form": "letter",
            "question": "Context: A cat sat.\nQuestion: What's on?",
            "options": _FOUR,
            "golds": ["C"],
            "cluster": f"race/{content_id('A cat sat.')}",
        },
    ),
    "openbookqa": (
        [
            {
                "id": "7-980",
                "question_stem": "The sun is a",
                "choices": {"text": _FOUR, "label": ["A", "B", "C", "D"]},
                "answerKey": "D",
            }
        ],
        {
            "id": "7-980",
            "form": "letter",
            "question": "The sun is a",
            "options": _FOUR,
            "golds": ["D"],
            "cluster": "openbookqa/7-980",
        },
    ),
    "boolq": (
        [{"question": "is it wet", "passage": "Water is wet.", "answer": True}],
        {
            "id": "row-0",
            "form": "yes_no",
            "question": "Context: Water is wet.\nQuestion: is it wet?",
            "options": ["yes", "no"],
            "golds": ["yes"],
            "cluster": f"boolq/{content_id('Water is wet.')}",
        },
    ),
    "hellaswag": (
        [
            {
                "ind": 24,
                "activity_label": "Roof removal",
                "ctx": "[header] How to [title] Begin. a man",
                "endings": ["[step] one", "two", "three", "four"],
                "source_id": "activitynet~v_x",
                "label": "3",
            }
        ],
        {
            "id": "24",
            "form": "letter",
            "question": "Roof removal: How to Begin. a man",
            "options": _FOUR,
            "golds": ["D"],
            "cluster": "hellaswag/activitynet~v_x",
        },
    ),
    "mmlu": (
        [{"question": "Which?", "subject": "anatomy", "choices": _FOUR, "answer": 1}],
        {
            "id": "row-0",
            "form": "letter",
            "question": "Which?",
            "options": _FOUR,
            "golds": ["B"],
            "category": "anatomy",
            "cluster": "mmlu/row-0",
        },
    ),
    "arc": (
        [
            {
                "id": "MCAS_1",
                "question": "Which?",
                "choices": {"text": _FOUR[:3], "label": ["1", "2", "3"]},
                "answerKey": "2",
            }
        ],
        {
            "id": "MCAS_1",
            "form": "letter",
            "question": "Which?",
            "options": _FOUR[:3],
            "golds": ["B"],
            "cluster": "arc/MCAS_1",
        },
    ),
    "strategyqa": (
        [{"qid": "2b", "question": "Had he sons?", "answer": False, "facts": "He had none."}],
        {
            "id": "2b",
            "form": "yes_no",
            "question": "Had he sons?",
            "options": ["yes", "no"],
            "golds": ["no"],
            "cluster": "strategyqa/2b",
        },
    ),
    "scienceqa_image": (
        [
            {
                "image": RED,
                "question": "Which?",
                "choices": ["hot", "cold"],
                "answer": 0,
                "hint": "Look.",
                "subject": "natural science",
            },
            {
                "image": None,
                "question": "Why?",
                "choices": ["a", "b"],
                "answer": 1,
                "hint": "",
                "subject": "social science",
            },
        ],
        {
            "id": "row-0",
            "form": "letter",
            "question": "Context: Look.\nQuestion: Which?",
            "options": ["hot", "cold"],
            "golds": ["A"],
            "category": "natural science",
            "image": RED_NAME,
            "cluster": f"scienceqa/{RED_NAME}",
        },
    ),
    "pope": (
        [
            {
                "id": "0",
                "question_id": "1",
                "question": "Is there a cat in the image?",
                "answer": "no",
                "image_source": "COCO_val2014_000000310196",
                "image": RED,
                "category": "adversarial",
            }
        ],
        {
            "id": "adversarial/1",
            "form": "yes_no",
            "question": "Is there a cat in the image?",
            "options": ["yes", "no"],
            "golds": ["no"],
            "category": "adversarial",
            "image": "COCO_val2014_000000310196.jpg",
            "cluster": "coco/310196",
        },
    ),
    "ai2d": (
        [{"question": "Where?", "options": _FOUR, "answer": "2", "image": RED}],
        {
            "id": "row-0",
            "form": "letter",
            "question": "Where?",
            "options": _FOUR,
            "golds": ["C"],
            "image": RED_NAME,
            "cluster": f"ai2d/{RED_NAME}",
        },
    ),
    "realworldqa": (
        [
            {
                "image": RED,
                "question": "Which car is near?\n\nA. The left one\nB. The right one\n\n"
                "Please answer directly with only the letter of the correct option and nothing "
                "else.",
                "answer": "B",
            },
            {
                "image": BLUE,
                "question": "How many lanes?\nPlease answer directly with a single word or number.",
                "answer": "3",
            },
        ],
        {
            "id": "row-0",
            "form": "letter",
            "question": "Which car is near?",
            "options": ["The left one", "The right one"],
            "golds": ["B"],
            "image": RED_NAME,
            "cluster": f"realworldqa/{RED_NAME}",
        },
    ),
    "mmmu": (
        [
            {
                "id": "validation_Art_Theory_7",
                "question": "In <image 1>, who?",
                "options": "['<image 2>', \"it's 4\"]",
                "answer": "B",
                "question_type": "multiple-choice",
                "image_1": RED,
                "image_2": BLUE,
            },
            {
                "id": "validation_Math_2",
                "question": "How long is <image 1>?",
                "options": "[]",
                "answer": "['1/4', '0.25']",
                "question_type": "open",
                "image_1": BLUE,
                "image_2": None,
            },
        ],
        {
            "id": "validation_Art_Theory_7",
            "form": "letter",
            "question": "In (image 1), who?",
            "options": ["(image 2)", "it's 4"],
            "golds": ["B"],
            "category": "Art_Theory",
            "image": RED_NAME,
            "cluster": f"mmmu/{RED_NAME}",
        },
    ),
    "mme": (
        [
            {
                "question_id": "OCR/0001.jpg",
                "image": RED,
                "question": "Is it red? Please answer yes or no.",
                "answer": "Yes",
                "category": "OCR",
            },
            {
                "question_id": "OCR/0001.jpg",
                "image": RED,
                "question": "Is it blue? Please answer yes or no.",
                "answer": "No",
                "category": "OCR",
            },
        ],
        {
            "id": "row-0",
            "form": "yes_no",
            "question": "Is it red?",
            "options": ["yes", "no"],
            "golds": ["yes"],
            "category": "OCR",
            "pair": "OCR/0001.jpg",
            "image": "OCR/0001.jpg",
            "cluster": "mme/OCR/0001.jpg",
        },
    ),
    "mmbench": (
        [
            {
                "index": 2_000_241,
                "question": "Which?",
                "hint": "nan",
                "answer": "B",
                "A": "hot",
                "B": "cold",
                "C": "nan",
                "D": "nan",
                "category": "physical",
                "image": RED,
            }
        ],
        {
            "id": "2000241",
            "form": "letter",
            "question": "Which?",
            "options": ["hot", "cold"],
            "golds": ["B"],
            "category": "physical",
            "pair": "241",
            "image": "241.jpg",
            "cluster": "mmbench/241",
        },
    ),
    "textvqa": (
        [
            {
                "image_id": "003a",
                "question_id": 34_602,
                "question": "what is the brand?",
                "image": RED,
                "answers": ["nous les gosses", "dakota", "dakota"],
            }
        ],
        {
            "id": "34602",
            "form": "brief",
            "question": "what is the brand?",
            "golds": ["nous les gosses", "dakota", "dakota"],
            "image": "003a.jpg",
            "cluster": "openimages/003a",
        },
    ),
    "vqav2": (
        [
            {
                "question_type": "where is",
                "multiple_choice_answer": "table",
                "answers": [
                    {"answer": "table", "answer_id": 1},
                    {"answer": "desk", "answer_id": 2},
                ],
                "image_id": 262_148,
                "answer_type": "other",
                "question_id": 262_148_000,
                "question": "Where is he?",
                "image": RED,
            }
        ],
        {
            "id": "262148000",
            "form": "brief",
            "question": "Where is he?",
            "golds": ["table", "desk"],
            "category": "where is",
            "image": "COCO_val2014_000000262148.jpg",
            "cluster": "coco/262148",
        },
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_row_of_a_card_becomes_the_question(name: str, tmp_path: Path) -> None:
    rows, first = CARDS[name]
    found = questions(name, write_rows(tmp_path / "rows.parquet", rows))
    assert found.dropped == []
    assert posed(found.items[0]) == first
    assert all(item.embedded == (name in VISION_BENCHMARKS) for item in found.items)


def test_every_set_is_known_and_tested() -> None:
    tested = {*CARDS, "gqa", "scienceqa_text", "commonsenseqa", "cosmosqa"}
    assert set(BENCHMARK_SETS) == set(get_args(BenchmarkSetName)) == tested
    assert {n for near in NEAR_SETS.values() for n in near} <= set(get_args(SetName))


@pytest.mark.parametrize("name", BENCHMARK_SETS)
@settings(max_examples=25)
@given(values=st.lists(ANY_JSON, min_size=9, max_size=9))
def test_any_row_is_read_or_refused_with_a_reason(name: str, values: list[Any]) -> None:
    known = BENCHMARK_SETS[name]  # type: ignore[index]
    row = dict(zip([*known.columns, *known.optional], values, strict=False))
    with contextlib.suppress(BadRowError):
        posed = known.read({**row, "file name": "x"})
        assert posed is None or (posed.golds and posed.question)


def test_parts_of_scienceqa_take_their_rows_of_one_file(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", CARDS["scienceqa_image"][0])
    pictures, texts = questions("scienceqa_image", path), questions("scienceqa_text", path)
    assert [item.id for item in pictures.items] == ["row-0"]
    assert [item.id for item in texts.items] == ["row-1"]
    assert (pictures.left_out, texts.left_out) == (1, 1)
    assert posed(texts.items[0]) == {
        "id": "row-1",
        "form": "letter",
        "question": "Why?",
        "options": ["a", "b"],
        "golds": ["B"],
        "category": "social science",
        "cluster": "scienceqa/row-1",
    }


def test_race_asks_the_last_question_of_each_article_in_both_layouts(tmp_path: Path) -> None:
    flat = [
        {
            "example_id": f"high{article}.txt",
            "article": f"Article {article}.",
            "question": f"Question {number}?",
            "options": _FOUR,
            "answer": "A",
        }
        for article, numbers in ((1, (1, 2, 3)), (2, (4,)))
        for number in numbers
    ]
    found = questions("race", write_rows(tmp_path / "flat.parquet", flat))
    assert [item.posed.question.rpartition(" ")[2] for item in found.items] == ["3?", "4?"]
    assert [item.id for item in found.items] == ["high1.txt", "high2.txt"]
    assert found.left_out == 2
    nested = [
        {
            "article": f"Article {article}.",
            "problems": str(
                [
                    {"question": row["question"], "options": _FOUR, "answer": "A"}
                    for row in flat
                    if row["article"] == f"Article {article}."
                ]
            ),
        }
        for article in (1, 2)
    ]
    other = questions("race", write_rows(tmp_path / "nested.parquet", nested))
    assert [item.cluster for item in other.items] == [item.cluster for item in found.items]
    assert [item.posed for item in other.items] == [item.posed for item in found.items]


def _gqa(folder: Path, pictures: list[str]) -> tuple[Path, str]:
    asked = [
        {
            "id": f"2015{number}",
            "imageId": image,
            "question": "Is it red?",
            "answer": "no",
            "types": {"structural": "verify", "semantic": "attr", "detailed": "x"},
        }
        for number, image in enumerate(["n1", "n2", "n1"])
    ]
    held = [{"id": image, "image": RED} for image in pictures]
    write_rows(folder / "images.parquet", held)
    return write_rows(folder / "asked.parquet", asked), "images.parquet"


def test_gqa_joins_each_question_with_its_one_picture(tmp_path: Path) -> None:
    path, images = _gqa(tmp_path, ["n2", "n3", "n1"])
    found = questions("gqa", path, image_path=images)
    assert found.unused == 1
    # The answer is no, and still a short answer is asked for.
    assert posed(found.items[0]) == {
        "id": "20150",
        "form": "brief",
        "question": "Is it red?",
        "golds": ["no"],
        "category": "verify",
        "image": "n1.jpg",
        "cluster": "gqa/n1",
    }
    assert [item.cluster for item in found.items] == ["gqa/n1", "gqa/n2", "gqa/n1"]


@pytest.mark.parametrize(
    ("pictures", "line"),
    [
        (
            ["n1"],
            "data.benchmarks.mine.image_path: 1 of 3 questions have no picture there, the first "
            "is '20151' with 'n2.jpg'",
        ),
        (
            ["n1", "n2", "n1"],
            "data.benchmarks.mine.image_path: picture 'n1.jpg' stands 2 times",
        ),
    ],
)
def test_gqa_refuses_a_question_without_exactly_one_picture(
    pictures: list[str], line: str, tmp_path: Path
) -> None:
    path, images = _gqa(tmp_path, pictures)
    with pytest.raises(DataError) as caught:
        questions("gqa", path, image_path=images)
    assert caught.value.lines == (line,)


def test_gqa_release_names_its_pictures(tmp_path: Path) -> None:
    path = tmp_path / "testdev.json"
    path.write_text('{"07": {"imageId": "n9", "question": "Who?", "answer": "a man"}}')
    [item] = questions("gqa", path, image_folder="images").items
    assert (item.id, item.image, item.embedded) == ("07", "n9.jpg", False)


def test_open_questions_keep_every_accepted_answer(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", CARDS["mmmu"][0])
    item = questions("mmmu", path).items[1]
    assert (item.posed.form, item.posed.golds) == ("brief", ["1/4", "0.25"])
    path = write_rows(tmp_path / "real.parquet", CARDS["realworldqa"][0])
    item = questions("realworldqa", path).items[1]
    assert (item.posed.question, item.posed.golds) == ("How many lanes?", ["3"])


def test_missing_column_and_another_type_are_one_line(tmp_path: Path) -> None:
    row = CARDS["ai2d"][0][0]
    lacking = {key: cell for key, cell in row.items() if key != "options"}
    with pytest.raises(DataError) as caught:
        questions("ai2d", write_rows(tmp_path / "rows.parquet", [lacking]))
    assert caught.value.lines == (
        "data.benchmarks.mine.path = 'rows.parquet': no column 'options'; it has 'question', "
        "'answer', 'image'",
    )
    wrong = write_rows(tmp_path / "rows.parquet", [{**row, "question": 7}])
    [dropped] = questions("ai2d", wrong).dropped
    assert dropped.reason == "question is a number, not text"


def test_same_picture_is_one_cluster_and_one_id_stands_once(tmp_path: Path) -> None:
    row = CARDS["ai2d"][0][0]
    rows = [row, {**row, "image": BLUE}, {**row, "question": "Why?"}]
    items = questions("ai2d", write_rows(tmp_path / "rows.parquet", rows)).items
    assert items[0].cluster == items[2].cluster != items[1].cluster
    pope = CARDS["pope"][0][0]
    found = questions("pope", write_rows(tmp_path / "pope.parquet", [pope, pope]))
    assert [row.reason for row in found.dropped] == ["id stands twice"]


def test_file_of_the_dev_part_has_ids_of_its_own(tmp_path: Path) -> None:
    rows = CARDS["boolq"][0]
    path = write_rows(tmp_path / "rows.parquet", rows)
    write_rows(tmp_path / "dev.parquet", [{**rows[0], "passage": "Another."}])
    found = questions("boolq", path, dev_path="dev.parquet")
    assert [(i.id, i.from_dev) for i in found.items] == [("row-0", False), ("dev/row-0", True)]
