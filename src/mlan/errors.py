"""Errors that are the user's to mend: shown as one plain line each, never as a traceback."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable


class MlanError(Exception):
    """A mistake in the input. `lines` holds one complete message per mistake."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class ConfigError(MlanError):
    """The study file is wrong; raised before any job runs, with all mistakes at once."""


class UnknownStudyError(ConfigError):
    """No study has the name that was given."""


class DataError(MlanError):
    """A source, benchmark, image set or asset is not what it should be."""


class IntegrityError(MlanError):
    """A file differs from the record that its producer wrote."""


class CommandError(MlanError):
    """An external command of the study failed."""


class HubError(MlanError):
    """A repository of a hub cannot be had: absent, closed, damaged, or no hub answers."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return `did you mean X?` for the closest allowed name, or the list of all names.

    Of names that are equally close the one that begins alike: `text50` for `text51`, not `text95`.
    """
    names = sorted(allowed)
    close = difflib.get_close_matches(word, names, n=len(names) or 1, cutoff=0.6)
    if close:
        return f"did you mean {max(close, key=lambda name: _likeness(name, word))!r}?"
    return f"allowed: {', '.join(names)}" if names else "none is defined"


def _likeness(name: str, word: str) -> tuple[float, int]:
    """How close two names are, then how many letters they begin with alike."""
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(name, word, strict=False))
    return difflib.SequenceMatcher(None, name, word).ratio(), len(list(alike))
