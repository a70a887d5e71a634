"""Clients in processes of their own: settings of the environment, two at once, one killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlan.config.hub import HubName
from mlan.hub import Client, fetch
from tests.hub.child import start
from tests.hub.loopback import Hub

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

BIG = b"weights " * 1000
FILES = {"config.json": b"{}", "one.safetensors": BIG, "two.safetensors": BIG[::-1]}


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder.strip()).iterdir()}


def test_environment_sets_address_token_and_offline(hub: Hub, tmp_path: Path) -> None:
    commit = hub.publish("acme/gated", FILES, closed="gated", token="hf_secret_token")
    words = ("acme/gated", commit)

    # With and without a slash at its end, at once; one folder each.
    with_slash = start(tmp_path / "a", f"{hub.address}/", *words, HF_TOKEN="hf_secret_token")
    closed = start(tmp_path / "b", hub.address, *words, HF_TOKEN="hf_wrong_token")
    out, log = with_slash.communicate(timeout=300)
    _, refusal = closed.communicate(timeout=300)

    assert contents(out) == FILES
    assert closed.returncode == 1
    told = f"recipe.model = 'hub:acme/gated@{commit}': gated, and the token has no access"
    assert sum(line.startswith(told) for line in refusal.splitlines()) == 1
    assert "Traceback" not in refusal
    kept = "".join(p.read_text("latin-1") for p in tmp_path.rglob("*") if p.is_file())
    assert not any(word in log + refusal + kept for word in ("hf_secret", "hf_wrong"))

    asked = len(hub.requests)
    offline = start(tmp_path / "a", "http://127.0.0.1:9", *words, HF_HUB_OFFLINE="1")
    cold = start(tmp_path / "c", hub.address, *words, HF_HUB_OFFLINE="1")
    assert offline.communicate(timeout=300)[0] == out
    assert "HF_HUB_OFFLINE is set" in cold.communicate(timeout=300)[1]
    assert (offline.returncode, cold.returncode) == (0, 1)
    assert len(hub.requests) == asked


def test_two_processes_at_once_fetch_each_file_once(hub: Hub, tmp_path: Path) -> None:
    commit = hub.publish("acme/tiny", FILES)

    both = [start(tmp_path, hub.address, "acme/tiny", commit) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert contents(outputs[0]) == FILES
    assert sorted(hub.downloads()) == sorted(FILES)


def test_process_waits_for_the_one_that_fetches(hub: Hub, tmp_path: Path) -> None:
    commit = hub.publish("acme/tiny", FILES)
    place = Client(cache=tmp_path / "hub").place(HubName("model", "acme/tiny", commit))

    with place.sole_user():
        other = start(tmp_path, hub.address, "acme/tiny", commit)
        assert other.stderr is not None
        assert any("waiting for another process that fetches it" in line for line in other.stderr)
        assert hub.downloads() == []
    out = other.communicate(timeout=300)[0]

    assert contents(out) == FILES


def test_killed_download_leaves_nothing_that_stops_the_next(
    hub: Hub, client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commit = hub.publish("acme/tiny", FILES)
    stall = hub.spoil("stall", f"GET /acme/tiny/resolve/{commit}/two", after=2000)
    first = start(tmp_path, hub.address, "acme/tiny", commit, "two*")
    assert hub.stalled.wait(300)
    first.kill()
    first.communicate(timeout=300)
    stall.times = 0
    (leftover,) = (tmp_path / "hub").glob("*/blobs/*.incomplete")
    old = leftover.stat().st_mtime - 2 * 24 * 3600
    os.utime(leftover, (old, old))

    here = Client(endpoint=hub.address, cache=tmp_path / "hub")
    folder = fetch("acme/tiny", commit, ["*"], client=here)

    assert contents(str(folder)) == FILES
    assert not leftover.exists()
    assert "removed 1 unfinished download(s) older than a day" in caplog.text
