import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.config.data import ConversationsSource
from mlan.data.file_sources import read_source
from mlan.data.rows import Rejected, Row, build_examples, check_rejected
from mlan.errors import DataError


def _source(modality: str = "vision", **more: Any) -> ConversationsSource:
    return ConversationsSource(
        adapter="conversations",
        modality=modality,
        path="mine.json",
        image_folder="pictures",
        **more,
    )


def _read(source: ConversationsSource, path: Path) -> tuple[list[Row], list[Rejected]]:
    return read_source("mine", source, {"file": path})


def _row(key: str, *values: str, image: Any = "a.jpg") -> dict[str, Any]:
    turns = [{"from": ("human", "gpt")[i % 2], "value": v} for i, v in enumerate(values)]
    row = {"id": key, "conversations": turns}
    return row if image is None else {**row, "image": image}


def _file(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


GOOD = _row("one", "<image>\nWhat is it?", "A cat.", "Which colour?", "Grey.")
TEXT = _row("two", "Capital of France?", "Paris", image=None)


def test_rows_are_read_by_modality_with_all_turns(tmp_path: Path) -> None:
    path = _file(tmp_path, [GOOD, TEXT])
    (vision,), dropped = _read(_source(), path)
    assert vision.image == "a.jpg"
    assert vision.turns == [
        {"user": "What is it?", "assistant": "A cat."},
        {"user": "Which colour?", "assistant": "Grey."},
    ]
    (text,), also_dropped = _read(_source("text"), path)
    assert text.turns == [{"user": "Capital of France?", "assistant": "Paris"}]
    assert dropped == also_dropped == []


def test_json_lines_with_byte_order_mark_and_blank_lines_are_read(tmp_path: Path) -> None:
    lines = "\ufeff" + json.dumps(GOOD) + "\n\n" + json.dumps(TEXT) + "\n"
    rows, _ = _read(_source(), _file(tmp_path, lines))
    assert [row.id for row in rows] == ["one"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": "x", "image": "a.jpg"}, "no conversations"),
        (_row("x", image="a.jpg"), "no conversations"),
        (_row("x", "<image> a", "b", "c"), "last question has no answer"),
        (_row("x", "<image> a", "  "), "empty answer"),
        (_row("x", "<image>", "b"), "empty question"),
        (_row("x", "no marker", "b"), "no <image> in the first question"),
        (_row("x", "<image> <image> a", "b"), "more than one <image>"),
        (_row("x", "a", "b", "<image> c", "d"), "<image> is not in the first question"),
        (_row("x", "<image> a", "b", image=["a.jpg", "b.jpg"]), "more than one image"),
        (_row("x", "<image> a", "b", image=7), "image is not a path"),
        (_row("x", "<image> a", "b", image="\ud800.jpg"), "image is not a path"),
        (_row("x", "<image> a", "half a pair: \ud83d"), "text is not Unicode"),
        (_row("x", "<image> a", "b", image="../a.jpg"), "image outside the image folder"),
        (_row("x", "<image> a", "b", image="/etc/a.jpg"), "image outside the image folder"),
        (_row("x", "<image> a", "b", image="..\\a.jpg"), "image outside the image folder"),
        (_row("x", "<image> a", "b", image="C:/a.jpg"), "image outside the image folder"),
        (
            {"id": "x", "image": "a.jpg", "conversations": [{"from": "gpt", "value": "b"}]},
            "roles are not human, gpt, human, gpt, ...",
        ),
        (
            {"id": "x", "image": "a.jpg", "conversations": [{"from": "human", "value": None}]},
            "turn without a text value",
        ),
        ("x", "row is not an object"),
    ],
)
def test_bad_vision_row_is_dropped_with_its_reason(tmp_path: Path, row: Any, reason: str) -> None:
    rows, dropped = _read(_source(), _file(tmp_path, [GOOD, row]))
    assert [r.id for r in rows] == ["one"]
    assert [(d.number, d.reason) for d in dropped] == [(1, reason)]


def test_marker_in_a_text_row_is_a_reason(tmp_path: Path) -> None:
    bad = _row("x", "<image> a", "b", image=None)
    _, dropped = _read(_source("text"), _file(tmp_path, [TEXT, bad]))
    assert [d.reason for d in dropped] == ["<image> without an image"]


def test_rows_of_one_id_are_kept_apart_and_copies_dropped(tmp_path: Path) -> None:
    other = _row("one", "<image> Where?", "Here.")
    rows, dropped = _read(_source(), _file(tmp_path, [GOOD, other, GOOD]))
    assert [row.id for row in rows] == ["one", "one#2"]
    assert [(d.id, d.reason) for d in dropped] == [("one", "duplicate of an earlier row")]


def test_an_id_that_looks_like_a_second_one_stays_unique(tmp_path: Path) -> None:
    content = [
        _row("a#2", "<image> q", "1"),
        _row("a", "<image> q", "2"),
        _row("a", "<image> q", "3"),
    ]
    rows, _ = _read(_source(), _file(tmp_path, content))
    assert len({row.id for row in rows}) == 3


def test_rows_without_id_are_named_by_their_place(tmp_path: Path) -> None:
    row = {k: v for k, v in GOOD.items() if k != "id"}
    rows, _ = _read(_source(), _file(tmp_path, [TEXT, row]))
    assert [r.id for r in rows] == ["row-1"]


def test_examples_carry_the_sources_name(tmp_path: Path) -> None:
    rows, _ = _read(_source(), _file(tmp_path, [GOOD]))
    (example,) = build_examples("mine", _source(), rows).to_dict("records")
    assert (example["id"], example["image"]) == ("mine/one", "mine/a.jpg")
    assert (example["style"], example["concept"], example["modality"]) == ("free", "", "vision")


def test_too_many_rejected_rows_are_an_error_with_counts(tmp_path: Path) -> None:
    bad = [_row(str(n), "<image> a", "") for n in range(2)] + [_row("x", "a", "b")]
    rows, dropped = _read(_source(), _file(tmp_path, [GOOD, *bad]))
    with pytest.raises(DataError) as error:
        check_rejected("mine", _source(), len(rows), dropped)
    assert error.value.lines == (
        "data.sources.mine: 3 of 4 rows rejected (2 empty answer, 1 no <image> in the first "
        "question); max_rejected = 0.01; mend the rows or raise it",
    )
    check_rejected("mine", _source(max_rejected=0.75), len(rows), dropped)


def test_no_row_of_the_modality_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        check_rejected("mine", _source("text"), 0, [])
    assert error.value.lines == (
        "data.sources.mine: no usable text row in mine.json; rows with `image` are vision, "
        "the others text",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '[{"id": "a"},\n {"id": ',
            "not JSON at line 2 column 9 (Expecting value); is the file complete?",
        ),
        (
            '{"id": "a"}\n{"id": "b", \n',
            "not JSON at line 2 column 13 (Expecting property name enclosed in double quotes); "
            "a file is one JSON list, or one JSON object per line",
        ),
        (
            "id,question\n1,what",
            "not JSON at line 1 column 1 (Expecting value); a file is one JSON list, or one JSON "
            "object per line",
        ),
    ],
)
def test_file_that_is_not_json_is_an_error_with_its_place(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(DataError) as error:
        _read(_source(), _file(tmp_path, content))
    assert error.value.lines == (f"data.sources.mine.path = 'mine.json': {message}",)


def test_file_in_another_encoding_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes('["Zürich"]'.encode("latin-1"))
    with pytest.raises(DataError) as error:
        _read(_source(), path)
    assert error.value.lines == (
        "data.sources.mine.path = 'mine.json': byte 3 is not UTF-8; save the file as UTF-8",
    )


def test_missing_file_and_wrong_checksum_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        _read(_source(), tmp_path / "none.json")
    assert error.value.lines == (
        "data.sources.mine.path = 'mine.json': no such file; paths are relative to the study file",
    )
    with pytest.raises(DataError, match=r"sha256 is [0-9a-f]{64}, data.sources.mine.sha256 says"):
        _read(_source(sha256="0" * 64), _file(tmp_path, [GOOD]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_MESSAGE = st.fixed_dictionaries(
    {"from": st.sampled_from(["human", "gpt", "system"]), "value": _JSON | st.just("<image> hello")}
)
_ROW = _JSON | st.fixed_dictionaries(
    {"conversations": st.lists(_MESSAGE, max_size=4) | _JSON},
    optional={"id": _JSON | st.sampled_from(["a", "b"]), "image": _JSON | st.just("x/y.png")},
)


@settings(max_examples=150, deadline=None)
@given(content=st.lists(_ROW, max_size=6))
def test_any_json_list_is_split_into_good_and_counted_rows(
    tmp_path_factory: pytest.TempPathFactory, content: list[Any]
) -> None:
    path = _file(tmp_path_factory.mktemp("any"), content)
    handled: Counter[int] = Counter()
    for modality in ("text", "vision"):
        rows, dropped = _read(_source(modality), path)
        handled.update(row.number for row in [*rows, *dropped])
        assert len({row.id for row in rows}) == len(rows)
        for row in rows:
            assert bool(row.image) == (modality == "vision")
            assert all(t["assistant"].strip() and "<image>" not in t["user"] for t in row.turns)
    objects = [n for n, row in enumerate(content) if isinstance(row, dict)]
    others = [n for n, row in enumerate(content) if not isinstance(row, dict)]
    assert all(handled[n] == 1 for n in objects)
    assert all(handled[n] == 2 for n in others)
