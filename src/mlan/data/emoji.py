"""The picture file of an emoji in each drawing style.

An emoji is named by its code points, `1F1EB-1F1F7`. Both packages leave out the variation
selector FE0F in some names and keep it in others.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from mlan.data.assets import locate

STYLES = ("twemoji", "noto")


def picture_file(style: str, emoji: str) -> Path | None:
    """Return the PNG (72 x 72 pixels, transparent ground) of an emoji, or None."""
    points = emoji.upper().split("-")
    bare = [point for point in points if point != "FE0F"]
    names = [_file_name(style, spelling) for spelling in (points, bare, [*points, "FE0F"])]
    found = (folder / name for folder in [_folder(style)] for name in names)
    return next((path for path in found if path.exists()), None)


def drawn_twice(emoji: str) -> bool:
    """Return whether both styles have a picture and the two files are not the same bytes."""
    paths = [picture_file(style, emoji) for style in STYLES]
    digests = {hashlib.sha256(path.read_bytes()).digest() for path in paths if path}
    return len(digests) == len(STYLES)


@cache
def _folder(style: str) -> Path:
    return locate(style)


def _file_name(style: str, points: list[str]) -> str:
    if style == "twemoji":
        return "-".join(point.lower().lstrip("0") for point in points) + ".png"
    return "-".join(f"U+{point}" for point in points) + ".png"
