"""Variances of planned numbers: known ones are found again; sums over cells by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mlan.errors import DataError
from mlan.evidence.intervals import interval
from mlan.evidence.power import Test, detectable
from mlan.evidence.results import Key
from mlan.evidence.samples import combine
from mlan.evidence.variance_parts import (
    BOTH,
    ITEMS,
    SEED_SD,
    SHARED_SD,
    Assumed,
    Finished,
    Planned,
    planned_of,
    unit_parts,
)
from tests.evidence.simulated import SIZES, design, results

MEASURED = ("v_object", "generate", "strict", "real")
DIFFERENCE = [[1.0, "text100", *MEASURED], [-1.0, "text0", *MEASURED]]
FROM_UNTUNED = [[1.0, "text100", *MEASURED], [-1.0, "untuned", *MEASURED]]
PLANNED = Planned({"v_object": 600, "vision average": 600}, frozenset({"untuned"}))


def test_unit_parts_of_many_seeds_are_the_true_ones() -> None:
    true = design(200).parts([1.0, -1.0, 0.0, 0.0])
    unit = unit_parts(results(200), "v_object", Key())
    found = unit.parts
    assert unit.n == 600
    assert unit.shared < 0.1 * found.seeds
    assert found.clusters == len(SIZES)
    assert found.seeds == pytest.approx(true.seeds / 2, rel=0.15)
    assert found.items == pytest.approx(true.items / 2, rel=0.2)
    assert found.both == pytest.approx(true.both / 2, rel=0.02)


def test_own_parts_take_items_of_the_contrast_and_pool_the_seeds() -> None:
    own = Finished(results(3)).parts(DIFFERENCE, PLANNED)
    unit = unit_parts(results(3), "v_object", Key()).parts
    assert own is not None
    assert own.seeds == pytest.approx(2 * unit.seeds)
    assert own.items != pytest.approx(2 * unit.items)
    assert own.both == pytest.approx(design(3).parts([1.0, -1.0, 0.0, 0.0]).both, rel=0.3)


def test_parts_of_another_study_are_scaled_to_the_planned_items() -> None:
    unit = unit_parts(results(3), "v_object", Key()).parts
    twice = Planned({"v_object": 1200}, frozenset())
    found = Finished(results(3), "other").parts(DIFFERENCE, twice)
    assert found is not None
    assert found.seeds == pytest.approx(2 * unit.seeds)
    assert found.items == pytest.approx(2 * unit.items / 2)
    assert found.both == pytest.approx(2 * unit.both / 2)
    assert found.clusters == 2 * len(SIZES)


def test_what_all_cells_share_is_found_again() -> None:
    unit = unit_parts(results(200, shared=1.0), "v_object", Key())
    assert unit.shared == pytest.approx(0.03**2, rel=0.2)
    assert unit.parts.seeds < 0.1 * unit.shared


@pytest.mark.parametrize("study", [None, "other"])
def test_what_all_cells_share_counts_beside_a_cell_that_no_seed_changes(study: str | None) -> None:
    finished = Finished(results(200, shared=0.7), study)
    unit = unit_parts(finished.results, "v_object", Key())
    between, beside = (finished.parts(one, PLANNED) for one in (DIFFERENCE, FROM_UNTUNED))
    assert between is not None
    assert beside is not None
    assert between.seeds == pytest.approx(2 * unit.parts.seeds)
    assert beside.seeds == pytest.approx(unit.parts.seeds + unit.shared)
    assert unit.shared > 0.3 * unit.parts.seeds


def test_a_cell_that_no_seed_changes_adds_items_alone() -> None:
    found = Assumed().parts(FROM_UNTUNED, PLANNED)
    assert found is not None
    assert found.seeds == pytest.approx(SEED_SD**2 + SHARED_SD**2)
    assert found.items == pytest.approx((2 * ITEMS + BOTH) / 600)
    assert found.both == pytest.approx(BOTH / 600)


def test_scores_of_two_benchmarks_add_up() -> None:
    other = ("t_capital", *MEASURED[1:])
    terms = [*DIFFERENCE, [-1.0, "text100", *other], [1.0, "text0", *other]]
    found = Assumed().parts(terms, Planned({"v_object": 600, "t_capital": 300}, frozenset()))
    assert found is not None
    assert found.seeds == pytest.approx(4 * SEED_SD**2)
    assert found.items == pytest.approx(2 * ITEMS * (1 / 600 + 1 / 300))
    assert found.clusters == 900


def test_what_was_not_measured_is_not_known() -> None:
    lenient = [[w, cell, "v_object", "generate", "lenient", "real"] for w, cell, *_ in DIFFERENCE]
    assert Finished(results(3)).parts(lenient, PLANNED) is None
    assert Finished(results(3), "other").parts(lenient, PLANNED) is None
    assert Assumed().parts(DIFFERENCE, Planned({}, frozenset())) is None


def test_one_seed_tells_nothing_of_seeds() -> None:
    with pytest.raises(DataError, match="v_object was measured on one common seed"):
        unit_parts(results(1), "v_object", Key())
    assert Finished(results(1)).parts(DIFFERENCE, PLANNED) is None


def test_planned_of_results_counts_items_of_benchmarks_and_groups() -> None:
    found = planned_of(results(3))
    assert found == PLANNED


@pytest.mark.parametrize("finished", [3, 100])
def test_power_beside_a_cell_that_no_seed_changes_is_as_promised(finished: int) -> None:
    # Planned on 25 finished studies of so many seeds, each tried on 40 new ones of three.
    found = []
    for plan in range(25):
        parts = Finished(results(finished, plan, shared=0.8), "other").parts(FROM_UNTUNED, PLANNED)
        assert parts is not None
        seen = detectable(Test((parts,), np.array([[1.0, -1.0]]), 0.0, None, 0.05), 3)
        for study in range(40):
            new = results(3, 1000 + 40 * plan + study, shared=0.8)
            cells = [new.sample(cell, "v_object", Key()) for cell in ("text100", "untuned")]
            one = interval(combine([(1.0, cells[0]), (-1.0, cells[1])]))
            found.append(one.p_above(-seen) <= 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)
