"""Pairs of cells: each as it is by itself and all of them adjusted, whoever reads them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from mlan.evidence.cell_pairs import compared, pairs_of
from mlan.evidence.intervals import interval
from mlan.evidence.joint import joint
from mlan.evidence.results import Key
from mlan.evidence.samples import Sample, combine
from mlan.evidence.signal import signal
from mlan.evidence.ties import ties
from tests.evidence import planted

SHARES = (0.0, 0.5, 1.0)


def drawn(truth: tuple[float, ...] = (0.3, 0.32, 0.4)) -> dict[str, Sample]:
    own = planted.cells(SHARES)
    x = planted.drawn(np.random.default_rng(3), truth, clusters=200)
    found = planted.results(own, {"text": x})
    return {cell.name: found.sample(cell.name, "text", Key()) for cell in own}


def test_two_cells_have_the_p_value_of_their_difference() -> None:
    samples = {name: sample for name, sample in drawn().items() if name != "text50"}
    alone = interval(combine([(1, samples["text0"]), (-1, samples["text100"])]))
    assert pairs_of(samples).p_of("text100", "text0") == alone.p_different()


def test_every_pair_is_adjusted_for_all() -> None:
    samples = drawn()
    found = pairs_of(samples)
    family = joint([combine([(1, a), (-1, b)]) for a, b in combinations(samples.values(), 2)])
    for (one, other), own in zip(combinations(samples, 2), family.intervals, strict=True):
        assert found.p_of(one, other) == family.adjusted(own.p_different()) > own.p_different()
    assert found.smallest_p == min(found.p.values())


def test_signal_and_ties_read_the_same_pairs() -> None:
    pairs = pairs_of(drawn())
    worst = {row["cell"]: row for row in ties(pairs)}[signal(pairs)["worst_cell"]]
    assert worst["below_best"] == pytest.approx(signal(pairs)["spread"])
    assert worst["p"] >= signal(pairs)["p"]
    assert not worst["tied"]


def test_cells_without_a_common_seed_make_no_pair() -> None:
    samples = drawn()
    first, second = samples["text0"].of([0, 1]), samples["text50"].of([2])
    found = pairs_of({"text0": first, "text50": second})
    assert math.isnan(found.p_of("text0", "text50"))
    assert math.isnan(found.smallest_p)
    assert signal(found)["why"] == "no two cells have a seed in common"
    # What no seed changes stands beside any.
    fixed = replace(second, fixed=True)
    assert pairs_of({"text0": first, "text50": fixed}).p_of("text0", "text50") < 1


def test_scores_of_one_cell_are_not_compared() -> None:
    own = planted.cells(SHARES)
    x = planted.drawn(np.random.default_rng(3), (0.3, 0.32, 0.4))
    x[:2] = np.nan
    assert list(compared(planted.results(own, {"text": x}), [cell.name for cell in own])) == []
