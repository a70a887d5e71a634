"""Read stored pictures: one memory-mapped array of a set, rows found by image key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mlan.errors import DataError
from mlan.records import checked, read_checked


class Pictures:
    """The pictures of several image sets, looked up by key (`<set>/...`)."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._arrays: dict[str, np.ndarray] = {}
        self._rows: dict[str, tuple[str, int]] = {}
        for name, folder in folders.items():
            index = read_checked(folder / "index.parquet")
            self._arrays[name] = np.load(checked(folder / "images.npy"), mmap_mode="r")
            self._rows |= {
                str(key): (name, int(row))
                for key, row in zip(index["image"], index["row"], strict=True)
            }

    def get(self, keys: Iterable[str]) -> dict[str, np.ndarray]:
        """Return uint8 pictures (H, W, 3) by key. Raises DataError for an unknown key."""
        found = {}
        for key in keys:
            if key not in self._rows:
                raise DataError(f"picture {key!r} is in none of the image sets given")
            name, row = self._rows[key]
            found[key] = np.array(self._arrays[name][row])
        return found


def index_of(folder: Path) -> pd.DataFrame:
    """Return an image set's index: image, row, concept, scene, value, view."""
    return read_checked(folder / "index.parquet")
