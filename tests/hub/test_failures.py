"""What a user reads when a hub refuses, is busy or is gone; how often it is asked again."""

from __future__ import annotations

import errno
import logging
import re
import time
from dataclasses import replace
from typing import Any

import pytest

from mlan.config.hub import HubName
from mlan.errors import HubError
from mlan.hub import Client, fetch
from tests.hub.loopback import Hub

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FILES = {"config.json": b"{}", "model.safetensors": b"weights " * 1000}
TINY = HubName("model", "acme/tiny")
KEY = "recipe.backbone.language_model"
TOKEN = "hf_good"


def failure(name: str, commit: str, client: Client, **more: Any) -> str:
    with pytest.raises(HubError) as caught:
        fetch(name, commit, ["*"], key=KEY, client=client, **more)
    (line,) = caught.value.lines
    assert "\n" not in line
    assert line.startswith(f"{KEY} = 'hub:{name}")
    return line.partition("': ")[2]


# --- refusals: said once, never asked again -----------------------------------------------------


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (None, "gated, and HF_TOKEN is not set (HTTP 401 at {tree}); accept its terms on {page}, "),
        ("hf_bad", "gated, and the token has no access (HTTP 403 at {tree}); accept its terms on "),
    ],
)
def test_gated_repository_names_the_page_and_the_token(
    hub: Hub, client: Client, token: str | None, told: str
) -> None:
    commit = hub.publish("acme/gated", FILES, closed="gated", token=TOKEN)

    line = failure("acme/gated", commit, replace(client, token=token))

    tree = f"{hub.address}/api/models/acme/gated/tree/{commit}"
    assert line.startswith(told.format(tree=tree, page=f"{hub.address}/acme/gated"))
    assert len(hub.requests) == 1


@pytest.mark.parametrize("closed", ["gated", "private"])
def test_right_token_opens_a_closed_repository(hub: Hub, client: Client, closed: str) -> None:
    commit = hub.publish("acme/closed", FILES, closed=closed, token=TOKEN)

    folder = fetch("acme/closed", commit, ["*"], client=replace(client, token=TOKEN))

    assert (folder / "config.json").read_bytes() == b"{}"
    assert all(seen.authorised for seen in hub.requests)


@pytest.mark.parametrize(
    ("token", "status", "told"),
    [(None, 401, "HF_TOKEN is not set"), ("hf_bad", 404, "the token may not see it")],
)
@pytest.mark.parametrize("name", ["acme/private", "acme/absent"])
def test_private_and_absent_read_alike(
    hub: Hub, client: Client, name: str, token: str | None, status: int, told: str
) -> None:
    commit = hub.publish("acme/private", FILES, closed="private", token=TOKEN)

    line = failure(name, commit, replace(client, token=token))

    tree = f"{hub.address}/api/models/{name}/tree/{commit}"
    assert line == (
        f"no such model, or it is private and {told} (HTTP {status} at {tree}); check the name in "
        f"{KEY}, or set HF_TOKEN"
    )
    assert len(hub.requests) == 1


def test_unknown_commit_names_the_page_of_commits(hub: Hub, client: Client) -> None:
    hub.publish("acme/tiny", FILES)

    line = failure("acme/tiny", "f" * 40, client)

    tree = f"{hub.address}/api/models/acme/tiny/tree/{'f' * 40}"
    page = f"{hub.address}/acme/tiny/commits/main"
    assert line == f"has no such commit (HTTP 404 at {tree}); look it up on {page} and mend the pin"
    assert len(hub.requests) == 1


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("model.bin", "there is no file 'model.bin'; it has config.json, model.safetensors"),
        ("*.parquet", "no file matches '*.parquet'; it has config.json, model.safetensors"),
    ],
)
def test_missing_file_names_those_there_are(
    hub: Hub, client: Client, pattern: str, told: str
) -> None:
    commit = hub.publish("acme/tiny", FILES)

    with pytest.raises(HubError) as caught:
        fetch("acme/tiny", commit, ["config.json", pattern], key=KEY, client=client)

    assert caught.value.lines == (f"{KEY} = 'hub:acme/tiny@{commit}': {told}",)
    assert hub.downloads() == []


def test_branch_is_refused_with_the_commit_that_it_is_at(hub: Hub, client: Client) -> None:
    hub.publish("acme/tiny", {"config.json": b"[]"})
    now = hub.publish("acme/tiny", FILES)

    line = failure("acme/tiny", "main", client)

    assert line == (
        f"'main' is not a commit but a name that moves; it is at {now} now; pin hub:acme/tiny@{now}"
    )
    assert hub.downloads() == []


def test_branch_of_a_hub_that_is_gone_is_refused_at_once(hub: Hub, client: Client) -> None:
    hub.spoil("status", "/api/", status=500)

    line = failure("acme/tiny", "main", client)

    assert line == "'main' is not a commit but a name that moves; pin a commit, 40 hex digits"
    assert len(hub.requests) == 1


# --- patience -----------------------------------------------------------------------------------


OURS, THEIRS = "; try ", "Retrying in "


@pytest.mark.parametrize(
    ("where", "status", "times", "by"),
    [
        ("GET /acme/", 500, 2, OURS),
        ("GET /acme/", 503, 2, OURS),
        ("GET /acme/", 429, 2, THEIRS),  # huggingface_hub tries these itself
        ("HEAD /acme/", 503, 3, THEIRS),  # its first try says nothing
        ("GET /api/", 500, 2, THEIRS),
        ("GET /api/", 429, 2, THEIRS),
        ("GET /api/", 503, 12, OURS),  # six tries of its own in each of ours
    ],
)
def test_hub_that_fails_for_a_while_is_asked_again_and_each_time_said(
    hub: Hub,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    where: str,
    status: int,
    times: int,
    by: str,
) -> None:
    commit = hub.publish("acme/tiny", {"config.json": b"{}"})
    hub.spoil("status", where, times, status=status)

    with caplog.at_level(logging.WARNING):
        folder = fetch("acme/tiny", commit, ["*"], key=KEY, client=client)

    assert (folder / "config.json").read_bytes() == b"{}"
    assert sum(by in record.message for record in caplog.records) == 2


def test_lookup_of_a_repository_is_tried_again_and_each_time_said(
    hub: Hub, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    commit = hub.publish("acme/tiny", FILES)
    hub.spoil("status", "/api/", times=2)

    assert client.head(TINY, KEY).commit == commit

    why = f"{KEY} = 'hub:acme/tiny': HTTP 503 at {hub.address}/api/models/acme/tiny"
    assert [r.message for r in caplog.records] == [
        f"{why}; try 2 of 5 in 0.01 s",
        f"{why}; try 3 of 5 in 0.02 s",
    ]


@pytest.mark.parametrize(
    ("where", "asked"),
    [("GET /api/", 3 * 6), ("GET /acme/", 3), ("HEAD /acme/", 3 * 7)],  # with the client's own
)
def test_hub_that_is_down_is_given_up_with_status_and_address(
    hub: Hub, client: Client, where: str, asked: int
) -> None:
    commit = hub.publish("acme/tiny", {"config.json": b"{}"})
    hub.spoil("status", where, status=500)

    line = failure("acme/tiny", commit, replace(client, tries=3))

    assert line.startswith(f"the hub is out of order (HTTP 500 at {hub.address}/")
    assert re.search("gave up after 3 tries in [0-9]+ s; try again later$", line)
    assert sum(where in f"{seen.method} {seen.path}" for seen in hub.requests) == asked


def test_no_try_begins_after_the_limit(hub: Hub, client: Client) -> None:
    hub.spoil("status", "/api/")
    short = replace(client, tries=30, first_wait_s=0.05, longest_wait_s=0.05, limit_s=0.2)

    with pytest.raises(HubError, match=r"gave up after [2-5] tries"):
        short.head(TINY)

    assert 1 < len(hub.requests) < 6


def test_hub_that_asks_to_wait_longer_than_the_limit_is_given_up_at_once(
    hub: Hub, client: Client
) -> None:
    hub.spoil("status", "/api/", status=429, headers={"RateLimit": '"api";r=0;t=900'})

    with pytest.raises(HubError) as caught:
        client.head(TINY)

    assert caught.value.lines == (
        f"hub:acme/tiny: too many requests (HTTP 429 at {hub.address}/api/models/acme/tiny), no "
        "second try; try again in 901 s; HF_TOKEN raises the limit",
    )
    assert len(hub.requests) == 1


def test_hub_that_asks_to_wait_is_waited_for(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/tiny", FILES)
    hub.spoil("status", "/api/", times=1, headers={"Retry-After": "1"})
    begun = time.monotonic()

    assert client.head(TINY).commit == commit

    assert time.monotonic() - begun > 1


def test_no_hub_at_the_address_names_address_and_settings(client: Client) -> None:
    nobody = replace(client, endpoint="http://127.0.0.1:9", tries=2)

    line = failure("acme/tiny", "0" * 40, nobody)

    assert line.startswith("no answer from http://127.0.0.1:9 (")
    assert re.search("gave up after 2 tries in [0-9]+ s; check the network, HF_ENDPOINT and ", line)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left"), "the disk is full; make room, or set HF_HOME"),
        (PermissionError(errno.EACCES, "Denied", "/c"), "'/c'; set HF_HOME to a folder that you"),
        (RuntimeError("xet:\nbroken"), "xet: broken, no second try; try again (behind a proxy: "),
    ],
)
def test_trouble_on_this_side_says_what_to_do(client: Client, error: Exception, told: str) -> None:
    def work() -> None:
        raise error

    with pytest.raises(HubError) as caught:
        client.patiently(work, client.request(TINY))

    assert told in caught.value.lines[0]


def test_interrupted_download_goes_on_where_it_stopped(hub: Hub, client: Client) -> None:
    large = bytes(range(256)) * (50 * 1024)  # the client writes blocks of 10 MiB
    commit = hub.publish("acme/large", {"model.safetensors": large})
    hub.spoil("cut", "GET /acme/large/", times=1, after=11 * 2**20)

    folder = fetch("acme/large", commit, ["*"], client=client)

    assert (folder / "model.safetensors").read_bytes() == large
    assert [s.range for s in hub.requests if s.is_download] == [None, f"bytes={10 * 2**20}-"]


# --- what must not be told ----------------------------------------------------------------------


@pytest.mark.allow_hosts(["127.0.0.1", "localhost"])
def test_signed_address_is_not_told_and_gets_no_token(
    hub: Hub, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    commit = hub.publish("acme/tiny", FILES, closed="gated", token=TOKEN)
    hub.signs = True
    hub.spoil("status", "GET /signed/", times=1, status=503)
    hub.spoil("status", "GET /signed/", times=1, status=429)
    hub.spoil("cut", "GET /signed/", times=1, after=1000)

    with caplog.at_level(logging.INFO):
        folder = fetch("acme/tiny", commit, ["*"], client=replace(client, token=TOKEN))

    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    signed = [seen for seen in hub.requests if seen.path.startswith("/signed/")]
    assert [(seen.host.split(":")[0], seen.authorised) for seen in signed] == [
        ("localhost", False)
    ] * 4
    assert caplog.text.count("/signed/") >= 3
    assert "Signature" not in caplog.text
    assert TOKEN not in caplog.text


def test_token_is_told_by_no_error_that_repeats_it(hub: Hub, client: Client) -> None:
    commit = hub.publish("acme/gated", FILES, closed="gated", token=TOKEN)
    with_bad = replace(client, token="hf_secret_token")
    hub.spoil("status", "HEAD", status=403, headers={"X-Error-Message": "no for hf_secret_token"})

    line = failure("acme/gated", commit, with_bad)
    hub.repositories["model", "acme/gated"].closed = None
    other = failure("acme/gated", commit, with_bad)

    assert "gated" in line
    assert "the hub refuses (HTTP 403 at " in other
    assert "no for ***" in other
    assert "hf_secret" not in line + other + repr(with_bad)


def test_user_and_password_of_an_address_are_not_told(client: Client) -> None:
    nobody = replace(client, endpoint="http://me:secret@127.0.0.1:9", tries=1)

    assert "secret" not in failure("acme/tiny", "0" * 40, nobody)
