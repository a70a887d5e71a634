"""Accuracy, its clustered error, invalid rate and chance against numbers worked out by hand."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.errors import DataError
from mlan.score.metrics import accuracy, chance, clustered_standard_error, invalid_rate


def test_accuracy_three_clusters_by_hand() -> None:
    # mean 3/5; residual sums a: (1-.6)+(1-.6) = .8, b: (0-.6)+(0-.6) = -1.2, c: 1-.6 = .4;
    # squares .64 + 1.44 + .16 = 2.24; times 3/2 = 3.36.
    result = accuracy([1, 1, 0, 0, 1], ["a", "a", "b", "b", "c"])
    assert result.value == pytest.approx(0.6)
    assert result.standard_error == pytest.approx(math.sqrt(3.36) / 5)
    assert (result.n, result.clusters) == (5, 3)


def test_accuracy_one_item_a_cluster_gives_the_usual_error() -> None:
    outcome = np.array([1.0, 0, 0, 1, 1, 1, 0])
    result = accuracy(outcome, np.arange(7))
    assert result.standard_error == pytest.approx(outcome.std(ddof=1) / math.sqrt(7))


def test_accuracy_perfectly_correlated_clusters_count_as_single_items() -> None:
    one = accuracy([1, 0, 1], ["a", "b", "c"])
    tripled = accuracy([1, 1, 1, 0, 0, 0, 1, 1, 1], [*"aaabbbccc"])
    assert tripled.standard_error == pytest.approx(one.standard_error)


def test_accuracy_one_cluster_has_no_error() -> None:
    result = accuracy([1, 0], ["a", "a"])
    assert result.value == 0.5
    assert math.isnan(result.standard_error)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1), st.randoms())
def test_accuracy_row_order_does_not_matter(rows: list[tuple[bool, int]], random: object) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = (accuracy(*zip(*r, strict=True)) for r in (rows, shuffled))
    assert two.value == pytest.approx(one.value)
    assert two.standard_error == pytest.approx(one.standard_error, nan_ok=True, abs=1e-12)


def test_clustered_standard_error_scale_of_weights_does_not_matter() -> None:
    sums, weights = np.array([2.0, 0, 1]), np.array([2.0, 2, 1])
    one = clustered_standard_error(sums, weights)
    assert clustered_standard_error(sums / 7, weights / 7) == pytest.approx(one)


def test_accuracy_no_item_is_an_error() -> None:
    message = "accuracy: `correct` has shape (0,) and `cluster` (0,); they must be equal"
    with pytest.raises(DataError, match=re.escape(message)):
        accuracy([], [])


def test_accuracy_unequal_lengths_is_an_error() -> None:
    with pytest.raises(DataError, match="they must be equal"):
        accuracy([1, 0], ["a"])


def test_invalid_rate_counts_flags() -> None:
    assert invalid_rate([True, False, False, True]) == 0.5
    with pytest.raises(DataError, match="there is no answer"):
        invalid_rate([])


def test_chance_is_the_mean_of_one_over_options() -> None:
    assert chance([["a", "b"], ["a", "b", "c", "d"]]) == pytest.approx((1 / 2 + 1 / 4) / 2)
    with pytest.raises(DataError, match="every item needs an option"):
        chance([["a"], []])
