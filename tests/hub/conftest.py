from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import _http

from mlan.hub import Client
from tests.hub.loopback import Hub, serving


class _NoWaiting:
    """The clock of huggingface_hub, whose waits between its own tries have no setting."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        """Return at once."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub without repositories."""
    with serving(Hub()) as served:
        yield served


@pytest.fixture
def client(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of that hub with an empty cache, no token and short waits.

    The settings of huggingface_hub are read once a process; whatever the environment said then
    does not count here.
    """
    monkeypatch.delenv("HF_TOKEN", raising=False)
    for name, value in {
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HUB_DISABLE_XET": True,
        "HF_TOKEN_PATH": str(tmp_path / "no-token"),
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr(_http, "time", _NoWaiting())
    monkeypatch.setattr(file_download, "time", _NoWaiting())
    return Client(endpoint=hub.address, cache=tmp_path / "cache", first_wait_s=0.01)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A switch: from its call on, HF_HUB_OFFLINE holds."""
    return lambda: monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
