"""`mlan lock`: pin every name of a hub that a study uses, or say whether they are pinned."""

from __future__ import annotations

from rich.console import Console

from mlan.cli.words import console, show, table
from mlan.config import Study, load_study
from mlan.config.hub import hub_names
from mlan.errors import HubError, MlanError
from mlan.hub.cache import in_words
from mlan.hub.client import Client
from mlan.hub.lock import Changes, differences, lock, lock_path, newer


def run(study: str, check: bool, upgrade: bool) -> None:
    """Write a study's lock file, or compare it. Raises MlanError if a check fails."""
    loaded = load_study(study)
    screen = console()
    if check:
        _check(screen, loaded)
        return
    path = lock_path(loaded)
    changes = lock(loaded, upgrade=upgrade)
    if changes.entries:
        _show(screen, loaded, changes)
    else:
        screen.print(f"{loaded.name} uses nothing from a hub", soft_wrap=True)
    for name in changes.gone:
        screen.print(f"{name} is used no more", soft_wrap=True)
    if not changes.entries:
        if changes.gone:
            screen.print(f"removed {path}", soft_wrap=True)
        return
    screen.print(f"{'wrote' if changes else 'unchanged:'} {path}", soft_wrap=True)


def _check(screen: Console, study: Study) -> None:
    path = lock_path(study)
    if problems := differences(study):
        raise MlanError(*(f"{line}; run `mlan lock {study.name}`" for line in problems))
    if not hub_names(study.config):
        screen.print(f"{study.name} uses nothing from a hub", soft_wrap=True)
        return
    screen.print(f"{path} is up to date", soft_wrap=True)
    if Client().offline:
        return
    try:
        moved = newer(study)
    except HubError as error:
        screen.print(f"whether anything newer exists is unknown: {error}", soft_wrap=True)
        return
    for name, commit in moved.items():
        screen.print(
            f"{name} has moved to {commit}; `mlan lock {study.name} --upgrade` takes it",
            soft_wrap=True,
        )


def _show(screen: Console, study: Study, changes: Changes) -> None:
    shown = table("name", "commit", "files", "size", "licence", "")
    for name, entry in changes.entries.items():
        old = changes.moved.get(name)
        was = "new" if name in changes.new else f"was {old.commit[:12]}" if old else "kept"
        shown.add_row(
            name.partition("@")[0],
            entry.commit[:12],
            str(entry.files),
            in_words(entry.bytes),
            entry.licence,
            was,
        )
    show(screen, f"Names on a hub in {study.path}", shown)
