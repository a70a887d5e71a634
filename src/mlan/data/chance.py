"""Random choices that depend on what they are for, and on nothing else.

A stream is seeded by the sha256 of its purpose written as text, so a choice is the same in
every process, in any order of calls, and does not change when another one is added.
"""

from __future__ import annotations

import hashlib
import random


def stream(*purpose: str | int) -> random.Random:
    """Return a generator for one purpose, e.g. `stream("split", 7, "country")`."""
    return random.Random(int.from_bytes(_sha256(purpose), "big"))


def rank(*purpose: str | int) -> str:
    """Return 64 hex digits; sorting things by their rank is a fixed random order."""
    return _sha256(purpose).hex()


def _sha256(purpose: tuple[str | int, ...]) -> bytes:
    return hashlib.sha256("\0".join(map(str, purpose)).encode()).digest()
