"""Files as part of the page: figures and pictures as data URIs.

A figure is embedded as an image of its own, not as markup: its ids and styles cannot touch the
page's. Equal bytes in give equal text out. Not here: which file is shown.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mlan.records import checked

# Above this a vector figure is heavier to open than its pixels are.
LARGEST_SVG = 160_000
# Side in pixels at most, and bytes above which a photograph is kept with loss.
_SIDE, _HEAVY = 112, 9_000


@dataclass(frozen=True)
class Embedded:
    """An image as a data URI, with its size in CSS pixels."""

    uri: str
    width: int
    height: int


def figure(folder: Path, name: str, sound: Callable[[Path], Path] = checked) -> Embedded:
    """Return a drawn figure: its SVG, or its PNG where the SVG is large.

    `sound` returns a file that may be read; by default it raises IntegrityError for one that
    differs from its record.
    """
    svg = sound(folder / f"{name}.svg").read_bytes()
    width, height = _svg_size(svg)
    if len(svg) <= LARGEST_SVG:
        return Embedded(_uri("image/svg+xml", svg), width, height)
    return Embedded(_uri("image/png", sound(folder / f"{name}.png").read_bytes()), width, height)


def _svg_size(svg: bytes) -> tuple[int, int]:
    """Width and height in CSS pixels of a figure whose size is given in points (72 an inch)."""
    found = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', svg[:2000])
    if found is None:
        found = re.search(rb'height="([\d.]+)pt"[^>]*?width="([\d.]+)pt"', svg[:2000])
        return (0, 0) if found is None else (_pixels(found[2]), _pixels(found[1]))
    return _pixels(found[1]), _pixels(found[2])


def _pixels(points: bytes) -> int:
    return round(float(points) * 96 / 72)


def picture(pixels: npt.NDArray[np.uint8]) -> Embedded:
    """Return a stored picture, uint8 (H, W, 3), as a small PNG, or a JPEG if it is a photograph."""
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    content = _encoded(image, "PNG", optimize=True)
    if len(content) <= _HEAVY:
        return Embedded(_uri("image/png", content), *image.size)
    return Embedded(_uri("image/jpeg", _encoded(image, "JPEG", quality=82)), *image.size)


def _encoded(image: Image.Image, kind: str, **how: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
