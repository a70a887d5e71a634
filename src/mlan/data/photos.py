"""Pictures of your own data: found, decoded, made square, and resized.

A picture is turned as its EXIF tag says, converted to RGB, padded to a square with the mean
colour of the tower's training pictures (as LLaVA pads), and resized (bicubic). Every picture is
decoded to its last pixel; one that is missing or damaged is reported. Not here: where a picture
lies (`albums`), embedded concepts (`images`).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from mlan.data.albums import Album
from mlan.data.image_store import Picture
from mlan.data.tables import INDEX, conform

# Mean of ImageNet in 8 bits; a study may name another colour.
PADDING = (123, 116, 103)
Colour = tuple[int, int, int]


def load_square(path: Path | BinaryIO, size: int, padding: Colour = PADDING) -> Picture | None:
    """Return a picture as uint8 (size, size, 3), or None if it cannot be decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception:  # a damaged file can raise nearly anything in its decoder
        return None
    side = max(upright.size)
    square = Image.new("RGB", (side, side), padding)
    square.paste(upright, ((side - upright.width) // 2, (side - upright.height) // 2))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))


def load_all(
    album: Album,
    images: Iterable[str],
    size: int,
    kept: list[str],
    problems: dict[str, str],
    padding: Colour = PADDING,
) -> Iterator[Picture]:
    """Yield the usable pictures; add their names to `kept`, the others to `problems`."""
    for image in images:
        problem = album.problem(image)
        content = None if problem else album.read(image)
        picture = None if content is None else load_square(io.BytesIO(content), size, padding)
        if picture is None:
            problems[image] = problem or "image not decodable"
        else:
            kept.append(image)
            yield picture


def load_embedded(
    contents: Iterable[tuple[str, bytes]],
    size: int,
    kept: list[str],
    problems: dict[str, str],
    padding: Colour = PADDING,
) -> Iterator[Picture]:
    """Yield the usable pictures of (name, bytes); names go to `kept` or `problems`."""
    for image, content in contents:
        picture = load_square(io.BytesIO(content), size, padding)
        if picture is None:
            problems[image] = "image not decodable"
        else:
            kept.append(image)
            yield picture


def photo_index(name: str, kept: list[str]) -> pd.DataFrame:
    """Return `tables.INDEX` for pictures in the order of `kept`; key `<source>/<path>`."""
    frame = pd.DataFrame({"image": [f"{name}/{image}" for image in kept]}, dtype="str")
    frame = frame.assign(row=range(len(kept)), concept="", scene="plain", value="", view=0)
    return conform(frame, INDEX, f"index of {name}")
