"""What `fetch` returns is what the commit holds, whatever the hub or the disk did."""

from __future__ import annotations

import json
import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlan.config.hub import HubName
from mlan.errors import HubError
from mlan.hub import Client, fetch, fetched, provenance
from tests.hub.loopback import Hub, hashes

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

BIG, SMALL = b"weights " * 1000, b'{"layers": 2}'
FILES = {"config.json": SMALL, "a/one.safetensors": BIG, "a/two.safetensors": BIG[::-1]}
EVERYTHING = ["*"]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(*words: Any, **more: Any) -> str:
    with pytest.raises(HubError) as caught:
        fetch(*words, **more)
    (line,) = caught.value.lines
    assert "\n" not in line
    return line


def blobs(client: Client) -> set[str]:
    assert client.cache is not None
    return {path.name for path in client.cache.glob("*/blobs/*")}


# --- complete and right ----------------------------------------------------------------------


def test_second_fetch_of_a_commit_asks_nothing(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)

    first = fetch("acme/tiny", commit, EVERYTHING, client=client)
    asked = len(hub.requests)
    second = fetch("acme/tiny", commit, EVERYTHING, client=client)

    assert first == second
    assert contents(first) == FILES
    assert asked > len(FILES)
    assert len(hub.requests) == asked


def test_patterns_choose_the_files_and_a_later_call_adds_others(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)

    folder = fetch("acme/tiny", commit, ["*.json", "a/two*"], client=client)
    assert set(contents(folder)) == {"config.json", "a/two.safetensors"}

    assert fetch("acme/tiny", commit, ["a/"], client=client) == folder
    assert contents(folder) == FILES
    assert sorted(hub.downloads()) == sorted(FILES)


def test_moved_branch_does_not_change_a_pinned_fetch(hub: Hub, client: Client) -> None:
    old = hub.publish("acme/data", {"rows.csv": b"1,2"}, kind="dataset")
    new = hub.publish("acme/data", {"rows.csv": b"3,4"}, kind="dataset")

    folders = [fetch("acme/data", c, EVERYTHING, "dataset", client=client) for c in (old, new)]

    assert [contents(f) for f in folders] == [{"rows.csv": b"1,2"}, {"rows.csv": b"3,4"}]


def test_provenance_tells_commit_files_bytes_and_one_digest(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)
    other = hub.publish("acme/tiny", {**FILES, "a/two.safetensors": BIG})
    for each in (commit, other):
        fetch("acme/tiny", each, ["a/*"], client=client)

    told = provenance(fetched("acme/tiny", commit, ["a/*"], client=client))

    digest = told.pop("digest")
    size = 2 * len(BIG)
    assert told == {"repository": "hub:acme/tiny", "commit": commit, "files": 2, "bytes": size}
    assert digest != provenance(fetched("acme/tiny", other, ["a/*"], client=client))["digest"]


def test_address_may_end_with_a_slash(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)

    folder = fetch(
        "acme/tiny", commit, EVERYTHING, client=replace(client, endpoint=f"{hub.address}/")
    )

    assert contents(folder) == FILES


def test_hub_that_lists_other_files_than_were_locked_is_refused(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)
    right = client.manifest(HubName("model", "acme/tiny", commit)).digest()

    line = refused("acme/tiny", commit, EVERYTHING, digest="0" * 64, client=client)

    assert f"has the digest {right}, the lock file says {'0' * 64}; ask another hub" in line
    assert hub.downloads() == []
    assert fetch("acme/tiny", commit, EVERYTHING, digest=right, client=client).is_dir()


# --- damaged content -------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["a/one.safetensors", "config.json"])
def test_corrupt_download_is_fetched_once_more(
    hub: Hub, client: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    commit = hub.publish("acme/tiny", FILES)
    hub.spoil("corrupt", f"GET /acme/tiny/resolve/{commit}/{path}", times=1)

    folder = fetch("acme/tiny", commit, EVERYTHING, client=client)

    assert contents(folder) == FILES
    assert hub.downloads().count(path) == 2
    blob, big = hashes(FILES[path])
    assert f"{path} is " in caplog.text
    assert f"the hub says {big or blob}; removed, fetching it again" in caplog.text


def test_corrupt_on_every_download_is_refused_with_both_hashes(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)
    hub.spoil("corrupt", "GET /acme/tiny/resolve/" + commit + "/a/one")
    middle = len(BIG) // 2
    flipped = BIG[:middle] + bytes([BIG[middle] ^ 1]) + BIG[middle + 1 :]

    line = refused("acme/tiny", commit, EVERYTHING, key="recipe.model", client=client)

    expected, found = hashes(BIG)[1], hashes(flipped)[1]
    assert line.startswith(f"recipe.model = 'hub:acme/tiny@{commit}': sha256 of a/one.safetensors")
    assert f"is {found}, the hub says {expected}, also after 2 downloads" in line
    assert hub.downloads().count("a/one.safetensors") == 2
    assert blobs(client) == {hashes(SMALL)[0], hashes(BIG[::-1])[1]}


def test_file_spoilt_on_the_disk_is_fetched_again(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)
    folder = fetch("acme/tiny", commit, EVERYTHING, client=client)
    (folder / "a/one.safetensors").resolve().write_bytes(BIG[:-1] + b"!")

    fetch("acme/tiny", commit, EVERYTHING, client=client)

    assert contents(folder) == FILES
    assert hub.downloads().count("a/one.safetensors") == 2


def test_spoilt_file_is_refused_offline_and_kept(hub: Hub, client: Client, offline: Any) -> None:
    commit = hub.publish("acme/tiny", FILES)
    folder = fetch("acme/tiny", commit, EVERYTHING, client=client)
    (folder / "config.json").resolve().write_bytes(SMALL[::-1])
    offline()

    line = refused("acme/tiny", commit, EVERYTHING, client=client)

    assert f"config.json is {hashes(SMALL[::-1])[0]}, the hub says {hashes(SMALL)[0]}" in line
    assert (folder / "config.json").read_bytes() == SMALL[::-1]


def test_thorough_reads_every_byte_of_files_that_look_untouched(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)
    folder = fetch("acme/tiny", commit, EVERYTHING, client=client)
    blob = (folder / "config.json").resolve()
    blob.write_bytes(SMALL[::-1])
    notes = next(folder.parents[1].glob("manifests/*.seen.json"))
    seen = json.loads(notes.read_text())
    status = blob.stat()
    look = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    notes.write_text(json.dumps({**seen, "config.json": [hashes(SMALL)[0], *look]}))

    assert contents(fetch("acme/tiny", commit, EVERYTHING, client=client)) != FILES
    assert contents(fetch("acme/tiny", commit, EVERYTHING, client=client, thorough=True)) == FILES


# --- missing files ---------------------------------------------------------------------------


def test_partial_cache_offline_is_refused_naming_the_files(
    hub: Hub, client: Client, offline: Any
) -> None:
    commit = hub.publish("acme/tiny", FILES)
    folder = fetch("acme/tiny", commit, ["config.json"], client=client)
    offline()
    asked = len(hub.requests)

    line = refused("acme/tiny", commit, EVERYTHING, client=client)

    assert "2 of 3 files are missing: a/one.safetensors, a/two.safetensors, and HF_HUB_OFF" in line
    assert fetch("acme/tiny", commit, ["*.json"], client=client) == folder
    assert len(hub.requests) == asked


def test_unknown_commit_offline_says_where_it_was_sought(client: Client, offline: Any) -> None:
    offline()

    line = refused("acme/tiny", "0" * 40, EVERYTHING, client=client)

    assert line == (
        f"hub:acme/tiny@{'0' * 40}: not in {client.cache}, and HF_HUB_OFFLINE is set; fetch once "
        "with HF_HUB_OFFLINE=0"
    )


def test_list_that_the_hub_refuses_the_second_time_is_no_excuse_for_a_partial_folder(
    hub: Hub, client: Client
) -> None:
    commit = hub.publish("acme/tiny", FILES)
    folder = fetch("acme/tiny", commit, ["config.json"], client=client)
    shutil.rmtree(folder.parents[1] / "trees")  # the client's own list; ours is kept
    from huggingface_hub import _tree_cache

    _tree_cache._IN_MEMORY_TREE_CACHE.clear()
    hub.spoil("status", "/tree/", status=500)

    line = refused("acme/tiny", commit, EVERYTHING, client=client)

    assert "2 of 3 files are missing: a/one.safetensors, a/two.safetensors" in line


def test_damaged_manifest_is_asked_again(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)
    folder = fetch("acme/tiny", commit, EVERYTHING, client=client)
    (folder.parents[1] / "manifests" / f"{commit}.json").write_text("{")

    assert contents(fetch("acme/tiny", commit, EVERYTHING, client=client)) == FILES
    assert sorted(hub.downloads()) == sorted(FILES)


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "a/../../outside"])
def test_path_that_leads_out_of_the_folder_is_refused(hub: Hub, client: Client, path: str) -> None:
    commit = hub.publish("acme/evil", {path: SMALL})

    assert "names a file outside its folder" in refused(
        "acme/evil", commit, EVERYTHING, client=client
    )
    assert hub.downloads() == []


# --- disk ------------------------------------------------------------------------------------


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_full_disk_is_found_before_the_download(
    hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.publish("acme/tiny", FILES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 5000))

    line = refused("acme/tiny", commit, EVERYTHING, client=client)

    assert "16.0 kB are to be fetched, 5.0 kB are free in " in line
    assert hub.downloads() == []
    assert fetch("acme/tiny", commit, ["config.json"], client=client).is_dir()


def test_cache_that_cannot_be_written_is_one_line(hub: Hub, client: Client, tmp_path: Path) -> None:
    commit = hub.publish("acme/tiny", FILES)
    (tmp_path / "cache").write_text("a file stands where the cache should be")

    assert "cannot be written" in refused("acme/tiny", commit, EVERYTHING, client=client)


@pytest.mark.parametrize(
    ("age_s", "stays", "told"),
    [
        (2 * 24 * 3600, False, "removed 1 unfinished download(s) older than a day (2.5 kB)"),
        (60, True, "1 unfinished download(s) of the last day stay (2.5 kB)"),
    ],
)
def test_unfinished_download_is_removed_when_a_day_old(
    hub: Hub,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    age_s: float,
    stays: bool,
    told: str,
) -> None:
    commit = hub.publish("acme/tiny", FILES)
    folder = fetch("acme/tiny", commit, ["config.json"], client=client)
    leftover = folder.parents[1] / "blobs" / f"{'0' * 64}.1a2b3c4d.incomplete"
    leftover.write_bytes(b"0" * 2500)
    then = leftover.stat().st_mtime - age_s
    os.utime(leftover, (then, then))

    with caplog.at_level(logging.INFO, "mlan"):
        fetch("acme/tiny", commit, EVERYTHING, client=client)

    assert leftover.exists() == stays
    assert told in caplog.text
