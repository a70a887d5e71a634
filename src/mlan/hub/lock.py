"""The lock file of a study: which commit every name of a hub meant when it was locked.

`config/mine.lock.yaml` stands beside `config/mine.yaml` and belongs under version control. It
holds commit, bytes, number of files, a digest of the hub's list and the licence, one entry a
name; equal answers give equal bytes. An entry stays until it is asked to move: a new name in
the study never moves the others. A name with a pin of its own is locked for its sizes only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from mlan.config import Study
from mlan.config.explain import explain
from mlan.config.hub import HubName, Revision, hub_names
from mlan.config.section import Section
from mlan.errors import ConfigError, HubError
from mlan.hub.client import Client
from mlan.records import write_bytes, write_json

# Within a study's results.
_UNPINNED = Path("state/unpinned.json")
# Stands for the commit of a name that is not locked yet, where a study is only looked at.
_UNLOCKED = "0" * 40
_HEADER = "# Written by `mlan lock {study}`; keep it under version control, do not edit it.\n"


class Locked(Section):
    """What a repository was when it was locked."""

    commit: str = Field(pattern=r"^[0-9a-f]{40}$", description="Commit, 40 hex digits.")
    bytes: int = Field(ge=0, description="Bytes of all its files.")
    files: int = Field(ge=0, description="Number of its files.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of paths, sizes, hashes.")
    licence: str = Field(description="Licence as its card states it.")


class _LockFile(Section):
    format: Literal[1] = 1
    repositories: dict[str, Locked] = Field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What locking did: entries now, and the names that came, moved (with the old) or went."""

    entries: Mapping[str, Locked]
    new: tuple[str, ...]
    moved: Mapping[str, Locked]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.moved or self.gone)


def lock_path(study: Study) -> Path:
    """Return the lock file of a study: beside it, `mine.lock.yaml`."""
    return study.path.with_name(f"{study.name}.lock.yaml")


def read_lock(path: Path) -> dict[str, Locked]:
    """Return the entries of a lock file by name, none if there is no file.

    Raises ConfigError if it cannot be read or was edited.
    """
    mend = "delete it and run `mlan lock`, or take it from version control"
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
        content = _LockFile.model_validate(plain)
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise ConfigError(*(f"{path}: {line}; {mend}" for line in explain(error))) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not readable ({reason:.120}); {mend}") from None
    return content.repositories


def write_lock(study: Study, entries: Mapping[str, Locked]) -> None:
    """Write a lock file atomically, sorted; without entries there is none."""
    path = lock_path(study)
    if not entries:
        path.unlink(missing_ok=True)
        return
    content = _LockFile(repositories=dict(entries)).model_dump()
    text = yaml.safe_dump(content, sort_keys=True, allow_unicode=True)
    write_bytes(path, (_HEADER.format(study=study.name) + text).encode())


def lock(study: Study, client: Client | None = None, *, upgrade: bool = False) -> Changes:
    """Ask the hub for what is not locked yet, with `upgrade` for everything; write the file.

    Raises HubError with one line for each name that cannot be had; then nothing is written.
    """
    client = client or Client()
    path = lock_path(study)
    old = read_lock(path)
    names = _names(study)
    entries: dict[str, Locked] = {}
    problems: list[str] = []
    for text, (name, key) in names.items():
        known = old.get(text)
        if known and not upgrade:
            entries[text] = known
            continue
        try:
            entries[text] = _ask(name, key, client)
        except HubError as error:
            problems += error.lines
    if problems:
        raise HubError(*problems)
    changes = Changes(
        entries,
        new=tuple(sorted(set(entries) - set(old))),
        moved={t: old[t] for t in sorted(entries) if t in old and old[t] != entries[t]},
        gone=tuple(sorted(set(old) - set(entries))),
    )
    if changes:
        write_lock(study, entries)
    return changes


def differences(study: Study) -> list[str]:
    """Return a line for each entry that a study lacks or no longer uses; asks no hub."""
    path, names = lock_path(study), _names(study)
    old = read_lock(path)
    lacking = [f"{key} = {t!r}: not in {path}" for t, (_, key) in names.items() if t not in old]
    unused = [f"{path}: {t} is used no more" for t in sorted(old) if t not in names]
    return lacking + unused


def newer(study: Study, client: Client | None = None) -> dict[str, str]:
    """Return the present commit of each locked name whose main branch has moved.

    Raises HubError if the hub does not answer; it is asked once only.
    """
    client = (client or Client()).once()
    old = read_lock(lock_path(study))
    moved = {}
    for text, (name, key) in _names(study).items():
        if name.commit is None and text in old:
            now = client.head(name, key).commit
            if now != old[text].commit:
                moved[text] = now
    return moved


def revisions(
    study: Study,
    *,
    allow_unpinned: bool = False,
    remembered: Mapping[str, str] | None = None,
    client: Client | None = None,
) -> dict[str, Revision]:
    """Return the commit of every name of a study: its own pin, else the lock file's.

    Raises ConfigError for each name that has neither, with the commit that it would mean now.
    With `allow_unpinned` the `remembered` commit, else that one is taken and `pinned` is false, for
    the records; then HubError if the hub does not answer.
    """
    client = client or Client()
    old = read_lock(lock_path(study))
    found: dict[str, Revision] = {}
    problems = []
    for text, (name, key) in _names(study).items():
        entry = old.get(text)
        if name.commit:
            digest = entry.digest if entry and entry.commit == name.commit else None
            found[text] = Revision(name, pinned=True, digest=digest)
        elif entry:
            found[text] = Revision(name.at(entry.commit), pinned=True, digest=entry.digest)
        elif allow_unpinned:
            commit = (remembered or {}).get(text) or client.head(name, key).commit
            found[text] = Revision(name.at(commit), pinned=False)
        else:
            problems.append(
                f"{study.path}: {key} = {text!r}: neither pinned nor locked; run `mlan lock "
                f"{study.name}`{_now(name, client)}"
            )
    if problems:
        raise ConfigError(*problems)
    return found


def revisions_in(study: Study, root: Path) -> dict[str, Revision]:
    """Return `revisions` of a study whose results lie in `root`, commits of its start kept."""
    allowed = study.config.unpinned == "allow"
    return revisions(study, allow_unpinned=allowed, remembered=_remembered(root))


def remember_revisions(root: Path, unpinned: Mapping[str, str]) -> None:
    """Write down which commits were taken for names without a pin; they hold from then on."""
    if unpinned and _remembered(root) != unpinned:
        write_json(root / _UNPINNED, dict(unpinned))


def _remembered(root: Path) -> dict[str, str]:
    try:
        content: dict[str, str] = json.loads((root / _UNPINNED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def known_revisions(study: Study, root: Path) -> dict[str, Revision]:
    """Return the commits of a study's names as far as they are known; no hub is asked.

    For a view of it: a name that is neither pinned, locked nor remembered stands for a commit
    that no record has.
    """
    old, remembered = read_lock(lock_path(study)), _remembered(root)
    found = {}
    for text, (name, _) in _names(study).items():
        entry = old[text].commit if text in old else None
        commit = name.commit or entry or remembered.get(text) or _UNLOCKED
        found[text] = Revision(name.at(commit), pinned=commit != remembered.get(text))
    return found


def _names(study: Study) -> dict[str, tuple[HubName, str]]:
    """Names of a study with the first key that uses each."""
    found: dict[str, tuple[HubName, str]] = {}
    for key, name in hub_names(study.config).items():
        found.setdefault(str(name), (name, key))
    return found


def _ask(name: HubName, key: str, client: Client) -> Locked:
    head = client.head(name, key)
    manifest = client.manifest(name.at(head.commit), key)
    return Locked(
        commit=head.commit,
        bytes=manifest.size,
        files=len(manifest.files),
        digest=manifest.digest(),
        licence=head.licence,
    )


def _now(name: HubName, client: Client) -> str:
    if client.offline:
        return ""
    try:
        return f" (its main branch is at {client.once().head(name).commit} now)"
    except HubError:
        return ""
