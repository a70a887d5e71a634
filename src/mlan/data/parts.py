"""The dev and the test part of a public benchmark, drawn by cluster from a seed.

Clusters are put in an order that depends on the seed and on their names alone, so parts and
samples are the same whatever the order of the rows, and nearly the same in all benchmarks that
share pictures. No cluster is in both parts.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlan.config.benchmarks import SetBenchmark
from mlan.data.benchmark_files import Item, Questions, read_questions
from mlan.data.chance import rank
from mlan.data.rows import Rejected, check_rejected
from mlan.errors import DataError


def read_parts(
    name: str, benchmark: SetBenchmark, files: Mapping[str, Path], seed: int
) -> Questions:
    """Read the questions of a benchmark and return those of its parts, dev first.

    Raises DataError as `read_questions` and `draw_parts` do, and for too many dropped rows.
    """
    found = read_questions(name, benchmark, files)
    check_rejected(name, benchmark, len(found.items), found.dropped)
    items, undrawn = draw_parts(name, benchmark, found.items, seed)
    dropped = [*found.dropped, *undrawn]
    check_rejected(name, benchmark, len(found.items) - len(undrawn), dropped)
    return dataclasses.replace(found, items=items, dropped=dropped)


def draw_parts(
    name: str, benchmark: SetBenchmark, items: Sequence[Item], seed: int
) -> tuple[list[Item], list[Rejected]]:
    """Return the items of both parts, dev first, and what was dropped in drawing them.

    Without `dev_path` the first `dev_share` of the clusters are dev, one at least. `dev` and
    `test` take whole clusters, in drawn order, while they fit. An item of `dev_path` whose
    cluster is in the test part is dropped. Raises DataError when a part would be empty, or
    fewer test items exist than are asked for.
    """
    place = benchmark.place(name)
    clusters = sorted({i.cluster for i in items}, key=lambda c: rank("part", seed, c))
    if benchmark.dev_path is not None:
        test = {item.cluster for item in items if not item.from_dev}
    else:
        test = set(clusters[max(1, round(benchmark.dev_share * len(clusters))) :])
    parts: dict[str, list[Item]] = {"dev": [], "test": []}
    dropped = []
    for item in items:
        if item.from_dev and item.cluster in test:
            dropped.append(Rejected(item.number, item.id, "its cluster is in the test part"))
            continue
        part = "test" if item.cluster in test else "dev"
        parts[part].append(dataclasses.replace(item, part=part))
    for part, found in parts.items():
        if not found:
            raise DataError(f"{place}: no item is left for the {part} part of {len(items)}")
    if benchmark.test is not None and len(parts["test"]) < benchmark.test:
        raise DataError(
            f"{place}.test = {benchmark.test}: the test part has {len(parts['test'])} items"
        )
    dev = _sample(f"{place}.dev", parts["dev"], benchmark.dev, seed)
    return [*dev, *_sample(f"{place}.test", parts["test"], benchmark.test, seed)], dropped


def _sample(key: str, items: list[Item], most: int | None, seed: int) -> list[Item]:
    """Return items of whole clusters, in their own order, `most` of them at most."""
    if most is None or len(items) <= most:
        return items
    sizes = Counter(item.cluster for item in items)
    taken: set[str] = set()
    room = most
    for cluster in sorted(sizes, key=lambda c: rank("sample", seed, c)):
        if sizes[cluster] > room:
            break
        taken.add(cluster)
        room -= sizes[cluster]
    if not taken:
        raise DataError(f"{key} = {most}: the first cluster alone has more items; ask for more")
    return [item for item in items if item.cluster in taken]
