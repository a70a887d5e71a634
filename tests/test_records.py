"""Canonical identities, atomic writes, and readers that compare with the record."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan import records
from mlan.errors import IntegrityError
from mlan.records import (
    atomic,
    canonical,
    checked,
    digest,
    file_digest,
    input_digest,
    read_checked,
    read_record,
    read_run,
    write_bytes,
    write_csv,
    write_json,
    write_parquet,
    write_record,
)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def record(folder: Path, *outputs: Path, **more: Any) -> None:
    arguments: dict[str, Any] = {"stage": "mix", "identity": {"a": 1}, "code": "c0de", "inputs": {}}
    write_record(folder, **{**arguments, **more}, outputs=list(outputs))


# --- canonical -------------------------------------------------------------------------------


def test_canonical_known_text() -> None:
    value = {"b": (1, 2.5, None), "a": {"z": True, "é": "x"}}
    assert canonical(value) == '{"a":{"z":true,"é":"x"},"b":[1,2.5,null]}'


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}),
        (1.0, 1),
        (-0.0, 0),
        (1e3, 1000),
        ((1, 2), [1, 2]),
    ],
)
def test_equal_meaning_gives_equal_text(one: Any, two: Any) -> None:
    assert canonical(one) == canonical(two)
    assert digest(one) == digest(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [([1, 2], [2, 1]), (1, "1"), (True, 1), (None, 0), (0.1, 0.10000001), ({}, [])],
)
def test_different_meaning_gives_different_text(one: Any, two: Any) -> None:
    assert canonical(one) != canonical(two)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, {1, 2}, b"x", Path("x"), object(), lambda: 0, 1j],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_form_is_refused_at_any_depth(value: Any) -> None:
    for nested in (value, {"a": [value]}):
        with pytest.raises(TypeError, match="no place in an identity"):
            canonical(nested)


def test_keys_that_would_fall_together_are_refused() -> None:
    with pytest.raises(TypeError, match="the key 1 has no place in an identity"):
        canonical({1: "a", "1": "b"})


@given(PLAIN)
def test_canonical_is_stable_when_read_back(value: Any) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


# --- atomic writes ---------------------------------------------------------------------------


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.csv"
    write_bytes(path, b"old")

    def fail() -> None:
        with atomic(path) as temporary:
            temporary.write_bytes(b"half of the new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [p.name for p in path.parent.iterdir()] == ["table.csv"]
    assert path.read_bytes() == b"old"


def test_file_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with atomic(path) as temporary:
        assert temporary.parent == path.parent, "a move between file systems is not atomic"
        temporary.write_bytes(b"all")
        assert not path.exists()
    assert path.read_bytes() == b"all"
    assert os.stat(path).st_mode & 0o777 == 0o644


def test_writers_give_equal_bytes_for_equal_content(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.23456789, 2.0], "name": ["é", "b"], "list": [[1], [2, 3]]})
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    write_csv(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n "a": "é",\n "b": 1\n}\n'
    assert (tmp_path / "a.csv").read_text("utf-8") == ('x,name,list\n1.23457,é,[1]\n2,b,"[2, 3]"\n')
    for name in ("a", "b"):
        write_parquet(tmp_path / f"{name}.parquet", frame.copy())
    assert file_digest(tmp_path / "a.parquet") == file_digest(tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "a.parquet").drop(columns="list"), frame.drop(columns="list")
    )


# --- records ---------------------------------------------------------------------------------


def test_file_digest_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert file_digest(tmp_path / "abc") == known
    assert digest("abc") != known, "the digest of a value is that of its JSON"


def test_record_names_inputs_and_outputs_by_digest(tmp_path: Path) -> None:
    producer, folder = tmp_path / "producer", tmp_path / "mine"
    write_bytes(producer / "data.txt", b"data")
    record(producer, producer / "data.txt")
    write_bytes(tmp_path / "own.json", b"[]")
    write_bytes(folder / "a.txt", b"a")
    write_bytes(folder / "sub" / "b.txt", b"b")
    record(
        folder,
        folder / "sub" / "b.txt",
        folder / "a.txt",
        inputs={"data": producer, "own": tmp_path / "own.json"},
        facts={"rows": 2.0},
    )
    found = read_record(folder)
    assert found["outputs"] == {
        "a.txt": file_digest(folder / "a.txt"),
        "sub/b.txt": file_digest(folder / "sub" / "b.txt"),
    }
    assert found["inputs"] == {
        "data": file_digest(producer / "record.json"),
        "own": file_digest(tmp_path / "own.json"),
    }
    assert (found["identity"], found["code"], found["facts"]) == ({"a": 1}, "c0de", {"rows": 2})
    assert input_digest(producer) == found["inputs"]["data"]


def test_equal_jobs_write_equal_records_wherever_they_lie(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_bytes(tmp_path / name / "a.txt", b"a")
        record(tmp_path / name, tmp_path / name / "a.txt")
    assert input_digest(tmp_path / "one") == input_digest(tmp_path / "two")


def test_record_that_cannot_be_written_leaves_none(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a.txt", b"a")
    with pytest.raises(TypeError):
        record(tmp_path, tmp_path / "a.txt", identity={"a": math.nan})
    with pytest.raises(FileNotFoundError):
        record(tmp_path, tmp_path / "a.txt", tmp_path / "gone.txt")
    assert not (tmp_path / "record.json").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'{"outputs": 1}']
)
def test_record_that_is_none_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        read_record(tmp_path)
    assert caught.value.lines == (f"{path}: not readable; delete it and run again",)


def test_missing_record_says_that_the_job_has_not_finished(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"record\.json: missing; the job that writes it has"):
        read_record(tmp_path)


# --- checked ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    write_parquet(folder / "a.parquet", pd.DataFrame({"x": [1, 2]}))
    write_bytes(folder / "sub" / "b.txt", b"0123456789")
    record(folder, folder / "a.parquet", folder / "sub" / "b.txt")
    return folder


def refused(path: Path) -> str:
    with pytest.raises(IntegrityError) as caught:
        checked(path)
    (line,) = caught.value.lines
    assert line.startswith((f"{path}: ", f"{path.parent / 'record.json'}: "))
    return line


def test_unchanged_files_pass_also_in_subfolders(folder: Path) -> None:
    assert checked(folder / "sub" / "b.txt") == folder / "sub" / "b.txt"
    assert read_checked(folder / "a.parquet")["x"].tolist() == [1, 2]


def test_relative_path_passes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert checked(Path("sub/b.txt")) == Path("sub/b.txt")
    monkeypatch.chdir(folder.parent)
    assert checked(Path("made/sub/b.txt")) == Path("made/sub/b.txt")


def test_flipped_byte_with_equal_size_and_time_is_found(folder: Path) -> None:
    path = folder / "sub" / "b.txt"
    before = path.stat()
    path.write_bytes(b"012345678x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert refused(path).endswith(
        f"differs from what its record says; delete {folder} and run again"
    )


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recorded file of a study that counts as large, read once through a link."""
    monkeypatch.setattr(records, "LARGE", 1)
    monkeypatch.setattr(records, "_SETTLED_NS", 0)
    (tmp_path / "study" / "state").mkdir(parents=True)
    weights, link = (
        tmp_path / "cache" / "weights",
        tmp_path / "study" / "backbone" / "w.safetensors",
    )
    write_bytes(weights, b"0123456789")
    link.parent.mkdir()
    link.symlink_to(weights)
    _later(weights)
    record(link.parent, link)
    return checked(link)


def _later(path: Path) -> None:
    """Wait until a write would be told by the clock of the file system."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        path.touch()


def test_large_file_is_read_once_while_it_stays_as_it_is(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> str:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(records, "file_digest", read)
    assert checked(large) == large
    assert checked(large) == large


@pytest.mark.parametrize("keep_times", [False, True])
def test_changed_byte_of_a_large_file_is_found_also_with_its_old_times(
    large: Path, keep_times: bool
) -> None:
    file, before = large.resolve(), large.stat()
    _later(file)
    with file.open("r+b") as stream:
        stream.write(b"X")
    if keep_times:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert file.stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        checked(large)


@pytest.mark.parametrize("memory", [b"", b"[]", b"{}", b'{"file": 1, "sha256": "00"}'])
def test_spoilt_memory_of_a_digest_means_that_the_file_is_read(large: Path, memory: bytes) -> None:
    [path] = (large.parents[1] / "state" / "digests").iterdir()
    path.write_bytes(memory)
    assert checked(large) == large


def test_file_that_was_written_just_now_is_not_remembered(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [path] = (large.parents[1] / "state" / "digests").iterdir()
    path.unlink()
    monkeypatch.setattr(records, "_SETTLED_NS", 10**12)
    assert checked(large) == large
    assert not path.exists()


def test_truncated_file_is_found_before_it_is_parsed(folder: Path) -> None:
    path = folder / "a.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        read_checked(path)


def test_missing_file_is_found(folder: Path) -> None:
    (folder / "a.parquet").unlink()
    assert "missing although" in refused(folder / "a.parquet")


def test_file_that_no_record_names_is_refused(folder: Path) -> None:
    (folder / "sub" / "late.txt").write_bytes(b"")
    assert f"not in {folder / 'record.json'}" in refused(folder / "sub" / "late.txt")


def test_file_without_any_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    assert "missing; the job that writes it has not finished" in refused(tmp_path / "x")


def test_withdrawn_record_makes_every_file_of_the_folder_unreadable(folder: Path) -> None:
    (folder / "record.json").unlink()
    assert "missing; the job that writes it has not finished" in refused(folder / "a.parquet")


def test_nearest_record_above_a_file_decides(folder: Path) -> None:
    inner = folder / "sub"
    record(inner, inner / "b.txt")
    (inner / "b.txt").write_bytes(b"changed by the inner stage")
    assert f"delete {inner} and run again" in refused(inner / "b.txt")


def test_run_json_is_optional(folder: Path) -> None:
    assert read_run(folder) == {}
    write_json(folder / "run.json", {"seconds": 2})
    assert read_run(folder) == {"seconds": 2}
