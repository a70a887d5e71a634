"""Exact integer counts of a mixture."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlan.mixture.counts import largest_remainder, mixture_counts

WEIGHT = st.integers(0, 50) | st.floats(0.001, 50).map(lambda w: round(w, 3))
WEIGHTS = st.dictionaries(st.sampled_from("abcdefgh"), WEIGHT, min_size=1).filter(
    lambda weights: sum(weights.values()) > 0
)
TOTAL = st.integers(0, 2000)


@pytest.mark.parametrize(
    ("total", "weights", "counts"),
    [
        (480, {"a": 1, "b": 1, "c": 1}, {"a": 160, "b": 160, "c": 160}),
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 3, "c": 3}),
        (11, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 4, "c": 3}),
        (1, {"a": 1, "b": 2}, {"a": 0, "b": 1}),
        # Hamilton's method on a textbook case: quotas 21.65, 8.25, 3.1 -> one seat left for a.
        (33, {"a": 6565, "b": 2500, "c": 942}, {"a": 22, "b": 8, "c": 3}),
        (10, {"a": 0.1, "b": 0.2, "c": 0.7}, {"a": 1, "b": 2, "c": 7}),
        (3, {"a": 1, "b": 0}, {"a": 3, "b": 0}),
        (0, {"a": 1, "b": 2}, {"a": 0, "b": 0}),
        (0, {}, {}),
    ],
)
def test_largest_remainder_known_answers(
    total: int, weights: dict[str, float], counts: dict[str, int]
) -> None:
    found = largest_remainder(total, weights)
    assert found == counts
    assert list(found) == list(weights)


def test_tie_goes_to_the_name_that_stands_first() -> None:
    assert largest_remainder(1, {"b": 1, "a": 1}) == {"b": 1, "a": 0}
    assert largest_remainder(1, {"a": 1, "b": 1}) == {"a": 1, "b": 0}


def test_decimal_weights_are_what_is_written_not_their_binary_neighbours() -> None:
    # Quotas 0.2, 1.4, 0.4: b and c tie, b stands first. In binary floats c comes out ahead.
    assert largest_remainder(2, {"a": 0.1, "b": 0.7, "c": 0.2}) == {"a": 0, "b": 2, "c": 0}


@given(TOTAL, WEIGHTS)
def test_counts_sum_to_the_total_and_keep_the_quota(total: int, weights: dict[str, float]) -> None:
    counts = largest_remainder(total, weights)
    assert sum(counts.values()) == total
    whole = sum(Fraction(str(w)) for w in weights.values())
    for name, weight in weights.items():
        quota = total * Fraction(str(weight)) / whole
        assert counts[name] in (floor(quota), ceil(quota))


@given(TOTAL, WEIGHTS)
def test_larger_remainder_is_rounded_up_before_a_smaller_one(
    total: int, weights: dict[str, float]
) -> None:
    counts = largest_remainder(total, weights)
    whole = sum(Fraction(str(w)) for w in weights.values())
    quota = {n: total * Fraction(str(w)) / whole for n, w in weights.items()}
    up = [quota[n] - floor(quota[n]) for n in weights if counts[n] > quota[n]]
    down = [quota[n] - floor(quota[n]) for n in weights if counts[n] < quota[n]]
    assert not up or not down or min(up) >= max(down)


@given(TOTAL, WEIGHTS, st.sampled_from([2, 10, 0.5]))
def test_scale_of_the_weights_decides_nothing(
    total: int, weights: dict[str, float], scale: float
) -> None:
    scaled = {name: float(Fraction(str(w)) * Fraction(str(scale))) for name, w in weights.items()}
    assert largest_remainder(total, scaled) == largest_remainder(total, weights)


@given(st.lists(TOTAL, min_size=2, max_size=2), st.integers(1, 8))
def test_equal_weights_are_monotone_in_the_total(totals: list[int], sources: int) -> None:
    weights = dict.fromkeys("abcdefgh"[:sources], 1)
    small, large = (largest_remainder(total, weights) for total in sorted(totals))
    assert all(small[name] <= large[name] for name in weights)


@given(st.lists(TOTAL, min_size=2, max_size=2), WEIGHTS)
def test_totals_a_quota_apart_are_monotone(totals: list[int], weights: dict[str, float]) -> None:
    # Nearer totals may show the Alabama paradox, which every method that keeps the quota has.
    few, many = sorted(totals)
    whole = sum(Fraction(str(w)) for w in weights.values())
    smallest = min(Fraction(str(w)) for w in weights.values() if w)
    assume((many - few) * smallest >= whole)
    small, large = largest_remainder(few, weights), largest_remainder(many, weights)
    assert all(small[name] <= large[name] for name in weights)


@pytest.mark.parametrize(
    ("total", "weights"), [(-1, {"a": 1}), (1, {"a": -1}), (1, {}), (1, {"a": 0})]
)
def test_impossible_split_is_refused(total: int, weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"negative total or weight|no source has a positive"):
        largest_remainder(total, weights)


TEXT, VISION = {"t1": 2, "t2": 1}, {"v1": 1, "v2": 1}


@pytest.mark.parametrize(
    ("instances", "share", "counts"),
    [
        (480, 0, {"v1": 240, "v2": 240}),
        (480, 0.25, {"t1": 80, "t2": 40, "v1": 180, "v2": 180}),
        (480, 0.95, {"t1": 304, "t2": 152, "v1": 12, "v2": 12}),
        (480, 1.0, {"t1": 320, "t2": 160}),
        (1, 0.5, {"v1": 1}),  # 0.5 rounds to the even 0
        (3, 0.5, {"t1": 1, "t2": 1, "v1": 1}),  # 1.5 rounds to the even 2
        (10, 0.05, {"v1": 5, "v2": 5}),
        (100, 0.29, {"t1": 19, "t2": 10, "v1": 36, "v2": 35}),
    ],
)
def test_mixture_known_answers(instances: int, share: float, counts: dict[str, int]) -> None:
    assert mixture_counts(instances, share, TEXT, VISION) == counts


@given(st.integers(1, 3000), st.integers(0, 100))
def test_mixture_has_the_share_to_half_an_example(instances: int, percent: int) -> None:
    counts = mixture_counts(instances, percent / 100, TEXT, VISION)
    assert sum(counts.values()) == instances
    text = sum(n for name, n in counts.items() if name in TEXT)
    assert abs(text - Fraction(percent, 100) * instances) <= Fraction(1, 2)
    assert all(counts.values()), "a source with nothing is left out"


@given(st.integers(1, 3000), st.integers(0, 99))
def test_more_text_never_takes_text_or_adds_vision(instances: int, percent: int) -> None:
    text, vision = {"t1": 1, "t2": 1}, {"v1": 1, "v2": 1, "v3": 1}
    less, more = (mixture_counts(instances, p / 100, text, vision) for p in (percent, percent + 1))
    assert all(less.get(name, 0) <= more.get(name, 0) for name in text)
    assert all(less.get(name, 0) >= more.get(name, 0) for name in vision)
