"""The layout of examples in steps and rows, from lengths alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.errors import DataError
from mlan.mixture.rows import Place, lay_out, pack

CAPACITY = 64
LENGTHS = st.lists(st.integers(1, CAPACITY), min_size=1, max_size=120)
LAYOUT = st.sampled_from(["sorted", "packed"])


def laid(lengths: list[int], layout: str, per_step: int = 8, **more: Any) -> list[Place]:
    settings = {"window": 4, "capacity": CAPACITY, "seed": 0, **more}
    return lay_out(lengths, layout=layout, examples_per_step=per_step, **settings)


def filled(lengths: list[int], places: list[Place]) -> dict[int, dict[int, int]]:
    """Tokens by step and row."""
    tokens: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for place in places:
        tokens[place.step][place.row] += lengths[place.index]
    return tokens


def padding(lengths: list[int], places: list[Place]) -> float:
    """Fraction of the padded batches' tokens that is padding."""
    steps = filled(lengths, places).values()
    return 1 - sum(lengths) / sum(max(rows.values()) * len(rows) for rows in steps)


@given(LENGTHS, LAYOUT, st.integers(1, 20), st.integers(1, 5))
def test_every_example_has_one_place(
    lengths: list[int], layout: str, per_step: int, window: int
) -> None:
    places = laid(lengths, layout, per_step, window=window)
    assert sorted(place.index for place in places) == list(range(len(lengths)))
    where = [(place.step, place.row, place.position) for place in places]
    assert where == sorted(set(where))


@given(LENGTHS, LAYOUT)
def test_steps_rows_and_positions_count_from_zero_without_holes(
    lengths: list[int], layout: str
) -> None:
    inside: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place in laid(lengths, layout):
        inside[()].append(place.step)
        inside[place.step,].append(place.row)
        inside[place.step, place.row].append(place.position)
    for numbers in inside.values():
        assert sorted(set(numbers)) == list(range(max(numbers) + 1))


@given(LENGTHS, LAYOUT, st.integers(1, 20))
def test_steps_hold_the_same_number_of_examples_whatever_their_lengths(
    lengths: list[int], layout: str, per_step: int
) -> None:
    sizes = Counter(place.step for place in laid(lengths, layout, per_step))
    assert len(sizes) == ceil(len(lengths) / per_step)
    rest = len(lengths) % per_step
    assert Counter(sizes.values()) == Counter(
        [per_step] * (len(lengths) // per_step) + ([rest] if rest else [])
    )


GROUPED = st.lists(st.tuples(st.integers(1, CAPACITY), st.sampled_from("tv")), min_size=1)


@given(GROUPED, LAYOUT, st.integers(1, 20), st.integers(1, 5))
def test_steps_of_one_group_are_whole_and_what_is_left_comes_last(
    drawn: list[tuple[int, str]], layout: str, per_step: int, window: int
) -> None:
    lengths, groups = [n for n, _ in drawn], [g for _, g in drawn]
    places = laid(lengths, layout, per_step, window=window, groups=groups)
    assert sorted(place.index for place in places) == list(range(len(drawn)))
    steps: dict[int, list[int]] = defaultdict(list)
    for place in places:
        steps[place.step].append(place.index)
    assert len(steps) == ceil(len(drawn) / per_step)
    whole = sum(count // per_step for count in Counter(groups).values())
    for step, members in steps.items():
        if step < whole:
            assert len(members) == per_step
            assert len({groups[i] for i in members}) == 1


def test_steps_of_one_group_are_those_of_the_group_alone_in_another_order() -> None:
    rng = np.random.default_rng(1)
    lengths = [int(n) for n in rng.integers(1, CAPACITY, 64)]
    groups = ["t" if n < 24 else "v" for n in rng.permutation(64)]
    steps = defaultdict(set)
    for place in laid(lengths, "sorted", groups=groups):
        steps[place.step].add(place.index)
    apart = set()
    for group in "tv":
        members = [i for i, name in enumerate(groups) if name == group]
        alone = defaultdict(set)
        for place in laid([lengths[i] for i in members], "sorted"):
            alone[place.step].add(members[place.index])
        apart |= {frozenset(step) for step in alone.values()}
    assert {frozenset(step) for step in steps.values()} == apart
    order = ["".join({groups[i] for i in steps[n]}) for n in range(8)]
    assert Counter(order) == {"t": 3, "v": 5}
    assert order not in (sorted(order), sorted(order, reverse=True))


@given(LENGTHS, st.integers(1, 20), st.integers(1, 5))
def test_packed_steps_cut_the_drawn_order_whatever_the_window(
    lengths: list[int], per_step: int, window: int
) -> None:
    steps: dict[int, list[int]] = defaultdict(list)
    for place in laid(lengths, "packed", per_step, window=window):
        steps[place.step].append(place.index)
    for members in steps.values():
        assert sorted(members) == list(range(min(members), max(members) + 1))
        assert min(members) % per_step == 0


@given(LENGTHS)
def test_packed_row_keeps_its_capacity(lengths: list[int]) -> None:
    steps = filled(lengths, laid(lengths, "packed"))
    assert all(tokens <= CAPACITY for rows in steps.values() for tokens in rows.values())


@given(LENGTHS)
def test_sorted_row_holds_one_example(lengths: list[int]) -> None:
    assert all(place.position == 0 for place in laid(lengths, "sorted"))


@given(LENGTHS, st.integers(1, 4))
def test_examples_stay_in_their_window(lengths: list[int], window: int) -> None:
    span = 8 * window
    for place in laid(lengths, "sorted", window=window):
        assert place.step // window == place.index // span


def test_steps_of_a_window_cut_its_lengths_in_order() -> None:
    lengths = list(np.random.default_rng(0).permutation(np.arange(1, 33)))
    places = laid(lengths, "sorted")
    spans = defaultdict(list)
    for place in places:
        spans[place.step].append(int(lengths[place.index]))
    assert sorted(spans.values()) == [list(range(n, n + 8)) for n in (1, 9, 17, 25)]


def test_steps_of_a_window_are_shuffled_by_the_seed() -> None:
    lengths = list(range(1, 65))
    orders = {
        tuple(p.index for p in laid(lengths, "sorted", window=8, capacity=64, seed=seed))
        for seed in range(4)
    }
    assert len(orders) == 4
    assert tuple(range(64)) not in orders, "short examples would always come first"


def test_equal_input_gives_equal_places() -> None:
    lengths = [5, 9, 9, 2, 60, 33] * 9
    assert laid(lengths, "packed", seed=3) == laid(lengths, "packed", seed=3)


@pytest.mark.parametrize(
    ("lengths", "rows"),
    [
        ([4, 4, 4, 4], [[0, 2], [1, 3]]),
        ([8], [[0]]),
        ([1, 7, 2, 6], [[1, 0], [3, 2]]),
        ([5, 5, 5], [[0], [1], [2]]),  # two rows would do for the sum, not for the parts
    ],
)
def test_pack_known_answers(lengths: list[int], rows: list[list[int]]) -> None:
    assert pack(range(len(lengths)), lengths, 8) == rows


def test_pack_keeps_the_names_that_it_was_given() -> None:
    assert pack([30, 10, 20], [1, 2, 3], 8) == [[20, 10, 30]]


def test_example_beyond_the_capacity_is_one_line() -> None:
    with pytest.raises(DataError) as caught:
        laid([10, CAPACITY + 1], "packed")
    assert caught.value.lines == (
        "an example has 65 tokens, recipe.tune.rows.capacity = 64; raise it or set "
        "recipe.tune.rows.layout: sorted",
    )
    assert len(laid([10, CAPACITY + 1], "sorted")) == 2


def _short_questions(rng: np.random.Generator, count: int) -> list[int]:
    """Question and answer of a fact, half of them with a picture of 9 tokens."""
    words = rng.integers(18, 36, count) + 22 * rng.integers(0, 2, count)
    return [int(n) for n in words + 9 * rng.integers(0, 2, count)]


def _conversations(rng: np.random.Generator, count: int) -> list[int]:
    """Instruction data: long tail of text, half of it with a picture of 576 tokens."""
    text = np.clip(rng.lognormal(5.0, 0.7, count), 20, 1400).astype(int)
    return [int(n) for n in text + 576 * rng.integers(0, 2, count)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("lengths", "count", "per_step", "capacity"),
    [(_short_questions, 480, 16, 512), (_conversations, 2560, 128, 4096)],
)
def test_padding_of_packed_rows_is_under_three_per_cent(
    lengths: Any, count: int, per_step: int, capacity: int, seed: int
) -> None:
    drawn = lengths(np.random.default_rng(seed), count)
    packed = laid(drawn, "packed", per_step, window=8, capacity=capacity)
    assert padding(drawn, packed) < 0.03


@pytest.mark.parametrize("seed", range(3))
def test_padding_of_sorted_rows_is_under_five_per_cent_where_unsorted_wastes_a_third(
    seed: int,
) -> None:
    drawn = _short_questions(np.random.default_rng(seed), 480)
    assert padding(drawn, laid(drawn, "sorted", 16, window=16)) < 0.05
    assert padding(drawn, laid(drawn, "sorted", 16, window=1)) > 0.25
