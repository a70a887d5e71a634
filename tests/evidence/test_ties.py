"""Ties with the best cell: all pairs together, against an independent computation."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from scipy import stats

from mlan.evidence.cell_pairs import pairs_of
from mlan.evidence.intervals import interval
from mlan.evidence.samples import Sample, combine, from_sums
from mlan.evidence.ties import COLUMNS, ties


def cells(
    means: dict[str, float], noise: float, seeds: int = 3, items: int = 400
) -> dict[str, Sample]:
    """Independent cells: item outcomes around their mean, and a shift a seed."""
    rng = np.random.default_rng(11)
    found = {}
    names = [f"i{i:04d}" for i in range(items)]
    for cell, mean in means.items():
        outcome_SG = mean + 0.3 * rng.standard_normal((seeds, items))
        outcome_SG += noise * rng.standard_normal((seeds, 1))
        weights_G = np.full(items, 1 / items)
        found[cell] = from_sums(
            range(seeds), outcome_SG / items, weights_G, names, ("made up", items)
        )
    return found


def by_cell(samples: dict[str, Sample]) -> dict[str, dict[str, object]]:
    return {str(row["cell"]): row for row in ties(pairs_of(samples))}


def test_equal_cells_are_tied_and_a_far_one_is_not() -> None:
    rows = by_cell(cells({"a": 0.6, "b": 0.6, "c": 0.6, "d": 0.2}, noise=0.01))
    assert {cell for cell, row in rows.items() if row["tied"]} == {"a", "b", "c"}
    assert set(next(iter(rows.values()))) <= set(COLUMNS)


def test_best_cell_is_tied_with_itself() -> None:
    rows = by_cell(cells({"a": 0.3, "b": 0.8}, noise=0.01))
    assert (rows["b"]["best_cell"], rows["b"]["below_best"], rows["b"]["p"]) == ("b", 0.0, 1.0)
    assert rows["b"]["tied"]


def test_p_lies_between_that_of_one_pair_and_bonferroni() -> None:
    samples = cells({"a": 0.6, "b": 0.59, "c": 0.58, "d": 0.565}, noise=0.004)
    best = max(samples, key=lambda cell: samples[cell].value)
    pairs = len(list(combinations(samples, 2)))
    for cell, row in by_cell(samples).items():
        if cell != best:
            pair = interval(combine([(1, samples[best]), (-1, samples[cell])]))
            t = pair.value / pair.standard_error
            alone = 2 * float(stats.t.sf(abs(t), pair.df))
            p = float(str(row["p"]))
            # Six correlated pairs: well above one alone, at most six times it.
            assert min(0.9, 1.5 * alone) <= p <= min(1.0, 1.05 * pairs * alone + 0.002)
            assert row["tied"] == (p > 0.05)


def test_without_variation_only_equal_cells_are_tied() -> None:
    names = ["i0", "i1"]
    weights = np.array([0.5, 0.5])

    def constant(value: float) -> Sample:
        sums = np.full((2, 2), value / 2)
        return from_sums([0, 1], sums, weights, names, ("made up", 2))

    rows = by_cell({"a": constant(0.5), "b": constant(0.5), "c": constant(0.25)})
    assert [rows[cell]["tied"] for cell in "abc"] == [True, True, False]
    assert math.isnan(float(str(rows["c"]["p"])))


def test_cells_without_a_common_seed_are_not_compared() -> None:
    weights, names = np.array([0.5, 0.5]), ["i0", "i1"]
    one = from_sums([0], np.array([[0.5, 0.4]]), weights, names, ("made up", 2))
    other = from_sums([1], np.array([[0.1, 0.1]]), weights, names, ("made up", 2))
    third = from_sums([0], np.array([[0.3, 0.1]]), weights, names, ("made up", 2))
    rows = by_cell({"a": one, "b": other, "c": third})
    assert math.isnan(float(str(rows["b"]["p"])))
    assert not rows["b"]["tied"]
