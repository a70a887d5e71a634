"""How a public instruction set is laid out: what its row needs, and what a row says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mlan.data.asked import Asked
from mlan.data.fields import BadRowError, letters


def _as_it_is(raw: Any) -> Iterable[Any]:
    return [raw]


@dataclass(frozen=True)
class InstructionSet:
    """One set: `read` turns a row into a question, or raises BadRowError.

    `columns` must stand in a table of the set, `optional` ones may, `id` names its rows,
    `unfold` opens a release that nests its rows. `image_name` is the file of an `image_id`,
    empty for a set of text.
    """

    read: Callable[[dict[str, Any]], Asked]
    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    id: str = "id"
    unfold: Callable[[Any], Iterable[Any]] = _as_it_is
    image_name: str = ""


def chosen(names: list[str], options: list[str], label: str, column: str) -> str:
    """Return the letter of the option with this label.

    Raises BadRowError where no option has it, or there are not 2 to 26.
    """
    if label not in names:
        raise BadRowError(f"{column} is no label of an option")
    return letters(len(options))[names.index(label)]
