"""Numbers on seeds and clusters: values and residuals by hand, pairing, what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from mlan.errors import DataError
from mlan.evidence.intervals import ONE_CLUSTER, interval, interval_of_sums
from mlan.evidence.samples import Sample, combine, from_sums, shifted


def sample(seeds: Sequence[int], x: ArrayLike, clusters: Sequence[str], name: str = "b") -> Sample:
    """One item a cluster; `clusters` are names, such as the letters of a word."""
    sums = np.array(x, dtype=np.float64)
    return from_sums(seeds, sums, np.ones(len(clusters)), [*clusters], (name, len(clusters)))


def test_from_sums_values_and_residuals_by_hand() -> None:
    found = from_sums(
        [4, 7], np.array([[2.0, 1], [0, 1]]), np.array([3.0, 1]), ["a", "b"], ("x", 4)
    )
    assert found.values.tolist() == [0.75, 0.25]
    assert found.residuals.tolist() == [[-0.0625, 0.0625], [-0.1875, 0.1875]]
    assert (found.value, found.n, found.seeds) == (0.5, 4, (4, 7))


def test_combine_pairs_seeds_and_merges_clusters_by_name() -> None:
    one = sample([0, 1, 2], [[1, 0, 1], [1, 1, 1], [0, 0, 1]], "abd", "one")
    two = sample([1, 2, 5], [[0, 1], [1, 1], [9, 9]], "bc", "two")
    found = combine([(1.0, one), (-2.0, two)])
    assert found.seeds == (1, 2)
    assert found.values == pytest.approx([1 - 2 * 0.5, 1 / 3 - 2 * 1])
    assert found.clusters.tolist() == ["a", "b", "c", "d"]
    # Seed 2 of `one`: 0, 0, 1 around 1/3; seed 1 of `two`: 0, 1 around 1/2.
    assert found.residuals[0] == pytest.approx([0, 0.5, -0.5, 0])
    assert found.residuals[1] == pytest.approx([-1 / 9, -1 / 9, 0, 2 / 9])
    assert found.n == 5


def test_combine_difference_equals_the_interval_of_paired_differences() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 3, 8))
    names = "abcdefgh"
    found = interval(combine([(1.0, sample([0, 1, 2], x.tolist(), names)),
                              (-1.0, sample([0, 1, 2], y.tolist(), names))]))  # fmt: skip
    expected = interval_of_sums(x - y, np.ones(8), 8)
    assert (found.value, found.low, found.df) == pytest.approx(
        (expected.value, expected.low, expected.df)
    )


def test_combine_average_of_a_shared_cluster_adds_within_it() -> None:
    # One picture in two benchmarks, right in both: its deviations add before they are squared.
    one, two = sample([0], [[1, 0]], "ab", "one"), sample([0], [[1, 0, 0]], "acd", "two")
    found = interval(combine([(0.5, one), (0.5, two)]))
    residuals = [1 / 8 + 1 / 9, -1 / 8, -1 / 18, -1 / 18]
    # G / (G - 1) is 2 in a benchmark of two clusters and 3/2 in one of three; a is in both.
    square = np.square(residuals) @ [2, 2, 1.5, 1.5]
    assert found.standard_error == pytest.approx(np.sqrt(square))
    assert (found.clusters, found.n) == (4, 5)


def test_combine_a_fixed_number_stands_beside_every_seed() -> None:
    base = from_sums([0], np.array([[0.0, 1, 0]]), np.ones(3), [*"abc"], ("b", 3), fixed=True)
    own = sample([3, 4], [[1, 1, 1], [1, 1, 0]], "abc")
    found = combine([(1.0, own), (-1.0, base)])
    assert (found.seeds, found.fixed) == ((3, 4), False)
    assert found.values == pytest.approx([2 / 3, 1 / 3])
    assert combine([(2.0, base), (1.0, base)]).fixed
    # Nothing of it varies between seeds: the variance between them is that of `own`.
    assert found.values.var() == pytest.approx(own.values.var())


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_combine_is_linear(weights: list[float]) -> None:
    rng = np.random.default_rng(2)
    names = ("abc", "bcd", "xyz")
    terms = [
        (weight, sample([0, 1], rng.normal(size=(2, 3)).tolist(), own))
        for weight, own in zip(weights, names, strict=True)
    ]
    at_once, in_two = combine(terms), combine([terms[0], (1.0, combine(terms[1:]))])
    assert at_once.values == pytest.approx(in_two.values, abs=1e-12)
    assert at_once.residuals == pytest.approx(in_two.residuals, abs=1e-12)


def test_shifted_moves_the_number_and_stretches_its_error() -> None:
    own = sample([0, 1], [[1, 0, 0], [1, 1, 0]], "abc")
    above = shifted(own, 0.25, 1 / 0.75)
    assert above.values == pytest.approx((own.values - 0.25) / 0.75)
    one, two = interval(own), interval(above)
    assert two.standard_error == pytest.approx(one.standard_error / 0.75)
    assert two.df == pytest.approx(one.df)


def test_samples_refuse_what_would_be_aligned_wrongly() -> None:
    own = sample([0, 1], [[1, 0], [0, 1]], "ab")
    with pytest.raises(DataError, match="must be distinct and sorted"):
        sample([0], [[1, 0]], "ba")
    with pytest.raises(DataError, match="must be distinct and sorted"):
        sample([0], [[1, 0]], "aa")
    with pytest.raises(DataError, match="one row, not 2"):
        from_sums([0, 1], np.ones((2, 2)), np.ones(2), ["a", "b"], ("b", 2), fixed=True)
    with pytest.raises(DataError, match="no seed in common"):
        combine([(1.0, own), (-1.0, sample([2], [[1, 0]], "ab"))])
    with pytest.raises(DataError, match="a contrast needs a term"):
        combine([])
    with pytest.raises(DataError, match="seed 9 has no score"):
        own.of([9])


@pytest.mark.parametrize("few", [2, 5, 20])
def test_average_with_few_clusters_errs_as_its_benchmarks_do(few: int) -> None:
    rng = np.random.default_rng(few)
    small = sample([0], rng.random((1, few)), [f"a{g:03d}" for g in range(few)], "a")
    large = sample([0], rng.random((1, 400)), [f"b{g:03d}" for g in range(400)], "b")
    found = interval(combine([(0.5, small), (0.5, large)]))
    squares = [interval(one).standard_error ** 2 for one in (small, large)]
    assert found.standard_error == pytest.approx(np.sqrt(sum(squares)) / 2)
    held = (squares[0] / sum(squares)) ** (2 / 3)
    assert found.df == pytest.approx(1 / (held / (few - 1) + (1 - held) / 399))


@pytest.mark.parametrize("seeds", [1, 3])
def test_average_with_one_cluster_of_a_benchmark_says_nothing(seeds: int) -> None:
    rng = np.random.default_rng(2)
    lone = sample(range(seeds), rng.random((seeds, 1)), ["a"], "a")
    large = sample(range(seeds), rng.random((seeds, 50)), [f"b{g:02d}" for g in range(50)], "b")
    found = interval(combine([(0.5, lone), (0.5, large)]))
    assert found.covers == ONE_CLUSTER
    assert np.isnan([found.low, found.high, found.p_above(0)]).all()


@pytest.mark.parametrize("seeds", [1, 3])
def test_average_with_five_clusters_of_a_benchmark_covers(seeds: int) -> None:
    # Five clusters are most of the error: as if they were 405 alike, .87 and .91 of studies.
    rng, studies, held = np.random.default_rng(3), 1_000, 0
    names = [[f"{name}{g:03d}" for g in range(size)] for name, size in (("a", 5), ("b", 400))]
    for _ in range(studies):
        each = [
            0.2 * rng.standard_normal(len(own))
            + 0.3 * rng.standard_normal((seeds, len(own)))
            + (seeds > 1) * 0.02 * rng.standard_normal((seeds, 1))
            for own in names
        ]
        parts = [
            sample(range(seeds), x, own, own[0][0]) for x, own in zip(each, names, strict=True)
        ]
        found = interval(combine([(0.5, part) for part in parts]))
        held += found.low <= 0 <= found.high
    assert held / studies >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / studies)
