"""The lock file: what a study's names meant when it was locked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from pydantic import BaseModel

from mlan.config import Study
from mlan.config.hub import HubDataset, HubModel
from mlan.errors import ConfigError, HubError
from mlan.hub import Client, fetch, revisions
from mlan.hub.lock import differences, lock, lock_path, newer, read_lock
from tests.hub.loopback import Hub

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FILES = {"config.json": b"{}", "model.safetensors": b"weights " * 1000}


class Toy(BaseModel):
    model: HubModel
    rows: dict[str, HubDataset] = {}


def study(folder: Path, model: str, **rows: str) -> Study:
    return Study("mine", folder / "mine.yaml", cast(Any, Toy(model=model, rows=rows)))


@pytest.fixture
def commits(hub: Hub) -> dict[str, str]:
    """A model and two data sets, each at its first commit."""
    return {
        "tiny": hub.publish("acme/tiny", FILES, licence="apache-2.0"),
        "vqa": hub.publish("acme/vqa", {"a.parquet": b"1" * 5000}, "dataset", licence="cc-by-4.0"),
        "chat": hub.publish("acme/chat", {"b.parquet": b"2"}, "dataset"),
    }


def commits_of(mine: Study, client: Client) -> dict[str, str]:
    return {name: found.commit for name, found in revisions(mine, client=client).items()}


def both(folder: Path) -> Study:
    return study(folder, "hub:acme/tiny", vqa="hub:datasets/acme/vqa")


def test_lock_file_holds_commit_size_digest_and_licence_sorted(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    lock(both(tmp_path), client)

    text = lock_path(both(tmp_path)).read_text()
    assert lock_path(both(tmp_path)) == both(tmp_path).lock == tmp_path / "mine.lock.yaml"
    content = yaml.safe_load(text)
    digests = [entry.pop("digest") for entry in content["repositories"].values()]
    assert content == {
        "format": 1,
        "repositories": {
            "hub:acme/tiny": {
                "bytes": 8002,
                "commit": commits["tiny"],
                "files": 2,
                "licence": "apache-2.0",
            },
            "hub:datasets/acme/vqa": {
                "bytes": 5000,
                "commit": commits["vqa"],
                "files": 1,
                "licence": "cc-by-4.0",
            },
        },
    }
    assert len(set(digests)) == 2
    assert list(content["repositories"]) == sorted(content["repositories"])
    assert text.startswith("# Written by `mlan lock mine`")


def test_equal_answers_give_equal_bytes_whatever_the_order_of_the_study(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    names = {"x": "hub:datasets/acme/vqa", "y": "hub:datasets/acme/chat"}
    one = study(tmp_path / "one", "hub:acme/tiny", **names)
    two = study(tmp_path / "two", "hub:acme/tiny", **dict(reversed(names.items())))
    for each in (one, two):
        lock(each, client)

    assert lock_path(one).read_bytes() == lock_path(two).read_bytes()


def test_new_name_moves_no_other_and_upgrade_moves_all(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    lock(study(tmp_path, "hub:acme/tiny"), client)
    now = hub.publish("acme/tiny", {"config.json": b"[]"})

    added = lock(both(tmp_path), client)
    assert (added.new, dict(added.moved)) == (("hub:datasets/acme/vqa",), {})
    assert commits_of(both(tmp_path), client)["hub:acme/tiny"] == commits["tiny"]
    assert newer(both(tmp_path), client) == {"hub:acme/tiny": now}

    moved = lock(both(tmp_path), client, upgrade=True)
    assert list(moved.moved) == ["hub:acme/tiny"]
    assert commits_of(both(tmp_path), client)["hub:acme/tiny"] == now
    assert newer(both(tmp_path), client) == {}


def test_locked_study_asks_nothing(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path, offline: Any
) -> None:
    lock(both(tmp_path), client)
    asked = len(hub.requests)
    offline()

    assert not lock(both(tmp_path), client)
    assert differences(both(tmp_path)) == []
    assert commits_of(both(tmp_path), client) == {
        "hub:acme/tiny": commits["tiny"],
        "hub:datasets/acme/vqa": commits["vqa"],
    }
    assert len(hub.requests) == asked


def test_differences_name_what_lacks_and_what_is_unused(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    lock(both(tmp_path), client)
    changed = study(tmp_path, "hub:acme/tiny", chat="hub:datasets/acme/chat")

    path = tmp_path / "mine.lock.yaml"
    assert differences(changed) == [
        f"rows.chat = 'hub:datasets/acme/chat': not in {path}",
        f"{path}: hub:datasets/acme/vqa is used no more",
    ]
    assert lock(changed, client).gone == ("hub:datasets/acme/vqa",)
    assert differences(changed) == []


def test_name_that_cannot_be_had_is_told_and_nothing_is_written(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    lock(both(tmp_path), client)
    before = lock_path(both(tmp_path)).read_bytes()
    wrong = study(tmp_path, "hub:acme/absent", a="hub:datasets/acme/gone", b="hub:datasets/a/chat")

    with pytest.raises(HubError) as caught:
        lock(wrong, client)

    assert [line.partition(":")[0] for line in caught.value.lines] == [
        "model = 'hub",
        "rows.a = 'hub",
        "rows.b = 'hub",
    ]
    assert lock_path(both(tmp_path)).read_bytes() == before


def test_unlocked_name_is_refused_with_the_command_and_the_present_commit(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    now = hub.publish("acme/tiny", {"config.json": b"[]"})
    with pytest.raises(ConfigError) as caught:
        revisions(both(tmp_path), client=client)

    where = f"{tmp_path / 'mine.yaml'}: "
    run = "neither pinned nor locked; run `mlan lock mine`"
    assert caught.value.lines == (
        f"{where}model = 'hub:acme/tiny': {run} (its main branch is at {now} now)",
        f"{where}rows.vqa = 'hub:datasets/acme/vqa': {run} (its main branch is at "
        f"{commits['vqa']} now)",
    )


@pytest.mark.parametrize("why", ["down", "offline"])
def test_unlocked_name_is_refused_also_when_no_hub_answers(
    hub: Hub, client: Client, tmp_path: Path, offline: Any, why: str
) -> None:
    hub.spoil("status", "/api/")
    if why == "offline":
        offline()

    with pytest.raises(ConfigError) as caught:
        revisions(study(tmp_path, "hub:acme/tiny"), client=client)

    assert caught.value.lines[0].endswith("neither pinned nor locked; run `mlan lock mine`")
    assert len(hub.requests) == (1 if why == "down" else 0)


def test_pin_in_the_study_needs_no_lock(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path, offline: Any
) -> None:
    hub.publish("acme/tiny", {"config.json": b"[]"})
    name = f"hub:acme/tiny@{commits['tiny']}"
    pinned = study(tmp_path, name)
    lock(pinned, client)
    assert read_lock(lock_path(pinned))[name].commit == commits["tiny"]
    lock_path(pinned).unlink()
    offline()

    assert {n: r.pinned for n, r in revisions(pinned, client=client).items()} == {name: True}
    assert commits_of(pinned, client) == {name: commits["tiny"]}


def test_unpinned_names_are_taken_on_demand_and_marked(
    hub: Hub, client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    lock(study(tmp_path, "hub:acme/tiny"), client)

    found = revisions(both(tmp_path), allow_unpinned=True, client=client)

    assert {n: (r.commit, r.pinned) for n, r in found.items()} == {
        "hub:acme/tiny": (commits["tiny"], True),
        "hub:datasets/acme/vqa": (commits["vqa"], False),
    }
    folder = tmp_path / "cache"
    assert found["hub:datasets/acme/vqa"].digest is None
    digest = found["hub:acme/tiny"].digest
    assert fetch("acme/tiny", commits["tiny"], ["*"], digest=digest, client=client).is_relative_to(
        folder
    )
    hub.spoil("status", "/api/")
    strict = replace(client, tries=1)
    with pytest.raises(HubError, match="out of order"):
        revisions(both(tmp_path), allow_unpinned=True, client=strict)
    kept = {"hub:datasets/acme/vqa": commits["vqa"]}
    again = revisions(both(tmp_path), allow_unpinned=True, remembered=kept, client=strict)
    assert again == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<<<<<<< ours\nformat: 1", "not readable ("),
        ("format: 2\nrepositories: {}", "format = 2: input should be 1"),
        ("repositories: {'hub:a/b': {commit: main}}", "repositories.hub:a/b.commit = 'main': "),
        ("- 1", "input should be"),
    ],
)
def test_spoilt_lock_file_says_what_to_do(tmp_path: Path, text: str, told: str) -> None:
    mine = study(tmp_path, "hub:acme/tiny")
    lock_path(mine).write_text(text)

    with pytest.raises(ConfigError) as caught:
        revisions(mine)

    line = caught.value.lines[0]
    assert line.startswith(f"{lock_path(mine)}: ")
    assert told in line
    assert line.endswith("; delete it and run `mlan lock`, or take it from version control")
