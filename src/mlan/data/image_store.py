"""One image set on disk: all pictures in one array, written one after the other.

`images.npy` is uint8 (N, size, size, 3), red-green-blue. Memory holds one picture at a time;
the header, of a length that does not depend on N, is written again at the end. Not here: what
is drawn, and reading (`pictures`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mlan.records import atomic

PICTURES = "images.npy"
INDEX = "index.parquet"
Picture = npt.NDArray[np.uint8]


def write_pictures(path: Path, pictures: Iterable[Picture], size: int) -> int:
    """Write pictures of shape (size, size, 3) to an npy file atomically; return how many."""
    with atomic(path) as temporary, temporary.open("wb") as stream:
        _header(stream, 0, size)
        count = 0
        for picture in pictures:
            if picture.shape != (size, size, 3) or picture.dtype != np.uint8:
                raise ValueError(f"a picture is {picture.dtype} {picture.shape}")
            stream.write(picture.tobytes())
            count += 1
        stream.seek(0)
        _header(stream, count, size)
    return count


def _header(stream: BinaryIO, count: int, size: int) -> None:
    # numpy pads headers for 21 digits of the first axis, so this has the same length each time.
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(stream, header)
