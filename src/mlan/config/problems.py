"""What is wrong between values of a study file, in one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlan.config.data import Data
from mlan.errors import nearest


@dataclass(frozen=True)
class Problem:
    """One line for the user, and the keys whose values it rests on, the criticised one first.

    `images.*` stands for the names in `images`, whatever is below them.
    """

    line: str
    rests_on: tuple[str, ...] = ()

    def rests_on_any(self, keys: Iterable[str]) -> bool:
        """Whether one of the keys is, holds or belongs to a value that the problem rests on."""
        return any(related(mine, key) for key in keys for mine in self.rests_on)


def related(one: str, other: str) -> bool:
    """Whether two dotted keys are the same or one is below the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def keys_below(place: str, *keys: str) -> tuple[str, ...]:
    """Return dotted keys below a place."""
    return tuple(f"{place}.{key}" for key in keys)


def unknown_set(key: str, name: str, data: Data) -> Problem:
    """Return the problem of a key that names an image set which is not there."""
    line = f"{key} = {name!r}: unknown image set; {nearest(name, data.images)}"
    return Problem(line, (key, "data.images.*"))


def duplicates(key: str, values: list[Any]) -> list[Problem]:
    """Return a problem for every value that a list names twice."""
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    return [Problem(f"{key} = {v}: named twice; each value may stand once", (key,)) for v in twice]
