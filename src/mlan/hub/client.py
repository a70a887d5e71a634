"""How a hub is asked: address, token, cache, patience. The questions are in huggingface_hub.

That client tries some calls six times (lists, looking a file up; 23 s) and others once (looking
a repository up, a download that is refused). Here each is tried again, within stated limits,
when the hub is busy or the line is cut. huggingface_hub is imported when the network or its
settings are needed and not before.
"""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlan.config.hub import HubName
from mlan.errors import HubError
from mlan.hub.addresses import guard_logs
from mlan.hub.cache import Place
from mlan.hub.manifest import Entry, Manifest, manifest_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    from mlan.hub.failures import Request

log = logging.getLogger("mlan")
T = TypeVar("T")


@dataclass(frozen=True)
class Head:
    """What a repository says of its present main branch."""

    commit: str
    licence: str


@dataclass(frozen=True)
class Client:
    """Where the hub is and how long it is waited for.

    What is left out is huggingface_hub's own setting: HF_ENDPOINT, HF_TOKEN or the stored
    login, HF_HUB_CACHE. A call ends after `tries` tries, and no try begins after `limit_s`.
    """

    endpoint: str | None = None
    token: str | None = field(default=None, repr=False)
    cache: Path | None = None
    tries: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 8.0
    limit_s: float = 60.0

    def once(self) -> Client:
        """Return the same client without patience, for questions that may stay open."""
        return replace(self, tries=1)

    @property
    def offline(self) -> bool:
        """Whether HF_HUB_OFFLINE forbids every request."""
        _require()
        from huggingface_hub import constants

        return constants.is_offline_mode()

    def place(self, name: HubName) -> Place:
        """Return where a commit lies in the cache."""
        _require()
        from huggingface_hub import constants

        return Place(self.cache or Path(constants.HF_HUB_CACHE), name)

    def request(self, name: HubName, key: str | None = None) -> Request:
        """Return what is asked, for messages."""
        _require()
        from huggingface_hub import constants, get_token

        from mlan.hub.failures import Request

        address = self.endpoint or constants.ENDPOINT
        return Request(name, key, address.rstrip("/"), self.token or get_token())

    def api(self) -> HfApi:
        """Return the client of the hub."""
        _require()
        from huggingface_hub import HfApi

        guard_logs()
        endpoint = self.endpoint.rstrip("/") if self.endpoint else None
        return HfApi(endpoint=endpoint, token=self.token, library_name="mlan")

    def head(self, name: HubName, key: str | None = None) -> Head:
        """Return commit and licence of the pinned commit, or of the main branch without a pin.

        Raises HubError when the hub does not answer or refuses.
        """

        def ask() -> Head:
            info = self.api().repo_info(name.repository, repo_type=name.kind, revision=name.commit)
            return Head(str(info.sha), _licence(info))

        return self.patiently(ask, self.request(name, key))

    def manifest(self, name: HubName, key: str | None = None) -> Manifest:
        """Return the hub's list of a commit's files. Raises HubError."""
        from huggingface_hub.hf_api import RepoFile

        def ask() -> Manifest:
            tree = self.api().list_repo_tree(
                name.repository, recursive=True, revision=name.commit, repo_type=name.kind
            )
            return manifest_of(name, {f.path: _entry(f) for f in tree if isinstance(f, RepoFile)})

        return self.patiently(ask, self.request(name, key))

    def patiently(self, work: Callable[[], T], request: Request) -> T:
        """Return what `work` returns, tried again while the hub is busy or the line is cut.

        Raises HubError in one line when it cannot be had.
        """
        from mlan.hub.failures import Caught, asked_wait, explained, in_short, is_passing

        begun = time.monotonic()
        wait = self.first_wait_s
        for number in range(1, self.tries + 1):
            try:
                return work()
            except Caught as error:
                spent = time.monotonic() - begun
                pause = max(asked_wait(error) or 0, min(wait, self.longest_wait_s))
                last = number == self.tries or spent + pause > self.limit_s
                if last or not is_passing(error):
                    raise explained(error, request, number, spent) from None
                log.warning(
                    "%s: %s; try %d of %d in %g s",
                    request,
                    in_short(error, request),
                    number + 1,
                    self.tries,
                    pause,
                )
                time.sleep(pause)
                wait *= 2
        raise AssertionError("a client tries at least once")


def _require() -> None:
    if importlib.util.find_spec("huggingface_hub") is None:
        raise HubError("huggingface_hub is not installed; run `make install`")


def _licence(info: Any) -> str:
    card = info.card_data.get("license") if info.card_data else None
    tags = [t.removeprefix("license:") for t in info.tags or () if t.startswith("license:")]
    stated = card if isinstance(card, list) else [card] if card else tags
    return ", ".join(map(str, stated)) or "not stated"


def _entry(file: RepoFile) -> Entry:
    if file.lfs is not None:
        return Entry(file.lfs.size, "sha256", file.lfs.sha256)
    return Entry(file.size, "git-sha1", file.blob_id)
