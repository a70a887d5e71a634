"""Raw rows of every format: the same rows, and one line for what cannot be read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.data.file_sources import own_source, read_source
from mlan.errors import DataError
from tests.data.own import read, reasons, write

QA: dict[str, Any] = {"adapter": "qa", "modality": "text"}
ROWS = [
    {"question": 'Say "a, b".\nTwice?', "answer": "a, b"},
    {"question": "Zürich?", "answer": "Yes"},
]


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(rows).to_parquet(stream)
    return stream.getvalue()


FORMATS = {
    "mine.json": ROWS,
    "mine.jsonl": ROWS,
    "mine.csv": 'question,answer\r\n"Say ""a, b"".\nTwice?","a, b"\r\nZürich?,Yes\r\n',
    "mine.tsv": 'question\tanswer\nSay "a, b".\\nTwice?\ta, b\n\nZürich?\tYes\n',
    "mine.parquet": _parquet([{**row, "unread": number} for number, row in enumerate(ROWS)]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    rows, dropped = read(write(tmp_path, name, FORMATS[name]), **QA, escapes=True)
    assert [row.turns for row in rows] == [
        [{"user": row["question"], "assistant": row["answer"]}] for row in ROWS
    ]
    assert [row.id for row in rows] == ["row-0", "row-1"]
    assert dropped == []


def test_quotation_marks_and_backslashes_of_a_tsv_are_letters(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.tsv", '"Quoted" is\\not?\tIt "is"\n')
    (row,), _ = read(path, **QA, columns=["question", "answer"])
    assert row.turns == [{"user": '"Quoted" is\\not?', "assistant": 'It "is"'}]


def test_escapes_are_read_from_left_to_right(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.tsv", "a\\\\nb\\tc\\qd\tx\n")
    (row,), _ = read(path, **QA, columns=["question", "answer"], escapes=True)
    assert row.turns[0]["user"] == "a\\nb\tc\\qd"


def test_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    one = write(tmp_path, "a.json", [*ROWS, {"question": "?"}])
    two = write(tmp_path, "b.csv", "answer,question\n4,2 + 2?\n,5?\n")
    found = read([one, two], **QA)
    assert [(row.number, row.id) for row in found[0]] == [(0, "row-0"), (1, "row-1"), (3, "row-3")]
    assert reasons(found) == [(2, "no answer"), (4, "empty answer")]


def test_ragged_lines_are_dropped_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.csv", "id,question,answer\n1,a,b\n2,a\n3,a,b,c\n")
    found = read(path, **QA)
    assert [row.id for row in found[0]] == ["1"]
    assert reasons(found) == [(1, "fewer fields than columns"), (2, "more fields than columns")]
    assert [row.id for row in found[1]] == ["2", "3"]


CANNOT_BE_READ = {
    "column": (
        "mine.csv",
        "q,answer\n1,2\n",
        "no column 'question'; it has 'q', 'answer'",
    ),
    "column of parquet": (
        "mine.parquet",
        _parquet([{"q": 1, "a": 2}]),
        "no column 'question', 'answer'; it has 'q', 'a'",
    ),
    "column twice": (
        "mine.tsv",
        "question\tanswer\tanswer\n",
        "column 'answer' stands twice",
    ),
    "open quote": (
        "mine.csv",
        'question,answer\n"a,b\n',
        "not CSV at line 2 (unexpected end of data)",
    ),
    "no parquet": (
        "mine.parquet",
        b"PAR1 no parquet PAR1",
        "not a readable parquet file (Parquet file size is 20 bytes",
    ),
    "no UTF-8": ("mine.csv", b"question,answer\n\xff,b\n", "byte 16 is not UTF-8; save the file"),
    "a number too long": ("mine.jsonl", '{"id": ' + "9" * 5000 + "}", "cannot be read as JSON"),
    "a list too deep": ("mine.jsonl", "[" * 100_000, "cannot be read as JSON"),
}


@pytest.mark.parametrize("case", CANNOT_BE_READ)
def test_file_that_cannot_be_read_is_one_line(tmp_path: Path, case: str) -> None:
    name, content, message = CANNOT_BE_READ[case]
    with pytest.raises(DataError) as error:
        read(write(tmp_path, name, content), **QA)
    (line,) = error.value.lines
    assert line.startswith(f"data.sources.mine.path = '{name}': {message}")
    assert "\n" not in line


def test_missing_file_and_wrong_checksum_name_their_key(tmp_path: Path) -> None:
    one, two = write(tmp_path, "a.json", ROWS), tmp_path / "none.json"
    with pytest.raises(DataError) as error:
        read([one, two], **QA)
    assert error.value.lines == (
        "data.sources.mine.path.1 = 'none.json': no such file; paths are relative to the study "
        "file",
    )
    write(tmp_path, "none.json", ROWS)
    with pytest.raises(DataError, match=r"data\.sources\.mine\.sha256\.0 says otherwise$"):
        read([one, two], **QA, sha256=["0" * 64] * 2)


def test_cut_parquet_is_one_line(tmp_path: Path) -> None:
    content = _parquet([{"question": str(n), "answer": "x" * n} for n in range(500)])
    broken = content[:40] + b"\xff" * 300 + content[340:]
    with pytest.raises(DataError, match=r"^data\.sources\.mine\.path = 'a\.parquet': not a read"):
        read(write(tmp_path, "a.parquet", broken), **QA)


@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=60) | st.text(alphabet='a,"\t\n\r\\', max_size=40).map(str.encode),
    name=st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet"]),
)
def test_any_bytes_are_rows_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path = write(tmp_path_factory.getbasetemp(), name, content)
    source = own_source({**QA, "path": name, "columns": ["question", "answer"], "escapes": True})
    try:
        rows, dropped = read_source("mine", source, {"file": path})
        lines: tuple[str, ...] = ("",)
    except DataError as error:
        rows, dropped, lines = [], [], error.lines
    assert [line.count("\n") for line in lines] == [0]
    numbers = sorted(row.number for row in [*rows, *dropped])
    assert numbers == list(range(len(numbers)))
