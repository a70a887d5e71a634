"""Averages under other weights, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlan.errors import DataError
from mlan.evidence.averages import Averages, Weighting, signal_weights
from mlan.evidence.blocks import Block, Cell
from mlan.evidence.groups import Group
from mlan.evidence.intervals import interval
from mlan.evidence.results import Key, Results, results_of
from mlan.evidence.samples import Sample, combine, shifted

CELLS = [Cell(name, "tuned", share, ("sweep",), (0, 1)) for name, share in (("a", 0.0), ("b", 1.0))]
RUNS = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
KEY = Key()
NAMES = ["a", "b"]
# Rows: a0, a1, b0, b1; one item a cluster. Means .5 .75 / 1 1 and 0 .5 / .5 0.
RIGHT = {
    "x": [[1, 0, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]],
    "y": [[0, 0], [1, 0], [1, 0], [0, 0]],
}


def made(chance: dict[str, float], right: dict[str, list[list[int]]] = RIGHT) -> Results:
    blocks = []
    for name, rows in right.items():
        sums_RG = np.array(rows, dtype=np.float64) / len(rows[0])
        blocks.append(
            Block(
                name=(name, "vision", "test", "real", "generate", "strict"),
                present=np.ones(4, dtype=bool),
                clusters=tuple(f"{name}{g}" for g in range(len(rows[0]))),
                sums=sums_RG,
                weights=np.full(len(rows[0]), 1 / len(rows[0])),
                invalid=np.zeros(4),
                n=len(rows[0]),
                chance=chance[name],
            )
        )
    return results_of(CELLS, RUNS, blocks, [Group("vision average", "vision", ("x", "y"))])


def average(results: Results, cell: str, weighting: Weighting) -> Sample:
    return Averages(results, NAMES).sample(cell, "vision average", KEY, weighting)


def test_equal_weights_are_those_of_the_results() -> None:
    results = made({"x": 0.25, "y": 0.5})
    found = average(results, "a", "equal")
    assert found.values == pytest.approx([0.25, 0.625])
    assert interval(found) == interval(results.sample("a", "vision average", KEY))


def test_above_chance_each_benchmark_has_its_own_room() -> None:
    results = made({"x": 0.25, "y": 0.5})
    found = average(results, "a", "chance_corrected")
    # (.5 - .25) / .75 = 1/3 and (0 - .5) / .5 = -1; (.75 - .25) / .75 = 2/3 and 0.
    assert found.values == pytest.approx([(1 / 3 - 1) / 2, (2 / 3) / 2])
    parts = [
        (0.5, shifted(results.sample("a", "x", KEY), 0.25, 1 / 0.75)),
        (0.5, shifted(results.sample("a", "y", KEY), 0.5, 2)),
    ]
    one, two = interval(found), interval(combine(parts))
    assert (one.low, one.high, one.n) == (pytest.approx(two.low), pytest.approx(two.high), 6)
    # A point of x is 1 / .75, one of y 1 / .5: as 2 to 3.
    made_of = Averages(results, NAMES).of("vision average", KEY, "chance_corrected")
    assert made_of.weights == pytest.approx([0.4, 0.6])
    assert made_of.members == ("x", "y")


def test_weights_by_signal_are_range_over_noise() -> None:
    results = made({"x": 0.25, "y": 0.5})
    # x: means .625 and 1, noise sqrt((2 * .125^2 + 0) / 2) = .125: 3. y: means .25 and .25: 0.
    assert signal_weights(results, "vision average", KEY, NAMES) == pytest.approx([1, 0])
    right = {**RIGHT, "y": [[0, 0], [1, 0], [1, 1], [1, 1]]}
    # y: means .25 and 1, noise sqrt((2 * .25^2) / 2) = .25: 3 as well.
    results = made({"x": 0.25, "y": 0.5}, right)
    assert signal_weights(results, "vision average", KEY, NAMES) == pytest.approx([0.5, 0.5])
    assert average(results, "b", "signal").values == pytest.approx([1, 1])


def test_averages_refuse_what_is_undefined() -> None:
    with pytest.raises(DataError, match=r"vision average above chance is undefined: y \(test/real"):
        average(made({"x": 0.25, "y": math.nan}), "a", "chance_corrected")
    with pytest.raises(DataError, match=r"above chance is undefined: y leaves nothing to know"):
        average(made({"x": 0.25, "y": 1.0}), "a", "chance_corrected")
    calm = made({"x": 0.25, "y": 0.5}, {**RIGHT, "y": [[1, 0]] * 4})
    with pytest.raises(DataError, match=r"the seeds of y .* do not differ or are one"):
        average(calm, "a", "signal")
    same = made({"x": 0.25, "y": 0.5}, {n: [r[0], r[1], r[0], r[1]] for n, r in RIGHT.items()})
    with pytest.raises(DataError, match="no benchmark differs over cells"):
        average(same, "a", "signal")
