"""Where pictures lie that rows name by path: a folder, or a zip archive.

An archive is never unpacked: a picture is a member, read into memory under the name that the row
gives it, so that no name can lead to a file elsewhere. Not here: decoding (`photos`).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Protocol
from zipfile import ZipFile

from mlan.config.files import is_archive
from mlan.errors import DataError

# Members that unpack to more are no photos; a few KB can unpack to many GB.
_LARGEST_MB = 100
_ENCRYPTED = 0x1  # of a member's flags, APPNOTE.TXT 4.4.4


class Album(Protocol):
    """Pictures by relative path."""

    def problem(self, image: str) -> str:
        """Return why a picture cannot be used, or an empty text."""

    def read(self, image: str) -> bytes | None:
        """Return the bytes of a picture without a problem, None if they cannot be read."""


class Folder:
    """Pictures as files below a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def problem(self, image: str) -> str:
        """Return why a picture cannot be used, or an empty text."""
        path = self._path / image
        try:
            if not path.is_file():
                return "image missing"
            inside = path.resolve().is_relative_to(self._path.resolve())
        except OSError:  # e.g. a name that is too long for the file system
            return "image missing"
        return "" if inside else "image outside the image folder"

    def read(self, image: str) -> bytes | None:
        """Return the bytes of a picture without a problem, None if they cannot be read."""
        try:
            return (self._path / image).read_bytes()
        except OSError:
            return None


class Archive:
    """Pictures as members of a zip archive; of members that share a name the last counts."""

    def __init__(self, path: Path) -> None:
        self._zip = ZipFile(path)
        members = (member for member in self._zip.infolist() if not member.is_dir())
        self._members = {_spelt(member.filename): member for member in members}

    def problem(self, image: str) -> str:
        """Return why a picture cannot be used, or an empty text."""
        member = self._members.get(image)
        if member is None:
            return "image missing"
        if member.flag_bits & _ENCRYPTED:
            return "image encrypted"
        return f"image above {_LARGEST_MB} MB" if member.file_size > _LARGEST_MB * 10**6 else ""

    def read(self, image: str) -> bytes | None:
        """Return the bytes of a picture without a problem, None if they cannot be read."""
        member = self._members[image]
        try:
            with self._zip.open(member) as stream:
                # With a length no more is unpacked, whatever the member's data would give. The
                # last byte brings the comparison with the member's checksum.
                return stream.read(member.file_size)
        except Exception:  # a damaged member can raise nearly anything in its decoder
            return None


def open_album(key: str, named: str, path: Path) -> Album:
    """Return the pictures at `path`, which the study calls `named` under `key`.

    Raises DataError if there is no such folder or archive, or the archive cannot be read.
    """
    if not is_archive(named):
        if path.is_dir():
            return Folder(path)
        raise DataError(f"{key} = {named!r}: no such folder; paths are relative to the study file")
    if not path.is_file():
        raise DataError(f"{key} = {named!r}: no such file; paths are relative to the study file")
    try:
        return Archive(path)
    except Exception as error:  # likewise for a damaged list of members
        raise DataError(
            f"{key} = {named!r}: not a readable zip archive ({error}); is the file complete?"
        ) from None


def _spelt(name: str) -> str:
    """A member's name as rows spell paths (`fields.image_path`)."""
    return str(PurePosixPath(name.replace("\\", "/")))
