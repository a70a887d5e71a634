"""What a condition shows in place of an item's own: another picture, examples, another order.

All of it is drawn by what it is for (`mlan.data.chance`): the seed, the benchmark, the item. So
it is the same whichever other items and benchmarks are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mlan.data.chance import rank, stream
from mlan.data.tables import rows_of
from mlan.errors import DataError
from mlan.stage import log

Item = dict[str, Any]


def other_pictures(items: pd.DataFrame, benchmark: str, part: str, seed: int) -> dict[str, str]:
    """Return picture -> the one shown in its place, a permutation without a fixed point.

    Pictures that a cluster joins are laid out side by side, in an order drawn by `seed`, and all
    are moved on by the size of the largest such group: none then meets its own group, unless the
    group holds more than half of all pictures, which is logged. Raises DataError for a single
    picture.
    """
    shown = items[(items["part"] == part) & (items["image"] != "")][["image", "cluster"]]
    group = _joined(shown)
    of = dict(zip(shown["image"], group, strict=True))
    sizes = pd.Series(of).value_counts()
    purpose = ("other", seed, benchmark, part)
    order = sorted(
        of, key=lambda image: (rank(*purpose, of[image]), of[image], rank(*purpose, image), image)
    )
    if len(order) == 1:
        raise DataError(
            f"data.benchmarks.{benchmark}: one picture in part {part}, so there is no other one"
        )
    step = min(int(sizes.max()), len(order) - 1) if order else 0
    found = dict(zip(order, [*order[step:], *order[:step]], strict=True))
    near = sum(of[image] == of[other] for image, other in found.items())
    if near:
        log.warning(
            "%s, part %s: %d of %d other pictures are of the item's own cluster",
            benchmark,
            part,
            near,
            len(order),
        )
    return found


def _joined(shown: pd.DataFrame) -> pd.Series[Any]:
    """Name the group of each row: rows of one picture or of one cluster are in one group."""
    group = shown["cluster"]
    while True:
        wider = group.groupby(shown["image"]).transform("min")
        wider = wider.groupby(shown["cluster"]).transform("min")
        if wider.equals(group):
            return group
        group = wider


def shuffled(count: int, item: str, seed: int) -> list[int]:
    """Return an order of `count` options: at place k stands the option that was at order[k]."""
    order = list(range(count))
    stream("option order", seed, item).shuffle(order)
    return order


class Examples:
    """Items of a benchmark's dev part that may be shown before others, in a drawn order.

    At most one of a cluster; those of the asked item's form come first.
    """

    def __init__(self, items: pd.DataFrame, benchmark: str, number: int, seed: int) -> None:
        self._benchmark, self._number = benchmark, number
        dev = rows_of(items[items["part"] == "dev"]) if number else []
        self._ranked = sorted(dev, key=lambda item: rank("shots", seed, benchmark, item["id"]))
        self._of_form: dict[str, list[Item]] = {}

    def before(self, item: Item) -> list[Item]:
        """Return those shown before an item, never of its cluster nor with its picture.

        Raises DataError where the dev part has too few.
        """
        form = item["form"]
        if form not in self._of_form:
            self._of_form[form] = self._candidates(form)
        image = item["image"] or None
        found = [
            candidate
            for candidate in self._of_form[form]
            if candidate["cluster"] != item["cluster"] and candidate["image"] != image
        ][: self._number]
        if len(found) < self._number:
            raise DataError(
                f"data.benchmarks.{self._benchmark}: item {item['id']!r} is to follow "
                f"{self._number} examples, but the dev part has {len(found)} of other clusters"
            )
        return found

    def _candidates(self, form: str) -> list[Item]:
        """One item a cluster and picture, two more than are shown: so many an item may bar."""
        found: list[Item] = []
        seen: set[str] = set()
        for item in sorted(self._ranked, key=lambda item: item["form"] != form):
            names = {item["cluster"], item["image"] or item["id"]}
            if not names & seen:
                found.append(item)
                seen |= names
        return found[: self._number + 2]


def answer_of(form: str, item: Item, order: Sequence[int]) -> str:
    """Return the right answer as an example gives it: of several the one most often given."""
    golds = list(item["golds"])
    gold = str(max(golds, key=golds.count))  # the first of equals
    if form == "letter" and order:
        return chr(ord("A") + list(order).index(ord(gold) - ord("A")))
    return gold
