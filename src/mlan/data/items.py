"""The items of any benchmark as tables: public ones are built here, all are read here.

Embedded facts write `tables.ITEMS`, a question with four options and one gold text; public
benchmarks write `tables.SET_ITEMS`. Who asks and scores reads both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mlan.data.benchmark_files import Item
from mlan.data.fields import letters
from mlan.data.tables import SET_ITEMS, conform
from mlan.records import read_checked

ITEMS = "items.parquet"
# The form of embedded items: the answer is an option's text.
CHOOSE = "choose"


def build_items(name: str, items: Sequence[Item]) -> pd.DataFrame:
    """Return the items of a public benchmark, `tables.SET_ITEMS`; ids carry its name."""
    rows = [
        {
            "id": f"{name}/{item.id}",
            "benchmark": name,
            "part": item.part,
            "cluster": item.cluster,
            "image": f"{name}/{item.image}" if item.image else "",
            "form": item.posed.form,
            "question": item.posed.question,
            "options": list(item.posed.options),
            "golds": list(item.posed.golds),
            "category": item.posed.category,
            "pair": item.posed.pair,
        }
        for item in items
    ]
    return conform(pd.DataFrame(rows), SET_ITEMS, name)


def read_items(folder: Path) -> pd.DataFrame:
    """Return the items of a benchmark with the columns `form` and `golds`, whoever wrote them.

    Raises IntegrityError if the file differs from its record.
    """
    items = read_checked(folder / ITEMS)
    return items if "form" in items else as_set_items(items)


def as_set_items(items: pd.DataFrame) -> pd.DataFrame:
    """Return embedded items, `tables.ITEMS`, with the columns of public ones."""
    golds = pd.Series([[gold] for gold in items["gold"]], index=items.index, dtype="object")
    return items.assign(form=CHOOSE, golds=golds, pair="").drop(columns="gold")


def offered(form: str, options: Sequence[str]) -> list[str]:
    """Return the answers that an item offers: letters, or its options; none to a free answer."""
    return letters(len(options)) if form == "letter" else list(options)
