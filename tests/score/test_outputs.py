"""Outputs of anyone: numbers by hand, what is counted, and every file that must be refused."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.errors import DataError, MlanError
from mlan.score.given import read_items, read_predictions
from mlan.score.outputs import judge, judging, refuse_gaps, report
from mlan.score.rules import RULES
from tests.data.test_real_rows import REAL

Row = dict[str, Any]


def write(path: Path, rows: list[Row] | bytes) -> Path:
    text = rows if isinstance(rows, bytes) else "".join(f"{json.dumps(r)}\n" for r in rows).encode()
    path.write_bytes(text)
    return path


def outputs(
    folder: Path,
    items: list[Row] | bytes,
    predictions: list[Row] | bytes,
    benchmark: str = "pope",
    parser: str = "official",
) -> tuple[dict[str, Any], pd.DataFrame]:
    how = judging(benchmark, parser)
    asked = read_items(write(folder / "items.jsonl", items), how.rule)
    given = read_predictions(write(folder / "predictions.jsonl", predictions), asked)
    frame = judge(how.parser, asked, given)
    return report(how, asked, given, frame), frame


def asked(name: str, gold: Any, **more: Any) -> Row:
    return {"id": name, "question": "?", "gold": gold, **more}


def said(name: str, prediction: Any) -> Row:
    return {"id": name, "prediction": prediction}


def values(numbers: dict[str, Any]) -> dict[str, float | None]:
    return {name: number["value"] for name, number in numbers.items()}


POPE = [
    asked("r1", "yes", split="random", image="1.jpg"),
    asked("r2", ["No"], split="random", image="1.jpg"),
    asked("p1", "yes", split="popular", image="2.jpg"),
    asked("p2", "no", split="popular", image="2.jpg", options=["Yes", "No"]),
]


def test_pope_by_hand(tmp_path: Path) -> None:
    told = [said("r1", "Yes."), said("r2", "No"), said("p1", "No, it is not"), said("p2", "")]
    found, frame = outputs(tmp_path, POPE, told)
    # random: F1 1. popular: the yes denied; the empty answer counts as yes by the official rule.
    assert values(found["metrics"]) == {
        "f1_yes_mean": 0.5,
        "accuracy": 0.5,
        "balanced_accuracy": 0.5,
        "f1_yes": 0.5,
        "yes_rate": 0.5,
        "gold_yes_rate": 0.5,
        "precision_yes": 0.5,
        "recall_yes": 0.5,
    }
    # Two pictures, accuracies 1 and 0: sqrt(2 (.25 + .25)) / 2.
    assert found["metrics"]["accuracy"]["standard_error"] == pytest.approx(0.5)
    assert (found["n"], found["invalid"], found["empty"], found["clusters"]) == (4, 0, 1, 2)
    assert found["splits"]["random"]["metrics"]["f1_yes"]["value"] == 1
    assert found["splits"]["popular"]["metrics"]["f1_yes"]["value"] == 0
    assert "f1_yes_mean" not in found["splits"]["random"]["metrics"]
    assert [*frame["read"]] == ["yes", "no", "no", "yes"]


def test_strict_parser_counts_an_empty_answer_as_invalid(tmp_path: Path) -> None:
    told = [said("r1", "Yes."), said("r2", "No"), said("p1", "No, it is not"), said("p2", "")]
    found, _ = outputs(tmp_path, POPE, told, parser="strict")
    assert (found["parser"], found["rule"], found["invalid"]) == ("strict", "strict", 2)
    assert found["metrics"]["accuracy"]["value"] == 0.5
    assert found["metrics"]["yes_rate"]["value"] == 0.5  # of the two that could be read


def test_missing_is_wrong_and_counted_and_the_first_of_two_counts(tmp_path: Path) -> None:
    told = [said("r1", "yes"), said("r1", "no"), said("p1", "yes"), said("p2", "no")]
    found, frame = outputs(tmp_path, POPE, told)
    assert found["metrics"]["accuracy"]["value"] == 0.75
    counts = ("n", "n_predicted", "missing", "duplicates", "invalid")
    assert [found[key] for key in counts] == [4, 3, 1, 1, 0]
    assert found["splits"]["random"]["missing"] == 1
    assert frame.set_index("item")["missing"].to_dict()["r2"]
    how = judging("pope", "official")
    items = read_items(tmp_path / "items.jsonl", how.rule)
    with pytest.raises(DataError) as refused:
        refuse_gaps(items, read_predictions(tmp_path / "predictions.jsonl", items))
    assert refused.value.lines == (
        f"{tmp_path}/predictions.jsonl: item 'r2' has no prediction (1 of 4 in all)",
        f"{tmp_path}/predictions.jsonl: row 2, id 'r1': is predicted again (1 in all)",
    )


def test_squad_has_exact_match_and_f1(tmp_path: Path) -> None:
    items = [asked("1", ["the red car", "a car"]), asked("2", ["Saint Bernadette"])]
    told = [said("1", "The red, old car"), said("2", "saint bernadette!")]
    found, _ = outputs(tmp_path, items, told, "squad")
    assert values(found["metrics"]) == {"exact_match": 0.5}
    # "red old car" against "red car": precision 2/3, recall 1, F1 4/5.
    assert found["further"]["squad_f1"]["token_f1"]["value"] == pytest.approx((0.8 + 1) / 2)
    only, _ = outputs(tmp_path, items, told, "squad", "squad_f1")
    assert only["metrics"] == found["further"]["squad_f1"]
    assert "further" not in only


def test_vqa_counts_annotators(tmp_path: Path) -> None:
    golds = ["red"] * 3 + ["blue"] * 7
    found, _ = outputs(tmp_path, [asked("1", golds)], [said("1", "Red.")], "vqav2")
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(0.9)


def test_mme_pairs_are_pictures_where_none_are_named(tmp_path: Path) -> None:
    items = [
        asked("1", "Yes", category="count", image="a.jpg"),
        asked("2", "No", category="count", image="a.jpg"),
        asked("3", "Yes", category="color", image="a.jpg"),
        asked("4", "No", category="color", image="a.jpg"),
    ]
    told = [said("1", "Yes"), said("2", "no."), said("3", "Yes"), said("4", "Yes")]
    found, _ = outputs(tmp_path, items, told, "mme")
    assert values(found["metrics"]) == {
        "perception": None,  # eight of the ten subtasks have no item
        "cognition": None,
        "accuracy": 0.75,
        "accuracy_plus": 0.5,
    }
    assert values(found["categories"]["count"]["metrics"])["accuracy_plus"] == 1


def test_mmbench_rotations_are_told_by_the_index(tmp_path: Path) -> None:
    options = ["cat", "dog"]
    items = [
        asked("7", "A", options=options),
        asked("1000007", "B", options=options[::-1]),
        asked("8", "B", options=options),
        asked("1000008", "A", options=options[::-1]),
    ]
    told = [said("7", "A"), said("1000007", "B"), said("8", "B"), said("1000008", "B")]
    found, _ = outputs(tmp_path, items, told, "mmbench")
    assert values(found["metrics"]) == {"circular_accuracy": 0.5, "accuracy": 0.75}
    assert found["clusters"] == 2


def test_mmmu_takes_choices_and_open_answers(tmp_path: Path) -> None:
    items = [
        asked("1", "B", options=["cat", "dog"], category="Art"),
        asked("2", ["12", "twelve"], category="Math"),
        asked("3", "12", options=[], category="Math"),
    ]
    told = [said("1", "(B)"), said("2", "The answer is 12."), said("3", "thirteen")]
    found, _ = outputs(tmp_path, items, told, "mmmu")
    assert values(found["metrics"]) == {
        "accuracy": pytest.approx(2 / 3),
        "macro_accuracy": pytest.approx(0.75),
    }


def test_bbh_takes_letters_yes_or_no_and_free_answers(tmp_path: Path) -> None:
    items = [
        asked("1", "Yes"),
        asked("2", "No"),
        asked("3", "B", options=["cat", "dog"]),
        asked("4", "True"),
    ]
    told = [
        said("1", "So the answer is Yes."),
        said("2", "Clearly no"),
        said("3", "So the answer is (B)."),
        said("4", "so the answer is true."),
    ]
    found, frame = outputs(tmp_path, items, told, "bbh")
    assert [*frame["correct"]] == [1, 0, 1, 0]
    assert found["further"]["bbh_flexible"]["accuracy"]["value"] == 0.75


def test_odd_but_right_input_is_scored(tmp_path: Path) -> None:
    items = [
        asked(1, "b", options=["x", "y"]),
        asked("é", "A", options=["同", "x"], category=None),
        asked("long", "A", options=["x", "y"]),
    ]
    told = (
        b'\xef\xbb\xbf{"id": "1", "prediction": "B"}\r\n\n'
        + json.dumps(said("é", "A"), ensure_ascii=False).encode()
    )
    told += f"\n{json.dumps(said('long', 'A' * 100_000))}".encode()
    found, frame = outputs(tmp_path, items, told, "arc")
    assert [*frame["correct"]] == [1, 1, 0]
    assert (found["invalid"], found["missing"]) == (1, 0)


ITEM = asked("a", "A", options=["x", "y"])
BAD_ITEMS = {
    b"": "items.jsonl: holds no item",
    b"\n \n": "items.jsonl: holds no item",
    b'{"id": "a"': "items.jsonl: row 1: not JSON: Expecting ',' delimiter at column 11",
    b"[1]": "items.jsonl: row 1: is a list; every line is an object {...}",
    b'{"id": "a", "question": "\xff"}': "items.jsonl: row 1: byte 26 is not UTF-8",
    b"[" * 100_000: "items.jsonl: row 1: not JSON: nested too deeply",
    b'{"question": "?", "gold": "A"}': "items.jsonl: row 1: id is missing",
    b'{"id": "", "gold": "A"}': "items.jsonl: row 1: id is empty",
    b'{"id": NaN, "gold": "A"}': "items.jsonl: row 1: id is NaN; allowed: text",
    b'{"id": "a", "question": "?"}': "items.jsonl: row 1, id 'a': gold is missing",
    b'{"id": "a", "gold": "A"}': "items.jsonl: row 1, id 'a': question is missing",
}
BAD_ITEM_ROWS = [
    ({"gold": 3}, "gold is a number; allowed: text"),
    ({"gold": []}, "gold is empty"),
    ({"gold": ["A", None]}, "gold[1] is null; allowed: text"),
    ({"gold": ["A", "B"]}, "has 2 golds; a choice has one"),
    ({"gold": "C"}, "gold 'C' is no option; allowed: A, B"),
    ({"gold": "x"}, "gold 'x' is no option; allowed: A, B"),
    ({"options": "xy"}, "options is text; allowed: a list of texts"),
    ({"options": ["x"]}, "has 1 options; allowed: 2 to 26"),
    ({"question": True}, "question is true or false; allowed: text"),
    ({"category": 1.5}, "category is a number; allowed: text"),
    ({"question": "\ud800"}, "question is not Unicode: it holds half of a surrogate pair"),
]


@pytest.mark.parametrize(("content", "message"), BAD_ITEMS.items())
def test_items_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path / "items.jsonl", content)
    with pytest.raises(DataError, match=re.escape(message)) as refused:
        read_items(path, RULES["arc"])
    assert len(refused.value.lines) == 1
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize(("change", "message"), BAD_ITEM_ROWS)
def test_item_that_is_refused_is_named(tmp_path: Path, change: Row, message: str) -> None:
    path = write(tmp_path / "items.jsonl", [{**ITEM, "id": "first"}, {**ITEM, **change}])
    with pytest.raises(DataError) as refused:
        read_items(path, RULES["arc"])
    assert refused.value.lines == (f"{path}: row 2, id 'a': {message}",)


@pytest.mark.parametrize(
    ("benchmark", "row", "message"),
    [
        ("pope", asked("a", "maybe"), "gold 'maybe' is no option; allowed: yes, no"),
        ("pope", asked("a", "yes", options=["yes"]), "allowed: yes, no, or none"),
        ("squad", asked("a", "x", options=["x", "y"]), "answers to squad are free"),
        ("scienceqa_image", asked("a", "cold"), "gold 'cold' is no option; allowed: A, B, C"),
    ],
)
def test_item_that_does_not_fit_its_benchmark(
    tmp_path: Path, benchmark: str, row: Row, message: str
) -> None:
    path = write(tmp_path / "items.jsonl", [row])
    with pytest.raises(DataError, match=re.escape(message)):
        read_items(path, RULES[benchmark])


def test_items_with_one_id_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "items.jsonl", [ITEM, ITEM])
    with pytest.raises(DataError, match="row 2, id 'a': another item has this id"):
        read_items(path, RULES["arc"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "predictions.jsonl: holds no prediction"),
        ([said("b", "A")], "predictions.jsonl: row 1, id 'b': no item has this id"),
        ([{"id": "a"}], "row 1, id 'a': prediction is missing"),
        ([said("a", None)], "row 1, id 'a': prediction is null; allowed: text"),
        ([said("a", float("nan"))], "row 1, id 'a': prediction is NaN; allowed: text"),
        ([said("a", ["A"])], "row 1, id 'a': prediction is a list; allowed: text"),
        ([said("a", "A"), said("a", 0)], "row 2, id 'a': prediction is a number; allowed: text"),
        (b'{"id": "a", "prediction": "\xe9"}', "row 1: byte 28 is not UTF-8"),
    ],
)
def test_predictions_that_are_refused(
    tmp_path: Path, content: list[Row] | bytes, message: str
) -> None:
    items = read_items(write(tmp_path / "items.jsonl", [ITEM]), RULES["arc"])
    path = write(tmp_path / "predictions.jsonl", content)
    with pytest.raises(DataError, match=re.escape(message)) as refused:
        read_predictions(path, items)
    assert len(refused.value.lines) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
KEYS = ["id", "question", "options", "gold", "split", "category", "image", "pair", "prediction"]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(RULES)),
    st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), max_size=2),
    st.binary(max_size=20) | st.just(b""),
)
def test_any_file_is_scored_or_refused_in_one_line(
    benchmark: str, changes: list[Row], noise: bytes
) -> None:
    good = asked("a", "yes" if RULES[benchmark].form == "yes_no" else "A", prediction="A")
    lines = [json.dumps({**good, "id": f"i{n}", **row}) for n, row in enumerate([{}, *changes])]
    with tempfile.TemporaryDirectory() as folder:
        content = "\n".join(lines).encode() + b"\n" + noise
        refused = None
        try:
            outputs(Path(folder), content, content, benchmark)
        except DataError as error:
            refused = error
    assert refused is None or (len(refused.lines) == 1 and refused.lines[0].isprintable())


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(MlanError, match=r"benchmark = 'popo': unknown; did you mean 'pope'\?"):
        judging("popo", "official")
    with pytest.raises(MlanError, match=r"parser = 'strikt': unknown; did you mean 'strict'\?"):
        judging("pope", "strikt")


def test_pope_release_where_all_is_yes(tmp_path: Path) -> None:
    """Half of the 3 x 3,000 golds are yes: precision 1/2, recall 1, F1 2/3 in every split."""
    files = sorted(REAL.glob("pope/*.json"))
    if not files:
        pytest.skip(f"no pope/*.json in {REAL}; set MLAN_REAL_DATA to a folder that has it")
    items = [
        asked(
            f"{file.stem}/{row['question_id']}", row["label"], split=file.stem, image=row["image"]
        )
        for file in files
        for row in map(json.loads, file.read_text().splitlines())
    ]
    found, _ = outputs(tmp_path, items, [said(item["id"], "Yes") for item in items])
    assert (found["n"], found["missing"], found["clusters"]) == (9000, 0, 500)
    numbers = values(found["metrics"])
    assert (numbers["yes_rate"], numbers["gold_yes_rate"], numbers["accuracy"]) == (1, 0.5, 0.5)
    assert numbers["f1_yes_mean"] == pytest.approx(2 / 3)
    assert [*found["splits"]] == ["coco_pope_adversarial", "coco_pope_popular", "coco_pope_random"]
