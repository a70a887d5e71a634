"""Fetch files of one commit into the local cache and return a folder that was verified.

1. The manifest of the commit: from the cache, else from the hub.
2. The wanted files are compared with it. All right: done, without a request.
3. Else, under the commit's lock: room on the disk, leftovers, damaged files removed, download,
   comparison again. A damaged file is fetched once more, then it is an error with both hashes.

Models and data load from the folder, never by a name of a hub: offline, the libraries return
an older or a partial copy without a word. Not here: how a hub is asked, what an error means.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlan.config.hub import HubName, Kind, is_commit
from mlan.config.models import PICKLED
from mlan.errors import HubError
from mlan.hub.cache import Place, in_words
from mlan.hub.client import Client
from mlan.hub.manifest import Manifest, read_manifest, some, write_manifest
from mlan.hub.verify import Findings, examine

log = logging.getLogger("mlan")
# What a model loads from, and what it may have beside: no code, and of the weights only one kind,
# the first that there is.
_WEIGHTS = ("*.safetensors", PICKLED)
MODEL_EXTRAS = ("*.json", "*.txt", "*.model", "*.jinja")

_DOWNLOADS = 2
_MEND = "removed; the hub or a proxy in between is at fault: try again later, or another network"


@dataclass(frozen=True)
class _Order:
    """One call of `fetch`."""

    client: Client
    place: Place
    manifest: Manifest
    patterns: list[str]
    key: str | None

    def failed(self, reason: str) -> HubError:
        return self.client.request(self.manifest.name, self.key).failed(reason)


def fetch(
    repository: str,
    revision: str,
    patterns: Sequence[str],
    kind: Kind = "model",
    *,
    optional: Sequence[str] = (),
    digest: str | None = None,
    key: str | None = None,
    client: Client | None = None,
    thorough: bool = False,
) -> Path:
    """Return a local folder with the files of a commit that match a pattern, all verified.

    `repository` is `org/name`, `revision` the commit, 40 hex digits. A pattern must match, unless
    it is `optional`; `*` stands for any text, also over `/`. `digest` is that of the hub's list
    in the lock file, if there is one; `key` the config's key that names the repository, for
    messages. The folder may hold further files of the same commit. With `thorough` every byte is
    hashed anew, not only those of files that look touched.
    Raises HubError in one line: not a commit, absent, gated, another list than was locked, no such
    file, missing or damaged files, no room, no answer.
    """
    client = client or Client()
    name = _pinned(repository, revision, kind, key, client)
    manifest = _manifest(name, key, client)
    order = _Order(client, client.place(name), manifest, [*patterns, *optional], key)
    if digest is not None and manifest.digest() != digest:
        raise order.failed(
            f"the list of its files has the digest {manifest.digest()}, the lock file says "
            f"{digest}; ask another hub than this (HF_ENDPOINT), or lock anew if you trust it"
        )
    wanted = _wanted(order, patterns, optional)
    found = examine(order.place, wanted, thorough=thorough)
    if found.sound:
        return order.place.snapshot
    if client.offline:
        raise order.failed(
            f"{_told(found, wanted)}, and HF_HUB_OFFLINE is set; fetch once with HF_HUB_OFFLINE=0"
        )
    with order.place.sole_user():
        _complete(order, wanted, thorough)
    return order.place.snapshot


def model_patterns(
    repository: str, revision: str, *, key: str | None = None, client: Client | None = None
) -> tuple[str, ...]:
    """Return patterns of what a model loads from: pickled weights only where it has no others.

    Raises HubError in one line if the list of the commit's files cannot be had.
    """
    client = client or Client()
    files = _manifest(_pinned(repository, revision, "model", key, client), key, client).files
    kinds = [kind for kind in _WEIGHTS if any(fnmatchcase(path, kind) for path in files)]
    return ("config.json", *(kinds or _WEIGHTS)[:1])


def fetched(
    repository: str,
    revision: str,
    patterns: Sequence[str],
    kind: Kind = "model",
    *,
    optional: Sequence[str] = (),
    client: Client | None = None,
) -> Manifest:
    """Return the list of what `fetch` fetched with the same patterns; asks no hub.

    Raises HubError if it was not fetched.
    """
    client = client or Client()
    name = HubName(kind, repository, revision)
    manifest = read_manifest(client.place(name).manifest, name)
    if manifest is None:
        raise HubError(f"{name}: not fetched yet")
    return manifest.select(patterns, optional)


def provenance(wanted: Manifest) -> dict[str, Any]:
    """Return what a record says of fetched files: name, commit, number, bytes, one digest."""
    return {
        "repository": str(HubName(wanted.name.kind, wanted.name.repository)),
        "commit": wanted.name.commit,
        "files": len(wanted.files),
        "bytes": wanted.size,
        "digest": wanted.digest(),
    }


def _pinned(repository: str, revision: str, kind: Kind, key: str | None, client: Client) -> HubName:
    """Refuse a branch: it moves, and with it the results. Tell where it points now."""
    name = HubName(kind, repository)
    if is_commit(revision):
        return name.at(revision)
    try:
        now = client.once().head(name.at(revision)).commit
        hint = f"it is at {now} now; pin {name.at(now)}"
    except HubError:
        hint = "pin a commit, 40 hex digits"
    raise client.request(name, key).failed(
        f"{revision!r} is not a commit but a name that moves; {hint}"
    )


def _manifest(name: HubName, key: str | None, client: Client) -> Manifest:
    path = client.place(name).manifest
    known = read_manifest(path, name)
    if known is None:
        if client.offline:
            raise client.request(name, key).failed(
                f"not in {path.parents[2]}, and HF_HUB_OFFLINE is set; fetch once with "
                "HF_HUB_OFFLINE=0"
            )
        known = client.manifest(name, key)
        write_manifest(path, known)
    return known


def _wanted(order: _Order, patterns: Sequence[str], optional: Sequence[str]) -> Manifest:
    try:
        return order.manifest.select(patterns, optional)
    except HubError as error:
        raise order.failed(error.lines[0].removeprefix(f"{order.manifest.name}: ")) from None


def _complete(order: _Order, wanted: Manifest, thorough: bool) -> None:
    """Download until every file is right; one second chance for damaged ones."""
    place = order.place
    found = examine(place, wanted, thorough=thorough)  # another process may have done it meanwhile
    if found.sound:
        return
    place.clear_leftovers()
    for _ in range(_DOWNLOADS):
        for damage in found.damaged:
            log.warning("%s: %s; removed, fetching it again", wanted.name, damage)
            place.discard(damage.path)
        lacking = {*found.missing, *(damage.path for damage in found.damaged)}
        needed = sum(wanted.files[path].size for path in lacking)
        place.check_room(needed)
        log.info("%s: fetching %d file(s), %s", wanted.name, len(lacking), in_words(needed))
        _download(order, wanted)
        found = examine(place, wanted)
        if found.sound:
            return
    for damage in found.damaged:
        place.discard(damage.path)
    raise order.failed(f"{_told(found, wanted)}, also after {_DOWNLOADS} downloads; {_MEND}")


def _download(order: _Order, wanted: Manifest) -> None:
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    from mlan.hub.failures import IncompleteError

    class Bar(tqdm):
        """The client's bar, which shows itself in the log of a job, too."""

        def __init__(self, *values: Any, **options: Any) -> None:
            quiet = not sys.stderr.isatty()
            options["disable"] = quiet or options.get("disable")
            super().__init__(*values, **options)  # type: ignore[no-untyped-call]

    name, place = wanted.name, order.place

    def work() -> None:
        order.client.api().snapshot_download(
            name.repository,
            repo_type=name.kind,
            revision=name.commit,
            cache_dir=place.cache,
            allow_patterns=order.patterns,
            tqdm_class=Bar,
        )
        # It returns a partial folder, without a word, when the hub refuses its list.
        if missing := [path for path in wanted.files if not (place.snapshot / path).is_file()]:
            raise IncompleteError(_missing(missing, wanted))

    order.client.patiently(work, order.client.request(name, order.key))


def _told(found: Findings, wanted: Manifest) -> str:
    told = [_missing(found.missing, wanted)] if found.missing else []
    return "; ".join([*told, *map(str, found.damaged)])


def _missing(missing: Sequence[str], wanted: Manifest) -> str:
    return f"{len(missing)} of {len(wanted.files)} files are missing: {some(missing)}"
