"""A source whose files lie on a hub, through the real engine, against a loopback hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.hub.loopback import Hub, serving
from tests.workflow.engine import Engine

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
NAME = "hub:datasets/acme/questions"
RECORD = "results/test/data/sources/mine/record.json"
FETCHED = "results/test/data/hub/mine/record.json"


def _rows(count: int) -> bytes:
    rows = (
        {"question": f"Is {n} even?", "answer": "yes" if n % 2 == 0 else "no"} for n in range(count)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub()) as served:
        yield served


@pytest.fixture
def asking(hub: Hub, scratch: Engine, study: dict[str, Any], tmp_path: Path) -> Engine:
    """The tiny study with a source of a hub in its mixture, and an empty cache."""
    study["data"]["sources"]["mine"] = {
        "adapter": "qa",
        "modality": "text",
        "repository": NAME,
        "path": "data/train.jsonl",
    }
    study["recipe"]["mixture"]["text"] = {"t_capital": 1, "mine": 1}
    scratch.write_study(study)
    scratch.use_hub(hub.address, tmp_path)
    return scratch


def _pin(engine: Engine, commit: str) -> None:
    engine.edit("config/test.yaml", NAME, f"{NAME}@{commit}")


def test_files_are_fetched_once_and_become_examples(hub: Hub, asking: Engine) -> None:
    lines = _rows(300).splitlines(keepends=True)
    shards = {"data/train-1.jsonl": lines[200:], "data/train-0.jsonl": lines[:200]}
    published = {path: b"".join(part) for path, part in shards.items()} | {"data/test.jsonl": b"{"}
    commit = hub.publish("acme/questions", published, kind="dataset")
    asking.edit("config/test.yaml", "data/train.jsonl", "data/train-*.jsonl")
    _pin(asking, commit)
    assert asking.planned(RECORD) == {"fetch": 1, "prepare_source": 1}
    done = asking.run(RECORD)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((asking.folder / RECORD).read_text())
    assert record["facts"] == {"rows": 300, "rejected": 0}
    fetched = json.loads((asking.folder / FETCHED).read_text())
    assert fetched["facts"]["commit"] == commit
    assert fetched["facts"]["bytes"] == len(_rows(300))
    assert sorted(hub.downloads()) == ["data/train-0.jsonl", "data/train-1.jsonl"]
    examples = pd.read_parquet((asking.folder / RECORD).with_name("examples.parquet"))
    assert [turns[0]["user"] for turns in examples["turns"]] == [
        f"Is {n} even?" for n in range(300)
    ]
    # Another commit on the hub changes nothing; nor does a hub that is gone.
    hub.publish("acme/questions", {"data/train.jsonl": _rows(7)}, kind="dataset")
    hub.requests.clear()
    assert asking.planned(RECORD) == {}
    (asking.folder / FETCHED).unlink()
    again = asking.run(FETCHED)
    assert again.returncode == 0, again.stdout + again.stderr
    assert hub.requests == []
    assert json.loads((asking.folder / FETCHED).read_text()) == fetched
    # A file that was not asked for before is fetched, not missed.
    asking.edit("config/test.yaml", "data/train-*.jsonl", "data/test.jsonl")
    assert asking.planned(RECORD) == {"fetch": 1, "prepare_source": 1}


def test_budget_above_a_fetched_source_is_refused_before_any_training(
    hub: Hub, asking: Engine
) -> None:
    _pin(asking, hub.publish("acme/questions", {"data/train.jsonl": _rows(3)}, kind="dataset"))
    assert asking.run(RECORD).returncode == 0
    done = asking.run("--dry-run")
    assert done.returncode != 0
    assert "asks 8 examples of source 'mine', which has 3" in done.stdout + done.stderr


def test_name_without_a_commit_is_refused_with_the_one_it_means_now(
    hub: Hub, asking: Engine
) -> None:
    commit = hub.publish("acme/questions", {"data/train.jsonl": _rows(3)}, kind="dataset")
    done = asking.run("--dry-run")
    assert done.returncode != 0
    [line] = [line for line in (done.stdout + done.stderr).splitlines() if "neither" in line]
    assert line == (
        f"config/test.yaml: data.sources.mine.repository = '{NAME}': neither pinned nor locked; "
        f"run `mlan lock test` (its main branch is at {commit} now)"
    )


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("gated", "gated, and HF_TOKEN is not set"),
        ("absent file", "data/train.jsonl"),
    ],
)
def test_what_a_hub_refuses_is_one_line_with_the_key(
    hub: Hub, asking: Engine, trouble: str, said: str
) -> None:
    path = "data/other.jsonl" if trouble == "absent file" else "data/train.jsonl"
    closed = {"closed": "gated", "token": "opens"} if trouble == "gated" else {}
    _pin(asking, hub.publish("acme/questions", {path: _rows(3)}, kind="dataset", **closed))
    done = asking.run(RECORD)
    assert done.returncode != 0
    log = asking.results("logs", "fetch", "mine.log").read_text()
    [line] = [line for line in log.splitlines() if line.startswith("fetch: ")]
    assert line.startswith(f"fetch: data.sources.mine.repository = '{NAME}@")
    assert said in line
    assert "Traceback" not in log
    assert not (asking.folder / FETCHED).exists()


@pytest.mark.parametrize("path", ["../elsewhere.jsonl", "/etc/passwd", "data/[a-c].jsonl"])
def test_path_out_of_the_repository_is_refused(
    asking: Engine, study: dict[str, Any], path: str
) -> None:
    study["data"]["sources"]["mine"]["path"] = path
    asking.write_study(study)
    done = asking.run("--dry-run")
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "sources.mine" in line]
    assert lines == [
        f"config/test.yaml: data.sources.mine.path = {path!r}: not a file's path within the "
        "repository"
    ]
