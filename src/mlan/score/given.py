"""Items and predictions that anyone made, read from lines of JSON.

Whatever does not fit is one line that names file, row (from 1) and id, and ends the reading; empty
lines and keys that nobody asks for are passed over. What is missing or stands twice among the
predictions is no mistake here: it is counted (`outputs`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlan.data.fields import is_unicode, letters
from mlan.errors import DataError
from mlan.score.rule import Item
from mlan.score.rules import Rule

_YES_NO = ("yes", "no")
_MOST_OPTIONS = 26
# MMBench numbers the rotations of a question in steps of this.
_ROTATION = 1_000_000


@dataclass(frozen=True)
class GivenItem:
    """An item with the names that its scores are reported by; '' where it has none."""

    item: Item
    split: str
    category: str


@dataclass(frozen=True)
class Predictions:
    """The first prediction of each item in a file, and of the others (row, id)."""

    path: Path
    texts: dict[str, str]
    repeated: list[tuple[int, str]] = field(default_factory=list)


class _Row:
    """One line's object; its errors say where it stands."""

    def __init__(self, path: Path, number: int, found: dict[str, Any]) -> None:
        self._place, self._found = f"{path}: row {number}", found
        self.number = number
        self.id = self.name("id")
        self._place += f", id {self.id!r}"

    def wrong(self, what: str) -> DataError:
        return DataError(f"{self._place}: {what}")

    def text(self, key: str) -> str:
        """A text, which may be empty."""
        if key not in self._found:
            raise self.wrong(f"{key} is missing")
        return self._text(self._found[key], key)

    def name(self, key: str) -> str:
        """A name: a text that is not empty, or a whole number."""
        found = self._found.get(key)
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        if text := self.text(key):
            return text
        raise self.wrong(f"{key} is empty")

    def optional(self, key: str) -> str:
        """A name, '' where there is none."""
        return self.name(key) if self._found.get(key) not in (None, "") else ""

    def texts(self, key: str) -> list[str]:
        """A list of texts; null or no such key is none."""
        found = self._found.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise self.wrong(f"{key} is {_kind(found)}; allowed: a list of texts")
        return [self._text(one, f"{key}[{n}]") for n, one in enumerate(found)]

    def answers(self, key: str) -> list[str]:
        """A text or a list of texts, some of which say something."""
        single = key not in self._found or not isinstance(self._found[key], list)
        found = [self.text(key)] if single else self.texts(key)
        if not any(one.strip() for one in found):
            raise self.wrong(f"{key} is empty")
        return found

    def _text(self, found: Any, key: str) -> str:
        if not isinstance(found, str):
            raise self.wrong(f"{key} is {_kind(found)}; allowed: text")
        if not is_unicode(found):
            raise self.wrong(f"{key} is not Unicode: it holds half of a surrogate pair")
        return found


def read_items(path: Path, rule: Rule) -> list[GivenItem]:
    """Return the items of a file.

    A line is `{id, question, options?, gold, split?, category?, image?, pair?}`; `gold` is a text
    or a list: of a choice one letter, else yes or no, or the accepted answers. An item's cluster
    is its image, else its pair, else itself. Raises DataError.
    """
    found: dict[str, GivenItem] = {}
    for row in _rows(path):
        if row.id in found:
            raise row.wrong("another item has this id")
        found[row.id] = _item(row, rule)
    if not found:
        raise DataError(f"{path}: holds no item")
    return [*found.values()]


def _item(row: _Row, rule: Rule) -> GivenItem:
    form, options, golds = _choice(row, rule, row.texts("options"), row.answers("gold"))
    split, category, image = (row.optional(key) for key in ("split", "category", "image"))
    pair = row.optional("pair") or _pair(row.id, image, rule)
    item = Item(
        *(row.id, form, row.text("question"), options, golds),
        category=category or split,
        pair=pair,
        cluster=image or pair or row.id,
    )
    return GivenItem(item, split, category)


def _choice(
    row: _Row, rule: Rule, options: list[str], golds: list[str]
) -> tuple[str, Sequence[str], list[str]]:
    """The form of an item, its options and golds, checked against each other."""
    if rule.form == "yes_no":
        if options and sorted(map(str.lower, options)) != sorted(_YES_NO):
            raise row.wrong(f"options are {options}; allowed: yes, no, or none")
        return "yes_no", _YES_NO, [_offered(row, golds, _YES_NO)]
    if rule.form == "brief" or (rule.free and not options):
        if options:
            raise row.wrong(f"has options; answers to {rule.name} are free")
        # BBH tells its targets apart by case, so they stay as they are.
        yes_no = rule.free and all(gold.lower() in _YES_NO for gold in golds)
        return "yes_no" if yes_no else "brief", (), golds
    if options and not 2 <= len(options) <= _MOST_OPTIONS:
        raise row.wrong(f"has {len(options)} options; allowed: 2 to {_MOST_OPTIONS}")
    names = letters(len(options) or _MOST_OPTIONS)
    return "letter", options, [_offered(row, golds, names)]


def _offered(row: _Row, golds: Sequence[str], allowed: Sequence[str]) -> str:
    """The one gold of a choice, as it is offered; case does not matter."""
    if len(golds) != 1:
        raise row.wrong(f"has {len(golds)} golds; a choice has one")
    same = [answer for answer in allowed if answer.lower() == golds[0].strip().lower()]
    if not same:
        raise row.wrong(f"gold {golds[0]!r} is no option; allowed: {', '.join(allowed)}")
    return same[0]


def _pair(name: str, image: str, rule: Rule) -> str:
    """What items are judged together, where they do not say it themselves."""
    if "accuracy_plus" in rule.metrics:
        return image
    if "circular_accuracy" in rule.metrics and name.isascii() and name.isdigit():
        return str(int(name) % _ROTATION)
    return ""


def read_predictions(path: Path, items: Sequence[GivenItem]) -> Predictions:
    """Return the predictions of a file, `{id, prediction}`, of items that there are.

    Of several predictions of an item the first counts. Raises DataError, also for a file without
    a prediction.
    """
    known = {given.item.id for given in items}
    found = Predictions(path, {})
    for row in _rows(path):
        if row.id not in known:
            raise row.wrong("no item has this id")
        text = row.text("prediction")
        if row.id in found.texts:
            found.repeated.append((row.number, row.id))
        else:
            found.texts[row.id] = text
    if not found.texts:
        raise DataError(f"{path}: holds no prediction")
    return found


def _rows(path: Path) -> Iterator[_Row]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            yield _Row(path, number, _object(f"{path}: row {number}", line))


def _object(place: str, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: byte {error.start + 1} is not UTF-8") from None
    except RecursionError:
        raise DataError(f"{place}: not JSON: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{place}: not JSON: {error.msg} at column {error.colno}") from None
    except ValueError as error:
        raise DataError(f"{place}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{place}: is {_kind(found)}; every line is an object {{...}}")
    return found


def _kind(found: Any) -> str:
    if found is None:
        return "null"
    if isinstance(found, float) and found != found:
        return "NaN"
    names = {bool: "true or false", int: "a number", float: "a number", dict: "an object"}
    return {**names, list: "a list", str: "text"}[type(found)]
