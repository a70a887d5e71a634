"""Which examples a run sees, and in which order."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.errors import DataError
from mlan.mixture.draw import Drawn, draw

POOLS = {name: [f"{name}{n}" for n in range(size)] for name, size in (("a", 30), ("b", 20))}


def drawn(
    counts: Mapping[str, int], draw_seed: int = 0, order_seed: int = 0, repeat: bool = False
) -> list[Drawn]:
    return draw(counts, POOLS, draw_seed=draw_seed, order_seed=order_seed, repeat=repeat)


def test_draw_of_a_seed_never_changes() -> None:
    found = [use.example for use in drawn({"a": 4, "b": 3})]
    written_down = ["b6", "b14", "a19", "a0", "b13", "a1", "a15"]
    assert found == written_down, "plans of finished studies could not be made again"


@given(st.integers(0, 30), st.integers(0, 20), st.integers(0, 3))
def test_counts_are_kept_and_nothing_comes_twice(a: int, b: int, seed: int) -> None:
    uses = drawn({"a": a, "b": b}, seed, seed)
    assert Counter(use.source for use in uses) == Counter({"a": a, "b": b})
    assert len({use.example for use in uses}) == a + b
    assert all(use.epoch == 0 and use.example in POOLS[use.source] for use in uses)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 20), st.integers(0, 20))
def test_smaller_count_is_a_part_of_the_larger_whatever_the_other_source(
    a: int, more_a: int, b: int, other_b: int
) -> None:
    small = {u.example for u in drawn({"a": min(a, more_a), "b": b}) if u.source == "a"}
    large = {u.example for u in drawn({"a": max(a, more_a), "b": other_b}) if u.source == "a"}
    assert small <= large


@given(st.integers(0, 30), st.integers(0, 20))
def test_examples_of_two_cells_keep_their_order(a: int, b: int) -> None:
    one, two = drawn({"a": a, "b": 20 - b}), drawn({"a": 30 - a, "b": b})
    common = set(one) & set(two)
    assert [use for use in one if use in common] == [use for use in two if use in common]


def test_draw_seed_changes_the_choice() -> None:
    chosen = [frozenset(u.example for u in drawn({"a": 10}, draw_seed=s)) for s in range(5)]
    assert len(set(chosen)) == 5
    expected = 10 * 10 / 30
    overlap = sum(len(x & y) for x in chosen for y in chosen if x is not y) / 20
    assert abs(overlap - expected) < 2, "draws of different seeds are independent"


def test_order_seed_changes_the_order_and_nothing_else() -> None:
    one, two = drawn({"a": 10, "b": 10}), drawn({"a": 10, "b": 10}, order_seed=1)
    assert one != two
    assert set(one) == set(two)


def test_sources_are_mixed_not_one_after_the_other() -> None:
    order = [use.source for use in drawn({"a": 20, "b": 20})]
    changes = sum(x != y for x, y in itertools.pairwise(order))
    assert 12 <= changes <= 28  # 19.5 expected, 3.1 standard deviation


def test_repeat_uses_whole_epochs_first() -> None:
    uses = drawn({"b": 47}, repeat=True)
    by_epoch = {e: {u.example for u in uses if u.epoch == e} for e in range(3)}
    assert len(uses) == 47
    assert [len(by_epoch[e]) for e in range(3)] == [20, 20, 7]
    assert by_epoch[0] == by_epoch[1] == set(POOLS["b"])


def test_epochs_cut_differently() -> None:
    parts = [
        frozenset(u.example for u in drawn({"b": 20 * e + 7}, repeat=True) if u.epoch == e)
        for e in range(4)
    ]
    assert len(set(parts)) == 4


def test_count_beyond_one_epoch_contains_the_smaller_counts() -> None:
    before: set[Drawn] = set()
    for count in range(0, 65, 5):
        now = set(drawn({"b": count}, repeat=True))
        assert before <= now
        before = now


@pytest.mark.parametrize(
    ("count", "repeat", "pool"), [(21, False, 20), (1, False, 0), (1, True, 0)]
)
def test_source_that_is_too_small_is_one_line(count: int, repeat: bool, pool: int) -> None:
    with pytest.raises(DataError) as caught:
        draw({"b": count}, {"b": POOLS["b"][:pool]}, draw_seed=0, order_seed=0, repeat=repeat)
    assert caught.value.lines == (
        f"source 'b' has {pool} examples, the mixture asks for {count}; lower "
        "recipe.mixture.instances or tokens, add data, or set recipe.mixture.match",
    )
