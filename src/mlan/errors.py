"""Errors that are the user's to mend: shown as one plain line each, never as a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MlanError(Exception):
    """A mistake in the input. `lines` holds one complete message per mistake."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class ConfigError(MlanError):
    """The study file is wrong; raised before any job runs, with all mistakes at once."""


class DataError(MlanError):
    """A source, benchmark, image set or asset is not what it should be."""


class IntegrityError(MlanError):
    """A file differs from the record that its producer wrote."""


class CommandError(MlanError):
    """An external command of the study failed."""


class HubError(MlanError):
    """A repository of a hub cannot be had: absent, closed, damaged, or no hub answers."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ` (did you mean X?)` for the closest allowed name, or the list of all names."""
    names = sorted(allowed)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"allowed: {', '.join(names)}" if names else "none is defined"
