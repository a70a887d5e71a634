"""Folders and zip archives of pictures: what is found, what is refused, and with which words."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.data.albums import Album, Archive, Folder, open_album
from mlan.errors import DataError

KEY = "data.sources.mine.image_folder"
PICTURES = {"a.png": b"first", "sub/deep/b.png": b"second" * 40, "sub/c.png": b""}
# Where a central directory's entry, which begins with this, says what.
CENTRAL, FLAGS, SIZE = b"PK\x01\x02", 8, 24


def _zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _open(path: Path) -> Album:
    return open_album(KEY, path.name, path)


def _patch(path: Path, offset: int, form: str, value: int) -> Path:
    """Rewrite a field of the first entry of the list of members."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, content.index(CENTRAL) + offset, value)
    path.write_bytes(content)
    return path


def test_archive_and_folder_give_the_same_bytes_under_the_same_names(tmp_path: Path) -> None:
    for name, content in PICTURES.items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(content)
    packed = _zip(tmp_path / "photos.ZIP", {"sub/": b"", **PICTURES}, zipfile.ZIP_DEFLATED)
    albums = [_open(tmp_path / "photos"), _open(packed)]
    assert [type(album) for album in albums] == [Folder, Archive]
    for album in albums:
        assert {name: album.read(name) for name in PICTURES} == PICTURES
        problems = {name: album.problem(name) for name in (*PICTURES, "sub", "b.png", "A.png", "")}
        assert problems == dict.fromkeys(PICTURES, "") | dict.fromkeys(
            ("sub", "b.png", "A.png", ""), "image missing"
        )


def test_members_are_named_as_rows_spell_them(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"./x/a.png": b"a", "x\\b.png": b"b", "../c.png": b"c"})
    album = _open(path)
    assert [album.read(name) for name in ("x/a.png", "x/b.png")] == [b"a", b"b"]
    # A row may not say `..`, so that this one is never asked; nothing is ever written.
    assert album.problem("c.png") == "image missing"
    assert [found.name for found in tmp_path.rglob("*")] == ["a.zip"]


def test_encrypted_and_huge_members_are_told_apart(tmp_path: Path) -> None:
    one = _patch(_zip(tmp_path / "a.zip", {"a": b"a", "b": b"b"}), FLAGS, "<H", 1)
    assert [_open(one).problem(name) for name in "ab"] == ["image encrypted", ""]
    two = _patch(_zip(tmp_path / "b.zip", {"a": b"a", "b": b"b"}), SIZE, "<I", 100_000_001)
    assert [_open(two).problem(name) for name in "ab"] == ["image above 100 MB", ""]
    assert not _open(_patch(two, SIZE, "<I", 100_000_000)).problem("a")


def test_bomb_that_states_a_small_size_is_not_unpacked(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a": bytes(60_000_000)}, zipfile.ZIP_DEFLATED)
    album = _open(_patch(path, SIZE, "<I", 1000))
    tracemalloc.start()
    assert album.read("a") is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_damaged_member_cannot_be_read_and_the_others_can(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", PICTURES)
    path.write_bytes(path.read_bytes().replace(b"second", b"sekond", 1))
    album = _open(path)
    assert [album.read(name) for name in PICTURES] == [b"first", None, b""]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file; paths are relative to the study file"),
        (b"", "not a readable zip archive (File is not a zip file); is the file complete?"),
        (b"\x89PNG", "not a readable zip archive (File is not a zip file); is the file complete?"),
        ("cut", "not a readable zip archive (File is not a zip file); is the file complete?"),
        ("head lost", "not a readable zip archive (Bad magic number for central directory)"),
    ],
)
def test_archive_that_cannot_be_read_is_one_line(
    tmp_path: Path, content: bytes | str | None, said: str
) -> None:
    path = tmp_path / "photos.zip"
    whole = _zip(path, PICTURES).read_bytes()
    path.unlink()
    if content == "cut":
        path.write_bytes(whole[:-30])
    elif content == "head lost":
        path.write_bytes(whole.replace(CENTRAL, b"PK\x00\x00"))
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(DataError) as error:
        _open(path)
    (line,) = error.value.lines
    assert line.startswith(f"{KEY} = 'photos.zip': {said}")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = _zip(tmp_path_factory.getbasetemp() / "a.zip", PICTURES, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        album, lines = _open(path), ()
    except DataError as error:
        album, lines = Folder(path), error.lines
    assert not any("\n" in line for line in lines)
    for name, whole in PICTURES.items():
        if not album.problem(name):
            assert album.read(name) in (whole, None, b"")
