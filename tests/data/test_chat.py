"""Adapter `chat`: literal rows and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.own import ANY_JSON, read, reasons, write

CHAT: dict[str, Any] = {"adapter": "chat", "modality": "text"}
PICTURES: dict[str, Any] = {"adapter": "chat", "modality": "vision", "image_folder": "photos"}


def _says(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


ASKED = [_says("user", "2 + 2? "), _says("assistant", "4"), _says("user", "+ 1?")]
ANSWERED = [*ASKED, _says("assistant", "5")]


def test_messages_become_turns(tmp_path: Path) -> None:
    (row,), dropped = read(write(tmp_path, "a.jsonl", [{"id": 7, "messages": ANSWERED}]), **CHAT)
    assert row.turns == [{"user": "2 + 2?", "assistant": "4"}, {"user": "+ 1?", "assistant": "5"}]
    assert (row.id, row.image, row.style) == ("7", "", "free")
    assert dropped == []


def test_parquet_gives_the_rows_of_json(tmp_path: Path) -> None:
    rows = [{"id": "a", "messages": ANSWERED}, {"id": "b", "messages": ASKED}]
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", **CHAT) == read(write(tmp_path, "a.jsonl", rows), **CHAT)


def test_system_message_goes_before_the_first_question_or_is_refused(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.jsonl",
        [
            {"messages": [_says("system", "Be brief."), *ANSWERED]},
            {"messages": [_says("system", ""), *ANSWERED]},
        ],
    )
    rows, _ = read(path, **CHAT)
    assert [row.turns[0]["user"] for row in rows] == ["Be brief.\n\n2 + 2?", "2 + 2?"]
    assert reasons(read(path, **CHAT, system="refuse")) == [
        (0, "system message"),
        (1, "system message"),
    ]


def test_names_are_the_sources_to_choose(tmp_path: Path) -> None:
    talk = [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": "Hi."}]
    path = write(tmp_path, "a.json", [{"key": "x", "talk": talk}])
    names = {"messages": "talk", "role": "from", "content": "value", "id": "key"}
    (row,), _ = read(path, **CHAT, **names, user="human", assistant="gpt")
    assert (row.id, row.turns) == ("x", [{"user": "Hello?", "assistant": "Hi."}])


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (None, "no messages"),
        ([], "no messages"),
        (ASKED, "last question has no answer"),
        ([_says("user", "a"), _says("assistant", " ")], "empty answer"),
        ([_says("user", " "), _says("assistant", "b")], "empty question"),
        ([_says("user", None), _says("assistant", "b")], "turn without a text content"),
        (
            [_says("user", "a"), _says("tool", "b")],
            "roles are not user, assistant, user, assistant, ...",
        ),
        (
            [*ANSWERED, _says("system", "late"), _says("assistant", "b")],
            "roles are not user, assistant, user, assistant, ...",
        ),
        ([_says("system", 5), *ANSWERED], "content is a number, not text"),
        ([_says("user", "<image> a"), _says("assistant", "b")], "<image> without an image"),
        (
            [_says("user", [{"type": "audio"}]), _says("assistant", "b")],
            "part of a message that is neither text nor image",
        ),
    ],
)
def test_bad_row_is_dropped_with_its_reason(tmp_path: Path, messages: Any, reason: str) -> None:
    path = write(tmp_path, "a.json", [{"messages": ANSWERED}, {"messages": messages}])
    assert reasons(read(path, **CHAT)) == [(1, reason)]


def test_pictures_need_no_marker_and_stand_in_the_first_question(tmp_path: Path) -> None:
    parts = [{"type": "image"}, {"type": "text", "text": "What?"}]
    late = [*ANSWERED, _says("user", "<image>?"), _says("assistant", "b")]
    path = write(
        tmp_path,
        "a.json",
        [
            {"image": "a.jpg", "messages": ANSWERED},
            {"image": "./b.jpg", "messages": [_says("user", parts), _says("assistant", "It.")]},
            {"image": {"bytes": None, "path": "c.jpg"}, "messages": ANSWERED},
            {"image": "a.jpg", "messages": late},
            {"image": ["a.jpg", "b.jpg"], "messages": ANSWERED},
            {"image": "../a.jpg", "messages": ANSWERED},
            {"messages": ANSWERED},
        ],
    )
    found = read(path, **PICTURES)
    assert [row.image for row in found[0]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert found[0][1].turns == [{"user": "What?", "assistant": "It."}]
    assert reasons(found) == [
        (3, "<image> is not in the first question"),
        (4, "more than one image"),
        (5, "image outside the image folder"),
    ]


_MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system"]) | ANY_JSON,
        "content": st.just("hello") | st.lists(st.just({"type": "image"}) | ANY_JSON) | ANY_JSON,
    }
)
_ROW = ANY_JSON | st.fixed_dictionaries(
    {"messages": st.lists(_MESSAGE, max_size=4) | ANY_JSON},
    optional={"id": ANY_JSON, "image": ANY_JSON | st.just("x/y.png")},
)


@settings(max_examples=150, deadline=None)
@given(content=st.lists(_ROW, max_size=6))
def test_every_row_is_kept_or_counted_in_its_modality(
    tmp_path_factory: pytest.TempPathFactory, content: list[Any]
) -> None:
    path = write(tmp_path_factory.getbasetemp(), "any.json", content)
    handled: list[int] = []
    for source in (CHAT, PICTURES):
        rows, dropped = read(path, **source)
        assert len({row.id for row in rows}) == len(rows)
        handled += [row.number for row in [*rows, *dropped]]
    expected = [n for n, row in enumerate(content) for _ in range(2 - isinstance(row, dict))]
    assert sorted(handled) == expected
