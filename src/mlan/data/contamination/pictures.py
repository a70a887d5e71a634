"""Equal pictures of a source and a benchmark, without comparing each with each.

Exact: the same pixels of the stored copies, or files that both name a picture of COCO by its
number. Near: perceptual hashes that differ in at most `MAX_DISTANCE` of 64 bits, and thumbnails
that differ nowhere by more than `MAX_DIFFERENCE`. A crop or a mirrored picture is not found.
Lookup: a hash is four bands of 16 bits; of two hashes that differ in 7 bits or fewer, one band
differs in one bit at most. So the 17 near values of each band find every such pair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlan.data.contamination.prints import Prints

MAX_DISTANCE = 7  # what the lookup finds for certain
# Of a thumbnail's cell, in 255 steps. Among the embedded pictures, copies saved as JPEG or at
# another size stay below it, and the likest drawings of two styles are 64 apart.
MAX_DIFFERENCE = 32
_BANDS = tuple(np.uint64(shift) for shift in (0, 16, 32, 48))
_FLIPS = np.concatenate([[0], 1 << np.arange(16)]).astype(np.uint16)
# Pictures that are looked up together; bounds memory where many hashes are alike.
_TOGETHER = 256
# COCO_train2014_000000000009.jpg, or train2017/000000000009.jpg.
_COCO_FILE = re.compile(r"(?:train|val|test)20\d\d[_/](\d{12})\.")
_COCO_CLUSTER = "coco/"


@dataclass(frozen=True, order=True)
class Twin:
    """A source's picture that equals a benchmark's; the best of several is the least.

    `distance` counts bits of the hash, `difference` is of the thumbnails; both 0 if it is exact.
    """

    exact_last: bool
    distance: int
    difference: int
    place: int
    found: str
    evidence: str

    @property
    def exact(self) -> bool:
        """Whether it is the same picture for certain."""
        return not self.exact_last


class PictureIndex:
    """The pictures of a source, found by their pixels, their number in COCO, or their hash."""

    def __init__(self, prints: Prints) -> None:
        self._prints = prints
        self._pixels: dict[bytes, int] = {}
        self._numbers: dict[int, int] = {}
        for place, (key, digest) in enumerate(zip(prints.keys, prints.digests, strict=True)):
            self._pixels.setdefault(digest, place)
            if named := _COCO_FILE.search(key):
                self._numbers.setdefault(int(named[1]), place)
        self._bands = []
        for shift in _BANDS:
            band = _band(prints.hashes, shift)
            order = np.argsort(band, kind="stable")
            self._bands.append((shift, band[order], order))

    def twins(self, asked: Prints, clusters: Mapping[str, str]) -> dict[str, list[Twin]]:
        """Return the equal pictures of each picture that has some, the best one first.

        `clusters` maps pictures to what was sampled, `coco/<number>` for a picture of COCO.
        """
        found: dict[str, list[Twin]] = {}
        for place, twin in (*self._exact(asked, clusters), *self._near(asked)):
            found.setdefault(asked.keys[place], []).append(twin)
        return {key: sorted(twins) for key, twins in found.items()}

    def _exact(self, asked: Prints, clusters: Mapping[str, str]) -> Iterator[tuple[int, Twin]]:
        for place, (key, digest) in enumerate(zip(asked.keys, asked.digests, strict=True)):
            if digest in self._pixels:
                yield place, self._twin(self._pixels[digest], "same pixels")
            number = clusters.get(key, "").removeprefix(_COCO_CLUSTER)
            if clusters.get(key, "") != number and int(number) in self._numbers:
                yield place, self._twin(self._numbers[int(number)], f"picture {number} of COCO")

    def _near(self, asked: Prints) -> Iterator[tuple[int, Twin]]:
        for start in range(0, len(asked.keys), _TOGETHER):
            places = np.arange(start, min(start + _TOGETHER, len(asked.keys)))
            yield from self._confirmed(asked, *self._candidates(asked.hashes, places))

    def _confirmed(
        self, asked: Prints, own: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, Twin]]:
        bits = np.bitwise_count(asked.hashes[own] ^ self._prints.hashes[other])
        for place, found, distance in zip(own.tolist(), other.tolist(), bits, strict=True):
            gap = np.abs(asked.thumbs[place].astype(np.int16) - self._prints.thumbs[found]).max()
            if gap <= MAX_DIFFERENCE and asked.digests[place] != self._prints.digests[found]:
                evidence = f"hash {distance} bits apart, thumbnail {gap} of 255"
                yield place, self._twin(found, evidence, int(distance), int(gap), exact=False)

    def _twin(
        self, place: int, evidence: str, distance: int = 0, gap: int = 0, *, exact: bool = True
    ) -> Twin:
        return Twin(not exact, distance, gap, place, self._prints.keys[place], evidence)

    def _candidates(
        self, hashes: npt.NDArray[np.uint64], places: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Places (asked, found) of all pairs of hashes within the distance, each once, in order."""
        pairs = []
        size = max(1, len(self._prints.keys))
        for shift, values, order in self._bands:
            wanted = (_band(hashes[places], shift)[:, None] ^ _FLIPS).ravel()
            low = np.searchsorted(values, wanted, "left")
            counts = np.searchsorted(values, wanted, "right") - low
            own = np.repeat(places, len(_FLIPS)).repeat(counts)
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            other = order[np.repeat(low, counts) + within]
            near = np.bitwise_count(hashes[own] ^ self._prints.hashes[other]) <= MAX_DISTANCE
            pairs.append(own[near] * size + other[near])
        own, other = np.divmod(np.unique(np.concatenate(pairs)), size)
        return own, other


def _band(hashes: npt.NDArray[np.uint64], shift: np.uint64) -> npt.NDArray[np.uint16]:
    return (hashes >> shift).astype(np.uint16)
