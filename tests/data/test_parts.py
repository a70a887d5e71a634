"""The parts of a public benchmark: drawn by cluster, whatever the order of the rows."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.config.benchmarks import SetBenchmark
from mlan.data.benchmark_files import Item
from mlan.data.benchmark_sets.layout import Posed
from mlan.data.parts import draw_parts
from mlan.errors import DataError

# Clusters by number; each cluster holds as many items as it stands there.
CLUSTERS = st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda c: len(set(c)) > 1)


def _items(clusters: list[int], *, from_dev: bool = False) -> list[Item]:
    posed = Posed("yes_no", "?", ["yes"], ["yes", "no"])
    start = "dev/" if from_dev else ""
    return [
        Item(number, f"{start}{number}", from_dev, f"coco/{cluster}", "", False, posed)
        for number, cluster in enumerate(clusters)
    ]


def _benchmark(**fields: Any) -> SetBenchmark:
    return SetBenchmark(adapter="benchmark_set", set="boolq", path=["x.jsonl"], **fields)


def _parts(items: list[Item], seed: int = 7, **fields: Any) -> dict[str, list[Item]]:
    drawn, _ = draw_parts("mine", _benchmark(**fields), items, seed)
    return {part: [i for i in drawn if i.part == part] for part in ("dev", "test")}


@given(CLUSTERS, st.integers(0, 3), st.randoms(use_true_random=False))
def test_no_cluster_is_in_both_parts_and_order_decides_nothing(
    clusters: list[int], seed: int, chance: random.Random
) -> None:
    items = _items(clusters)
    drawn = _parts(items, seed)
    dev, test = ({i.cluster for i in drawn[part]} for part in ("dev", "test"))
    assert not dev & test
    assert sorted(i.id for part in drawn.values() for i in part) == sorted(i.id for i in items)
    assert len(dev) == max(1, round(0.1 * len(set(clusters))))
    shuffled = chance.sample(items, len(items))
    again = _parts(shuffled, seed)
    for part in ("dev", "test"):
        assert {i.id for i in again[part]} == {i.id for i in drawn[part]}


@given(CLUSTERS, st.integers(1, 40), st.randoms(use_true_random=False))
def test_sample_takes_whole_clusters_up_to_its_size(
    clusters: list[int], most: int, chance: random.Random
) -> None:
    items = _items(clusters)
    whole = _parts(items)["test"]
    sizes = Counter(i.cluster for i in whole)
    if len(whole) < most:
        with pytest.raises(DataError, match="the test part has"):
            _parts(items, test=most)
        return
    if max(sizes.values()) > most:
        return  # the first cluster may be too large: that is refused
    sample = _parts(items, test=most)["test"]
    assert most - max(sizes.values()) < len(sample) <= most
    assert Counter(i.cluster for i in sample).items() <= sizes.items()
    again = _parts(chance.sample(items, len(items)), test=most)["test"]
    assert {i.id for i in again} == {i.id for i in sample}


def test_seed_decides_the_parts() -> None:
    items = _items(list(range(40)))
    drawn = {frozenset(i.cluster for i in _parts(items, seed)["dev"]) for seed in range(5)}
    assert len(drawn) > 1


def test_half_of_the_clusters_may_be_dev() -> None:
    drawn = _parts(_items(list(range(40))), dev_share=0.5, dev=8)
    assert (len(drawn["dev"]), len(drawn["test"])) == (8, 20)


def test_file_of_the_dev_part_gives_up_what_the_test_part_has() -> None:
    items = [*_items([1, 2, 3]), *_items([3, 4], from_dev=True)]
    drawn, dropped = draw_parts("mine", _benchmark(dev_path="dev.jsonl"), items, 7)
    assert [(i.id, i.part) for i in drawn] == [
        ("dev/1", "dev"),
        ("0", "test"),
        ("1", "test"),
        ("2", "test"),
    ]
    assert [(r.id, r.reason) for r in dropped] == [("dev/0", "its cluster is in the test part")]


def test_sample_smaller_than_its_first_cluster_is_refused() -> None:
    with pytest.raises(DataError, match="the first cluster alone has more items"):
        _parts(_items([1, 1, 2, 2, 3, 3]), test=1)


def test_one_cluster_cannot_be_parted() -> None:
    with pytest.raises(DataError) as caught:
        _parts(_items([1, 1]))
    assert caught.value.lines == ("data.benchmarks.mine: no item is left for the test part of 2",)
