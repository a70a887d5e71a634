"""Stages of public benchmarks: what is stored, what is dropped, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlan.data.items import as_set_items, read_items
from mlan.data.prepare.benchmark import prepare_benchmark
from mlan.data.prepare.images import prepare_images
from mlan.errors import DataError
from mlan.records import read_checked, read_record
from mlan.stage import Job
from tests.data.public import benchmark, picture, questions, write_rows

FOUR = ["one", "two", "three", "four"]
BROKEN = {"bytes": b"no picture", "path": None}


def _stages(root: Path, name: str, *paths: Path, **fields: Any) -> tuple[Path, Path]:
    """Both stages of a vision benchmark: the folders of its pictures and of its items."""
    config = benchmark(name, *paths, **fields)
    identity = {"name": "mine", "benchmark": config.model_dump(), "split_seed": 7}
    folder = paths[0].parent
    files = {key: folder / file.path for key, file in config.files().items()}
    images, items = root / "images", root / "items"
    prepare_images(
        _job(
            "prepare_images",
            images,
            {**identity, "image_size": 32, "padding": [123, 116, 103]},
            files,
        )
    )
    prepare_benchmark(_job("prepare_benchmark", items, identity, {**files, "images": images}))
    return images, items


def _job(stage: str, out: Path, identity: dict[str, Any], inputs: dict[str, Path]) -> Job:
    job = Job(stage, identity, "0", out, inputs)
    job.begin()
    return job


def _diagrams(count: int) -> list[dict[str, Any]]:
    shades = [picture(f"rgb({n},0,0)") for n in range(count)]
    return [
        {"question": f"Where {n}?", "options": FOUR, "answer": "1", "image": shades[n // 2 * 2]}
        for n in range(count)
    ]


def test_equal_pictures_are_stored_once_and_are_one_cluster(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", _diagrams(20))
    images, folder = _stages(tmp_path, "ai2d", path)
    items = read_items(folder)
    assert len(items) == 20
    assert items["cluster"].nunique() == items["image"].nunique() == 10
    assert len(np.load(images / "images.npy")) == 10
    assert set(items["image"]) == set(read_checked(images / "index.parquet")["image"])
    assert items.groupby("cluster")["part"].nunique().max() == 1
    again = _stages(tmp_path / "again", "ai2d", path)
    for first, second in zip((images, folder), again, strict=True):
        assert read_record(first)["outputs"] == read_record(second)["outputs"]


def test_picture_that_cannot_be_read_is_refused_unless_allowed(tmp_path: Path) -> None:
    rows = _diagrams(20)
    rows[3]["image"] = BROKEN
    path = write_rows(tmp_path / "rows.parquet", rows)
    with pytest.raises(DataError) as caught:
        _stages(tmp_path, "ai2d", path)
    assert caught.value.lines == (
        "data.benchmarks.mine: 1 of 20 rows rejected (1 image not decodable); max_rejected = 0; "
        "mend the rows or raise it",
    )
    _, folder = _stages(tmp_path, "ai2d", path, max_rejected=0.05)
    assert len(read_items(folder)) == 19
    rejected = pd.read_csv(folder / "rejected.csv")
    assert rejected.to_dict("records") == [
        {"row": 3, "id": "row-3", "reason": "image not decodable"}
    ]
    assert read_record(folder)["facts"]["rejected"] == 1


def test_gqa_stores_the_pictures_of_its_questions(tmp_path: Path) -> None:
    asked = [
        {"id": str(n), "imageId": f"n{n // 2}", "question": "Who?", "answer": "a man"}
        for n in range(8)
    ]
    held = [{"id": f"n{n}", "image": picture(f"rgb(0,{n},0)")} for n in (5, 3, 1, 2, 0)]
    write_rows(tmp_path / "images.parquet", held)
    path = write_rows(tmp_path / "asked.parquet", asked)
    images, folder = _stages(tmp_path, "gqa", path, image_path="images.parquet")
    assert read_record(images)["facts"] == {"rows": 4, "rejected": 0, "unused": 1}
    index = read_checked(images / "index.parquet")
    pictures = np.load(images / "images.npy")
    rows = dict(zip(index["image"], index["row"], strict=True))
    green = {key: int(pictures[row][16, 16, 1]) for key, row in rows.items()}
    assert green == {f"mine/n{n}.jpg": n for n in range(4)}
    assert set(read_items(folder)["image"]) == set(green)


def test_padding_of_the_study_squares_the_pictures_of_a_benchmark(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", _diagrams(4))
    config = benchmark("ai2d", path)
    identity = {"name": "mine", "benchmark": config.model_dump(), "split_seed": 7, "image_size": 12}
    corners = []
    for padding in ([123, 116, 103], [1, 2, 3]):
        painted = {**identity, "padding": padding}
        job = _job("prepare_images", tmp_path / "images", painted, {"file": path})
        prepare_images(job)
        corners.append(np.load(job.out / "images.npy")[0, 0, 0].tolist())
    assert corners == [[123, 116, 103], [1, 2, 3]]


def test_pictures_of_a_folder_are_found_by_their_names(tmp_path: Path) -> None:
    rows = [
        {"question_id": n, "image": f"COCO_val2014_{n:012d}.png", "text": "Is it?", "label": "no"}
        for n in range(4)
    ]
    path = write_rows(tmp_path / "coco_pope_popular.jsonl", rows)
    (tmp_path / "photos").mkdir()
    for row in rows:
        (tmp_path / "photos" / row["image"]).write_bytes(picture("red")["bytes"])
    images, folder = _stages(tmp_path, "pope", path, image_folder=str(tmp_path / "photos"))
    items = read_items(folder)
    assert set(items["category"]) == {"popular"}
    assert set(items["cluster"]) == {f"coco/{n}" for n in range(4)}
    assert len(np.load(images / "images.npy")) == 4
    assert "popular/0" in {i.removeprefix("mine/") for i in items["id"]}


def test_pattern_reads_its_shards_as_a_list_of_them(tmp_path: Path) -> None:
    rows = _diagrams(20)
    parts = {"b/test-1.parquet": rows[13:], "b/test-0.parquet": rows[:13]}
    job = _job("fetch", tmp_path / "hub", {}, {})
    job.finish([write_rows(tmp_path / "hub" / name, part) for name, part in parts.items()])
    listed = _stages(tmp_path / "listed", "ai2d", *(tmp_path / "hub" / n for n in sorted(parts)))
    config = benchmark("ai2d", Path("test")).model_copy(update={"path": ["b/test-*.parquet"]})
    identity = {"name": "mine", "benchmark": config.model_dump(), "split_seed": 7}
    images, items = tmp_path / "images", tmp_path / "items"
    prepare_images(
        _job(
            "prepare_images",
            images,
            {**identity, "image_size": 32, "padding": [123, 116, 103]},
            {"hub": job.out},
        )
    )
    prepare_benchmark(
        _job("prepare_benchmark", items, identity, {"hub": job.out, "images": images})
    )
    for first, second in zip(listed, (images, items), strict=True):
        assert read_record(first)["outputs"] == read_record(second)["outputs"]


def test_row_is_named_by_its_own_shard(tmp_path: Path) -> None:
    row = {"question": "Which?", "answer": 1} | {
        f"choice{n}": option for n, option in enumerate(FOUR)
    }
    names = ("anatomy_test", "botany_test")
    job = _job("fetch", tmp_path, {}, {})
    job.finish([write_rows(tmp_path / f"{name}.parquet", [row]) for name in names])
    found = questions("mmlu", tmp_path / "*_test.parquet")
    assert [item.posed.category for item in found.items] == ["anatomy", "botany"]


def test_embedded_items_read_as_public_ones() -> None:
    stored = pd.DataFrame(
        {"id": ["a"], "question": ["?"], "options": [["x", "y"]], "gold": ["y"], "category": [""]}
    )
    [row] = as_set_items(stored).to_dict("records")
    assert row == {
        "id": "a",
        "question": "?",
        "options": ["x", "y"],
        "category": "",
        "form": "choose",
        "golds": ["y"],
        "pair": "",
    }
