"""Items that flipped: which, how many, in which order, and what a picture weighs."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mlan.errors import DataError
from mlan.records import write_parquet
from mlan.report.page.embed import picture
from mlan.report.page.flips import Flips, flips
from tests.report.page.example import CELLS, ITEMS, NAMES, again, page_identity, page_job


def found(root: Path, pair: tuple[str, ...] = CELLS) -> dict[str, Flips]:
    """The flips of the example by benchmark."""
    rows = flips(page_job(root).inputs, pair, page_identity()["benchmarks"])
    return {one.benchmark: one for one in rows}


def test_ten_of_each_kind_are_those_whose_names_hash_lowest(study_folder: Path) -> None:
    flag = found(study_folder)["flag"]
    assert (flag.n, flag.gained, flag.lost) == (ITEMS, ITEMS - 1, 1)
    hashed = {n: hashlib.sha256(f"flag\0flag/{n}".encode()).hexdigest() for n in range(ITEMS - 1)}
    lowest = sorted(hashed, key=lambda n: hashed[n])[:10]
    assert [one.item for one in flag.shown] == [f"flag/{n}" for n in lowest] + ["flag/23"]
    assert [one.gained for one in flag.shown] == [True] * 10 + [False]


def test_exchanged_cells_exchange_gained_and_lost(study_folder: Path) -> None:
    one, other = (found(study_folder, pair)["flag"] for pair in (CELLS, CELLS[::-1]))
    assert (one.gained, one.lost) == (other.lost, other.gained)
    last = other.shown[-1]
    assert (last.second, last.gained) != (last.first, True)


def test_answers_stand_under_the_cell_that_gave_them_and_pictures_under_vision(
    study_folder: Path,
) -> None:
    shown = found(study_folder)
    gained = shown["flag"].shown[0]
    assert (gained.second, gained.golds) == ("a", ("a",))
    assert gained.first != "a"
    assert gained.picture is not None
    assert all(one.picture is None for one in shown[NAMES[0]].shown)


def test_run_that_lacks_an_item_is_one_clear_line(study_folder: Path, tmp_path: Path) -> None:
    job = page_job(tmp_path)
    scores = tmp_path / "cells" / CELLS[1] / "seed0" / "scores"
    frame = pd.read_parquet(scores / "items.parquet")
    write_parquet(scores / "items.parquet", frame[frame["item"] != "flag/7"])
    again(scores, "score", {})
    with pytest.raises(DataError, match="flag: share-100 has no score for item 'flag/7'; score it"):
        flips(job.inputs, CELLS, page_identity()["benchmarks"])


def test_small_picture_is_kept_exactly_and_a_photograph_is_made_small() -> None:
    rng = np.random.default_rng(0)
    flat = np.full((96, 96, 3), 200, dtype=np.uint8)
    kept = picture(flat)
    kind, _, content = kept.uri.partition(",")
    assert kind == "data:image/png;base64"
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))) == flat).all()
    photograph = picture(rng.integers(0, 256, (336, 336, 3), dtype=np.uint8))
    assert photograph.uri.startswith("data:image/jpeg;base64,")
    assert max(photograph.width, photograph.height) == 112
    assert len(photograph.uri) < 20_000
