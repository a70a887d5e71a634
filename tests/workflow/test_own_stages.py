"""Captions in stage 1, a budget matched down and an external stage 2, through the engine."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from mlan.records import read_record
from tests.workflow.engine import Engine

TRAINER = """
import json, shutil, sys
data, model, out = sys.argv[1:]
assert len(json.load(open(data))) == 128
shutil.copytree(model, out)
"""
WEIGHTS = "results/test/cells/text50/seed0/weights/record.json"


def _captions(folder: Path) -> dict[str, Any]:
    """Twelve captioned pictures of one colour each, packed, as a LLaVA source."""
    (folder / "pictures").mkdir()
    rows = []
    for number in range(12):
        name, red = f"{number}.png", number % 2 == 0
        Image.new("RGB", (40, 30), (200, 0, 0) if red else (0, 0, 200)).save(
            folder / "pictures" / name
        )
        asked = {"from": "human", "value": "<image>\nDescribe the picture."}
        told = {"from": "gpt", "value": "a red area" if red else "a blue area"}
        rows.append({"id": str(number), "image": name, "conversations": [asked, told]})
    (folder / "captions.json").write_text(json.dumps(rows))
    shutil.make_archive(str(folder / "pictures"), "zip", folder / "pictures")
    shutil.rmtree(folder / "pictures")
    return {
        "adapter": "conversations",
        "modality": "vision",
        "path": "captions.json",
        "image_folder": "pictures.zip",
    }


@pytest.fixture
def own(tmp_path: Path, study: dict[str, Any]) -> Engine:
    """A workflow whose study trains stage 1 on captions and stage 2 by a script of its own."""
    engine = Engine(tmp_path / "own")
    config = engine.folder / "config"
    study["data"]["sources"]["captions"] = _captions(config)
    study["recipe"]["align"] = {
        "captions": "captions",
        "method": "plain",
        "naming_images": None,
        "epochs": 1,
        "batch": 4,
        "warmup_share": 0.25,
    }
    study["recipe"]["mixture"] |= {"instances": 400, "match": "down"}
    (config / "trainer.py").write_text(TRAINER)
    study["recipe"]["tune"]["command"] = (
        f"{sys.executable} config/trainer.py {{data}} {{model}} {{out}}"
    )
    engine.write_study(study)
    return engine


def test_stages_of_ones_own_run_in_the_workflow(own: Engine) -> None:
    done = own.run(WEIGHTS)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    # There are 64 pictures of objects, which are half of what the cell of pictures asks.
    assert "128 instances in place of 400 for 3 cell(s)" in output
    plan = pd.read_parquet(own.results("align", "base", "plan.parquet"))
    assert plan["example"].nunique() == len(plan) == 12
    facts = read_record(own.results("align", "base"))["facts"]
    assert (facts["captions"], facts["steps"]) == (12, 3)
    assert (
        len(pd.read_parquet(own.results("cells", "text50", "seed0", "mixture", "plan.parquet")))
        == 128
    )
    assert read_record(own.folder / Path(WEIGHTS).parent)["facts"] == {"order_controlled": False}
