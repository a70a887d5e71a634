"""Benchmarks: held-out questions, one per concept of the dev and the test split.

Items are put in the phrasing that no source uses, always with four options, and vision items
show the clean picture of their image set. `cluster` is the concept's id, the same in all
benchmarks, so that items about one concept can be resampled together. Benchmarks with fewer
items than concepts take the same ones first. Not here: conditions and scoring.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from mlan.config.benchmarks import BenchmarkItems
from mlan.data.chance import rank
from mlan.data.options import draw_options, pool
from mlan.data.relations import RELATIONS, asked_of, phrases, question
from mlan.data.scenes import values
from mlan.data.tables import ITEMS, conform, rows_of
from mlan.errors import DataError


def build_benchmark(
    name: str, benchmark: BenchmarkItems, concepts: pd.DataFrame, index: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the items of a benchmark, `tables.ITEMS`; `index` is its image set's.

    At most `dev` items of part dev and exactly `test` of part test. Raises DataError when
    fewer exist, a picture is missing, or the relation cannot be asked in the modality.
    """
    wording = phrases(benchmark.relation, benchmark.modality)[-1]
    wrong = pool(benchmark.relation, concepts, held_out=True)
    rows = []
    for number, concept in enumerate(_chosen(name, benchmark, concepts)):
        value = _value(benchmark, number)
        gold = value or concept[RELATIONS[benchmark.relation].answer]
        rows.append(
            {
                "id": f"{name}/{concept['concept']}",
                "part": concept["split"],
                "cluster": concept["concept"],
                "image": _image(name, benchmark, concept["concept"], value, index),
                "question": question(wording, concept),
                "options": draw_options(wrong, gold, concept, "benchmark", concept["concept"]),
                "gold": gold,
                "category": _category(concept),
            }
        )
    return conform(pd.DataFrame(rows).assign(benchmark=name), ITEMS, name)


def count_items(name: str, benchmark: BenchmarkItems, concepts: pd.DataFrame) -> Counter[str]:
    """Return how many items of each part `build_benchmark` gives; raises as it would.

    Pictures are not looked at. Every item is a cluster of its own.
    """
    phrases(benchmark.relation, benchmark.modality)
    return Counter(str(row["split"]) for row in _chosen(name, benchmark, concepts))


def _chosen(name: str, benchmark: BenchmarkItems, concepts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the dev concepts, then the test concepts, each in one order for all benchmarks."""
    asked = asked_of(benchmark.relation, concepts)
    order = sorted(rows_of(asked), key=lambda row: rank("items", row["concept"]))
    dev = [row for row in order if row["split"] == "dev"][: benchmark.dev]
    test = [row for row in order if row["split"] == "test"]
    if len(test) < benchmark.test:
        raise DataError(
            f"data.benchmarks.{name}.test = {benchmark.test}: {len(test)} test concepts have "
            f"{benchmark.relation!r}; ask for at most {len(test)}, or lower train_fraction"
        )
    return dev + test[: benchmark.test]


def _value(benchmark: BenchmarkItems, number: int) -> str:
    """Return what the picture of an item shows besides its concept: all values in turn."""
    possible = values(RELATIONS[benchmark.relation].scene)
    return possible[number % len(possible)] if possible else ""


def _image(
    name: str, benchmark: BenchmarkItems, concept: str, value: str, index: pd.DataFrame | None
) -> str:
    if benchmark.modality == "text":
        return ""
    scene = RELATIONS[benchmark.relation].scene
    if index is None:
        raise DataError(f"benchmark {name!r}: a vision benchmark needs the index of its image set")
    of_concept = index[(index["concept"] == concept) & (index["scene"] == scene)]
    found = of_concept[(of_concept["value"].fillna("") == value) & (of_concept["view"] == 0)]
    if found.empty:
        raise DataError(
            f"benchmark {name!r}: image set {benchmark.images!r} has no {scene!r} picture of "
            f"{concept!r}; delete the image set's folder and run again"
        )
    return str(found["image"].iloc[0])


def _category(concept: dict[str, Any]) -> Any:
    return concept["continent"] if concept["kind"] == "country" else concept["category"]
