"""What is kept of a picture to recognise it: a digest, a perceptual hash, a thumbnail.

The hash is pHash: the picture in grey at 32 x 32, its discrete cosine transform, and for each of
the 8 x 8 lowest frequencies one bit, whether it is above their median. It survives another
compression, size and brightness; flat drawings collide in it, so a thumbnail confirms a match.

Source: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), the
variant of github.com/JohannesBuchner/imagehash. Axes: N pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from mlan.data.image_store import Picture

_GREY, _LOW, _THUMB = 32, 8, 16
# Coefficients of up to 255 x 32 are compared to this many decimals: less is rounding noise, which
# would decide the bits of an even picture, differently on each machine.
_DECIMALS = 3
_PLACES = 1 << np.arange(_LOW * _LOW, dtype=np.uint64)


@dataclass(frozen=True)
class Prints:
    """N pictures by key: `digests` of all pixels, `hashes` uint64 (N), `thumbs` (N, 768) uint8."""

    keys: list[str]
    digests: list[bytes]
    hashes: npt.NDArray[np.uint64]
    thumbs: npt.NDArray[np.uint8]

    def of(self, keys: Sequence[str]) -> Prints:
        """Return the prints of some of the pictures, in the order of `keys`."""
        place = {key: number for number, key in enumerate(self.keys)}
        own = [place[key] for key in keys]
        return Prints(
            list(keys), [self.digests[i] for i in own], self.hashes[own], self.thumbs[own]
        )


def take_prints(
    pictures: npt.NDArray[np.uint8], rows: Sequence[int], keys: Sequence[str]
) -> Prints:
    """Return the prints of some rows of an image set, one picture in memory at a time."""
    hashes = np.empty(len(rows), dtype=np.uint64)
    thumbs = np.empty((len(rows), 3 * _THUMB**2), dtype=np.uint8)
    digests = []
    for place, row in enumerate(rows):
        picture = np.asarray(pictures[row])
        digests.append(hashlib.sha256(picture.tobytes()).digest()[:16])
        hashes[place] = perceptual_hash(picture)
        thumbs[place] = thumbnail(picture)
    return Prints(list(keys), digests, hashes, thumbs)


def perceptual_hash(picture: Picture) -> np.uint64:
    """Return the 64 bits of pHash of a picture, uint8 (size, size, 3)."""
    grey = Image.fromarray(picture).convert("L")
    small = np.asarray(grey.resize((_GREY, _GREY), Image.Resampling.LANCZOS), dtype=np.float64)
    low = np.round(_COSINES @ small @ _COSINES.T, _DECIMALS)
    return np.uint64(_PLACES[(low > np.median(low)).ravel()].sum())


def thumbnail(picture: Picture) -> npt.NDArray[np.uint8]:
    """Return a picture at 16 x 16 in colour, uint8 (768)."""
    small = Image.fromarray(picture).resize((_THUMB, _THUMB), Image.Resampling.BOX)
    return np.asarray(small).ravel()


def _cosines() -> npt.NDArray[np.float64]:
    """The lowest rows of the orthonormal cosine transform (DCT-II) of 32 values."""
    frequency, place = np.arange(_LOW)[:, None], np.arange(_GREY)[None, :]
    rows = np.cos(np.pi * (2 * place + 1) * frequency / (2 * _GREY)) * np.sqrt(2 / _GREY)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows)


_COSINES = _cosines()
