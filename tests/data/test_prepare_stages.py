"""The stages end to end, on small numbers and real assets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mlan.config.benchmarks import BenchmarkItems
from mlan.config.data import Concepts, FactsSource, ImageSet
from mlan.data.concepts import build_concepts
from mlan.data.prepare.benchmark import prepare_benchmark
from mlan.data.prepare.concepts import prepare_concepts
from mlan.data.prepare.images import prepare_images
from mlan.data.prepare.source import prepare_source
from mlan.data.sources import count_examples
from mlan.errors import DataError, IntegrityError
from mlan.records import read_checked, read_record
from mlan.stage import Job
from tests.data.public import picture, write_rows

CONCEPTS: dict[str, Any] = {"objects": 24, "countries": 24, "words": 24, "dev_fraction": 0.15}
IMAGES = ImageSet(style="twemoji", views=2)
FLAGS = FactsSource(modality="vision", relation="flag", images="train")


def _job(stage: str, out: Path, identity: dict[str, Any], **inputs: Path) -> Job:
    job = Job(stage=stage, identity=identity, code="0" * 16, out=out, inputs=inputs)
    job.begin()
    return job


def _concepts(root: Path) -> Path:
    prepare_concepts(_job("prepare_concepts", root / "concepts", {"concepts": CONCEPTS}))
    return root / "concepts"


def _images(root: Path, concepts: Path) -> Path:
    identity = {"name": "train", "image_set": IMAGES.model_dump(), "image_size": 48}
    prepare_images(_job("prepare_images", root / "images", identity, concepts=concepts))
    return root / "images"


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("stages")
    concepts = _concepts(root)
    return concepts, _images(root, concepts)


def test_same_identity_gives_the_same_bytes(stages: tuple[Path, Path], tmp_path: Path) -> None:
    concepts = _concepts(tmp_path)
    images = _images(tmp_path, concepts)
    for first, second in zip(stages, (concepts, images), strict=True):
        assert read_record(first)["outputs"] == read_record(second)["outputs"]


def test_images_stage_writes_pictures_and_index(stages: tuple[Path, Path]) -> None:
    index = read_checked(stages[1] / "index.parquet")
    pictures = np.load(stages[1] / "images.npy", mmap_mode="r")
    assert pictures.shape == (len(index), 48, 48, 3)
    assert read_record(stages[1])["facts"] == {"rows": len(index), "rejected": 0}


def test_source_and_benchmark_stages_write_their_tables(
    stages: tuple[Path, Path], tmp_path: Path
) -> None:
    inputs = {"concepts": stages[0], "images": stages[1]}
    identity: dict[str, Any] = {"name": "flags", "source": FLAGS.model_dump()}
    prepare_source(_job("prepare_source", tmp_path / "source", identity, **inputs))
    examples = read_checked(tmp_path / "source" / "examples.parquet")
    keys = set(read_checked(stages[1] / "index.parquet")["image"])
    assert set(examples["image"]) <= keys
    assert examples["turns"].iloc[0][0].keys() == {"user", "assistant"}
    benchmark = BenchmarkItems(modality="vision", relation="flag", images="train", test=8)
    identity = {"name": "v_flag", "benchmark": benchmark.model_dump()}
    prepare_benchmark(_job("prepare_benchmark", tmp_path / "items", identity, **inputs))
    items = read_checked(tmp_path / "items" / "items.parquet")
    assert read_record(tmp_path / "items")["facts"] == {
        "rows": len(items),
        "rejected": 0,
        "dev": 4,
        "test": 8,
    }
    assert not set(items["cluster"]) & set(examples["concept"])


def test_changed_input_is_refused(tmp_path: Path) -> None:
    concepts = _concepts(tmp_path)
    table = concepts / "concepts.parquet"
    pd.read_parquet(table).assign(split="train").to_parquet(table)
    source = FactsSource(modality="text", relation="capital")
    identity = {"name": "facts", "source": source.model_dump()}
    job = _job("prepare_source", tmp_path / "source", identity, concepts=concepts)
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        prepare_source(job)


def test_counted_examples_are_those_of_the_stage(stages: tuple[Path, Path], tmp_path: Path) -> None:
    concepts = build_concepts(Concepts(**CONCEPTS))
    identity = {"name": "flags", "source": FLAGS.model_dump()}
    inputs = {"concepts": stages[0], "images": stages[1]}
    prepare_source(_job("prepare_source", tmp_path, identity, **inputs))
    counted = count_examples("flags", FLAGS, concepts, IMAGES)
    assert counted == read_record(tmp_path)["facts"]["rows"]


def _own_data(root: Path, rows: list[dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    folder = root / "pictures"
    (folder / "sub").mkdir(parents=True)
    Image.new("RGB", (60, 30), (200, 10, 10)).save(folder / "sub" / "red.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    file = root / "mine.json"
    file.write_text(json.dumps(rows))
    source = {
        "adapter": "conversations",
        "modality": "vision",
        "path": str(file),
        "image_folder": str(folder),
        "sha256": None,
        "max_rejected": 0.6,
    }
    return file, source


def _row(key: str, image: str, answer: str = "Red.") -> dict[str, Any]:
    turns = [{"from": "human", "value": "<image>\nColour?"}, {"from": "gpt", "value": answer}]
    return {"id": key, "image": image, "conversations": turns}


def _own_stages(root: Path, rows: list[dict[str, Any]], **changes: Any) -> Path:
    file, source = _own_data(root, rows)
    identity = {"name": "mine", "source": source | changes}
    images = _job(
        "prepare_images",
        root / "images",
        identity | {"image_size": 32, "padding": [123, 116, 103]},
        file=file,
    )
    prepare_images(images)
    inputs = {"file": file, "images": root / "images"}
    prepare_source(_job("prepare_source", root / "source", identity, **inputs))
    return root / "source"


def test_own_conversations_pass_both_stages_and_rejects_are_listed(tmp_path: Path) -> None:
    rows = [
        _row("a", "sub/red.jpg"),
        _row("b", "./sub/red.jpg", "It is red."),
        _row("c", "broken.jpg"),
        _row("d", "none.jpg"),
        _row("\ud800", "long" * 100 + ".jpg"),
        _row("e", "sub/red.jpg", answer=""),
        _row("f", "sub/red.jpg", "Dark red."),
        _row("g", "."),
        _row("h", "sub/red.jpg", "Wine red."),
    ]
    out = _own_stages(tmp_path, rows)
    examples = read_checked(out / "examples.parquet")
    assert list(examples["id"]) == ["mine/a", "mine/b", "mine/f", "mine/h"]
    assert set(examples["image"]) == {"mine/sub/red.jpg"}
    index = read_checked(tmp_path / "images" / "index.parquet")
    assert list(index["image"]) == ["mine/sub/red.jpg"]
    assert (out / "rejected.csv").read_text() == (
        "row,id,reason\n2,c,image not decodable\n3,d,image missing\n4,row-4,image missing\n"
        "5,e,empty answer\n7,g,image missing\n"
    )
    picture = np.load(tmp_path / "images" / "images.npy")[0]
    assert abs(int(picture[16, 16, 0]) - 200) < 5
    assert tuple(picture[0, 0]) == (123, 116, 103)


@pytest.mark.parametrize("hub", [False, True])
def test_pictures_of_an_archive_are_stored_as_those_of_a_folder(tmp_path: Path, hub: bool) -> None:
    rows = [
        _row("a", "broken.jpg"),
        _row("b", "./sub/red.jpg"),
        _row("c", "none.jpg"),
        _row("d", "../red.jpg"),
        _row("e", "sub"),
    ]
    apart = _own_stages(tmp_path / "apart", rows, max_rejected=0.9)
    root = tmp_path / "packed"
    file, source = _own_data(root, rows)
    packed = Path(shutil.make_archive(str(root / "photos"), "zip", root / "pictures"))
    shutil.rmtree(root / "pictures")
    source |= {"path": "mine.json", "image_folder": "photos.zip", "max_rejected": 0.9}
    identity = {"name": "mine", "source": source}
    inputs = {"file": file, "file:pictures": packed}
    if hub:
        _job("fetch", root, {}).finish([file, packed])
        inputs = {"hub": root}
    images, out = root / "images", root / "source"
    prepare_images(
        _job(
            "prepare_images",
            images,
            identity | {"image_size": 32, "padding": [123, 116, 103]},
            **inputs,
        )
    )
    prepare_source(_job("prepare_source", out, identity, **inputs, images=images))
    for mine, other in ((images, apart.with_name("images")), (out, apart)):
        assert read_record(mine)["outputs"] == read_record(other)["outputs"]
    assert (out / "rejected.csv").read_text() == (
        "row,id,reason\n0,a,image not decodable\n2,c,image missing\n"
        "3,d,image outside the image folder\n4,e,image missing\n"
    )
    assert not (tmp_path / "packed" / "pictures").exists()
    packed.write_bytes(packed.read_bytes()[:-40])
    error, said = (IntegrityError, "differs") if hub else (DataError, "not a readable zip archive")
    with pytest.raises(error, match=said):
        prepare_images(
            _job(
                "prepare_images",
                images,
                identity | {"image_size": 32, "padding": [123, 116, 103]},
                **inputs,
            )
        )


def test_too_many_rejects_stop_before_anything_is_complete(tmp_path: Path) -> None:
    rows = [_row("a", "sub/red.jpg"), _row("b", "none.jpg")]
    with pytest.raises(DataError) as error:
        _own_stages(tmp_path, rows, max_rejected=0.1)
    assert error.value.lines == (
        "data.sources.mine: 1 of 2 rows rejected (1 image missing); max_rejected = 0.1; "
        "mend the rows or raise it",
    )
    assert not (tmp_path / "images" / "record.json").exists()


def test_vision_conversations_need_an_image_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        _own_stages(tmp_path, [_row("a", "sub/red.jpg")], image_folder=None)
    assert error.value.lines == (
        "data.sources.mine.image_folder: missing; rows name pictures by path",
    )


def _embedded(root: Path) -> tuple[Path, dict[str, Any]]:
    """A parquet file of five rows: three pictures of its own, one of them damaged, one path."""
    folder = root / "pictures"
    folder.mkdir(parents=True)
    Image.new("RGB", (60, 30), (200, 10, 10)).save(root / "red.png")
    Image.new("RGB", (30, 30), (10, 10, 200)).save(root / "blue.png")
    bytes_of = {name: (root / f"{name}.png").read_bytes() for name in ("red", "blue")}
    pictures: list[Any] = [
        {"bytes": bytes_of["red"], "path": "same.png"},
        None,
        {"bytes": bytes_of["blue"], "path": "same.png"},
        {"bytes": b"no picture", "path": None},
        {"bytes": None, "path": "elsewhere.png"},
    ]
    rows = [
        {"id": f"r{n}", "question": "Colour?", "answer": f"{n}", "image": picture}
        for n, picture in enumerate(pictures)
    ]
    pd.DataFrame(rows).to_parquet(root / "mine.parquet")
    source = {
        "adapter": "qa",
        "modality": "vision",
        "path": "mine.parquet",
        "image_folder": None,
        "max_rejected": 0.5,
    }
    return root / "mine.parquet", source


def test_pictures_within_parquet_pass_both_stages(tmp_path: Path) -> None:
    file, source = _embedded(tmp_path)
    identity = {"name": "mine", "source": source}
    images = tmp_path / "images"
    prepare_images(
        _job(
            "prepare_images",
            images,
            identity | {"image_size": 30, "padding": [123, 116, 103]},
            file=file,
        )
    )
    assert list(read_checked(images / "index.parquet")["image"]) == ["mine/row-0", "mine/row-2"]
    red, blue = np.load(images / "images.npy")[:, 15, 15]
    assert (red[0] > 190, blue[2] > 190) == (True, True)
    out = tmp_path / "source"
    prepare_source(_job("prepare_source", out, identity, file=file, images=images))
    examples = read_checked(out / "examples.parquet")
    assert [tuple(row) for row in examples[["id", "image"]].to_numpy()] == [
        ("mine/r0", "mine/row-0"),
        ("mine/r2", "mine/row-2"),
    ]
    assert (out / "rejected.csv").read_text() == (
        "row,id,reason\n3,r3,image not decodable\n4,r4,image without bytes\n"
    )


def test_shards_are_read_in_order_each_row_with_its_own_picture(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    shades = {"b/train-1.parquet": (4, 5), "b/train-0.parquet": (1, 2, 3), "b/test-0.parquet": (9,)}
    for path, reds in shades.items():
        rows = [
            {"id": f"r{n}", "question": "Red?", "answer": f"{n}", "image": picture(f"rgb({n},0,0)")}
            for n in reds
        ]
        write_rows(hub / path, rows)
    fetched = [hub / path for path in shades]
    job = _job("fetch", hub, {})
    job.finish(fetched)
    write_rows(hub / "b" / "train-2.parquet", rows)  # of an earlier commit, in no record
    source = {"adapter": "qa", "modality": "vision", "path": "*/train-*.parquet"}
    identity = {"name": "mine", "source": source}
    images, out = tmp_path / "images", tmp_path / "source"
    prepare_images(
        _job(
            "prepare_images",
            images,
            identity | {"image_size": 12, "padding": [123, 116, 103]},
            hub=hub,
        )
    )
    assert list(np.load(images / "images.npy")[:, 6, 6, 0]) == [1, 2, 3, 4, 5]
    prepare_source(_job("prepare_source", out, identity, hub=hub, images=images))
    examples = read_checked(out / "examples.parquet")
    assert list(examples["id"]) == [f"mine/r{n}" for n in range(1, 6)]
    assert list(examples["image"]) == [f"mine/row-{n}" for n in range(5)]
    (hub / "b" / "train-1.parquet").unlink()
    with pytest.raises(IntegrityError, match=r"train-1\.parquet: missing although"):
        prepare_source(_job("prepare_source", out, identity, hub=hub, images=images))


def test_shard_without_a_column_is_named(tmp_path: Path) -> None:
    for name, column in (("a", "answer"), ("b", "reply")):
        write_rows(tmp_path / f"{name}.parquet", [{"question": "Red?", column: "No."}])
    job = _job("fetch", tmp_path, {})
    job.finish([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    source = {"adapter": "qa", "modality": "text", "path": "*.parquet"}
    identity = {"name": "mine", "source": source}
    with pytest.raises(DataError) as error:
        prepare_source(_job("prepare_source", tmp_path / "out", identity, hub=tmp_path))
    assert error.value.lines == (
        "data.sources.mine.path = '*.parquet' (b.parquet): no column 'answer'; it has 'question', "
        "'reply'",
    )


def test_instruction_set_of_two_files_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"q{n}",
            "question": f"Which is {n}?",
            "choices": {"label": ["1", "2"], "text": [str(n), "none"]},
            "answerKey": "1",
        }
        for n in range(6)
    ]
    inputs = {"file": tmp_path / "easy.jsonl", "file:1": tmp_path / "challenge.jsonl"}
    inputs["file"].write_text("\n".join(map(json.dumps, rows[:4])))
    inputs["file:1"].write_text("\n".join(map(json.dumps, rows[3:])))
    paths = ["easy.jsonl", "challenge.jsonl"]
    source = {"adapter": "instruction_set", "set": "arc", "path": paths, "max_rejected": 0.2}
    records = []
    for run in ("one", "two"):
        identity = {"name": "arc", "source": source}
        prepare_source(_job("prepare_source", tmp_path / run, identity, **inputs))
        records.append(read_record(tmp_path / run))
    assert records[0] == records[1]
    assert records[0]["facts"] == {"rows": 6, "rejected": 1}
    assert list(records[0]["inputs"]) == ["file", "file:1"]
    examples = read_checked(tmp_path / "one" / "examples.parquet")
    assert list(examples["id"]) == [f"arc/q{n}" for n in range(6)]
    assert set(examples["style"]) == {"choose"}


def test_text_conversations_need_no_images(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": "Hi."}]
    file, source = _own_data(tmp_path, [{"id": "t", "conversations": turns}])
    identity = {"name": "talk", "source": source | {"modality": "text"}}
    prepare_source(_job("prepare_source", tmp_path / "source", identity, file=file))
    examples = read_checked(tmp_path / "source" / "examples.parquet")
    assert list(examples["image"]) == [""]
    assert (tmp_path / "source" / "rejected.csv").read_text() == "row,id,reason\n"


def test_picture_that_a_set_names_is_stored_once_for_all_its_questions(tmp_path: Path) -> None:
    rows = [
        {
            "question_id": n,
            "question": f"Which of {n}?",
            "question_type": "which",
            "answer_type": "other",
            "multiple_choice_answer": "red",
            "image_id": 7 + n // 2,
            "image": picture(("red", "blue")[n // 2]),
        }
        for n in range(4)
    ]
    file = write_rows(tmp_path / "mine.parquet", rows)
    source = {"adapter": "instruction_set", "set": "vqav2", "path": "mine.parquet"}
    identity = {"name": "mine", "source": source}
    stored = {"image_size": 12, "padding": [123, 116, 103]}
    images, out = tmp_path / "images", tmp_path / "source"
    prepare_images(_job("prepare_images", images, identity | stored, file=file))
    names = ["mine/COCO_train2014_000000000007.jpg", "mine/COCO_train2014_000000000008.jpg"]
    assert list(read_checked(images / "index.parquet")["image"]) == names
    assert np.load(images / "images.npy")[:, 6, 6].tolist() == [[255, 0, 0], [0, 0, 255]]
    prepare_source(_job("prepare_source", out, identity, file=file, images=images))
    shown = read_checked(out / "examples.parquet")["image"]
    assert list(shown) == [names[0], names[0], names[1], names[1]]
