"""An exported mixture says what the plan says, and can be read back as a source."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mlan.config.data import ConversationsSource
from mlan.config.section import Modality
from mlan.data.file_sources import read_source
from mlan.errors import DataError
from mlan.mixture.portable import export_mixture
from mlan.records import RECORD, write_parquet, write_record


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """An image set of two pictures, black and grey."""
    folder = tmp_path / "set"
    keys = ["set/cat/0", "set/dog.jpg"]
    write_parquet(folder / "index.parquet", pd.DataFrame({"image": keys, "row": [0, 1]}))
    shades = np.array([0, 128], dtype=np.uint8)[:, None, None, None]
    np.save(folder / "images.npy", np.broadcast_to(shades, (2, 8, 8, 3)))
    files = [p for p in folder.iterdir() if p.name != RECORD]
    write_record(folder, stage="test", identity={}, code="", inputs={}, outputs=files)
    return folder


def _turns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"user": user, "assistant": assistant} for user, assistant in pairs]


SOURCES = {
    "facts": pd.DataFrame(
        {
            "id": ["facts/1", "facts/2"],
            "turns": [_turns(("Capital of Peru?", "Lima")), _turns(("Hi", "Zoë"), ("And?", "No"))],
        }
    ),
    "shown": pd.DataFrame(
        {
            "id": ["shown/1", "shown/2"],
            "turns": [_turns(("What is this?", "cat")), _turns(("This?", "dog"), ("Sure?", "yes"))],
        }
    ),
}
# Not in the order of training.
PLAN = pd.DataFrame(
    [
        (1, 0, 0, "shown", "shown/2", "set/dog.jpg"),
        (0, 1, 0, "facts", "facts/1", ""),
        (0, 0, 1, "shown", "shown/1", "set/cat/0"),
        (0, 0, 0, "facts", "facts/2", ""),
        (1, 1, 0, "facts", "facts/1", ""),
    ],
    columns=["step", "row", "position", "source", "example", "image"],
)


def test_llava_json_of_a_plan(images: Path, tmp_path: Path) -> None:
    path = export_mixture(tmp_path / "out", PLAN, SOURCES, {"set": images}, "llava")
    assert path == tmp_path / "out" / "mixture.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    ids = ["facts/2", "shown/1", "facts/1", "shown/2", "facts/1#2"]
    assert [row["id"] for row in rows] == ids
    assert [row["step"] for row in rows] == [0, 0, 0, 1, 1]
    assert rows[1] == {
        "id": "shown/1",
        "image": "images/set/cat/0.png",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is this?"},
            {"from": "gpt", "value": "cat"},
        ],
        "source": "shown",
        "step": 0,
    }
    assert rows[0]["conversations"][3] == {"from": "gpt", "value": "No"}
    assert "image" not in rows[0]


def test_chat_lines_of_a_plan(images: Path, tmp_path: Path) -> None:
    path = export_mixture(tmp_path / "out", PLAN, SOURCES, {"set": images}, "chat")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert path.name == "mixture.jsonl"
    assert rows[3]["messages"] == [
        {"role": "user", "content": "<image>\nThis?"},
        {"role": "assistant", "content": "dog"},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "yes"},
    ]


def test_pictures_are_the_stored_ones(images: Path, tmp_path: Path) -> None:
    export_mixture(tmp_path / "out", PLAN, SOURCES, {"set": images}, "llava")
    with Image.open(tmp_path / "out" / "images" / "set" / "dog.jpg.png") as picture:
        assert np.asarray(picture).tolist() == np.full((8, 8, 3), 128).tolist()


@pytest.mark.parametrize("modality", ["text", "vision"])
def test_export_reads_back_as_your_own_conversations(
    images: Path, tmp_path: Path, modality: Modality
) -> None:
    path = export_mixture(tmp_path / "out", PLAN, SOURCES, {"set": images}, "llava")
    source = ConversationsSource(
        adapter="conversations", modality=modality, path=["mixture.json"], image_folder="."
    )
    rows, dropped = read_source("own", source, {"file": path})
    wanted = SOURCES["facts" if modality == "text" else "shown"]
    turns = dict(zip(wanted["id"], wanted["turns"], strict=True))
    if modality == "text":
        turns["facts/1#2"] = turns["facts/1"]
    assert {row.id: row.turns for row in rows} == turns
    assert dropped == []
    assert all((tmp_path / "out" / row.image).is_file() for row in rows if row.image)


def test_existing_folder_is_left_alone(images: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="exists already"):
        export_mixture(images, PLAN, SOURCES, {"set": images}, "llava")
    with pytest.raises(DataError, match="in none of the image sets"):
        export_mixture(tmp_path / "out", PLAN, SOURCES, {}, "llava")
    assert not (tmp_path / "out").exists()
