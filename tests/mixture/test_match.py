"""What a study does when a source has fewer examples than a cell asks for."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.config.recipe import Mixture
from mlan.mixture.draw import draw
from mlan.mixture.match import budget_notes, counts_of, epoch_notes, matched, shortages


def mixture(share: float, instances: int = 100, match: str = "down", **weights: Any) -> Mixture:
    text = weights.get("text", {"t1": 1, "t2": 1})
    vision = weights.get("vision", {"v1": 1})
    return Mixture.model_validate(
        {
            "instances": instances,
            "text_share": share,
            "text": text,
            "vision": vision,
            "match": match,
        }
    )


def sweep(*shares: float, **more: Any) -> dict[str, Mixture]:
    return {f"text{100 * share:g}": mixture(share, **more) for share in shares}


AMPLE = {"t1": 1000, "t2": 1000, "v1": 1000}


@pytest.mark.parametrize(
    ("sizes", "budget"),
    [
        (AMPLE, 100),
        ({**AMPLE, "v1": 60}, 60),  # text0 asks only pictures
        ({**AMPLE, "t2": 30}, 61),  # 61 splits into 31 and 30: the tie goes to the first
        ({**AMPLE, "t1": 30}, 60),  # here 61 would ask 31 of the first
        ({"t1": 1000, "t2": 1000}, 100),  # a size that is not known yet limits nothing
        ({**AMPLE, "t1": 0}, 0),
    ],
)
def test_budget_is_the_largest_that_every_cell_can_have(sizes: dict[str, int], budget: int) -> None:
    assert matched(sweep(0, 0.5, 1), sizes) == dict.fromkeys(("text0", "text50", "text100"), budget)


def test_cells_that_ask_for_another_number_have_a_budget_of_their_own() -> None:
    cells = {**sweep(0, 1), "few": mixture(0.5, 40), "up": mixture(1, match="up")}
    assert matched(cells, {**AMPLE, "v1": 60}) == {"text0": 60, "text100": 60, "few": 40}


WEIGHT = st.integers(1, 9) | st.floats(0.05, 9).map(lambda weight: round(weight, 2))
CELLS = st.lists(
    st.tuples(st.integers(0, 20), st.tuples(WEIGHT, WEIGHT), st.tuples(WEIGHT, WEIGHT)),
    min_size=1,
    max_size=3,
)
SIZES = st.fixed_dictionaries({name: st.integers(1, 60) for name in ("t1", "t2", "v1", "v2")})


def _cells(drawn: list[Any], instances: int) -> dict[str, Mixture]:
    return {
        str(number): mixture(
            twentieths / 20,
            instances,
            text=dict(zip(("t1", "t2"), text, strict=True)),
            vision=dict(zip(("v1", "v2"), vision, strict=True)),
        )
        for number, (twentieths, text, vision) in enumerate(drawn)
    }


@given(CELLS, SIZES, st.integers(1, 200))
def test_no_larger_number_suits_all_cells(
    drawn: list[Any], sizes: dict[str, int], asked: int
) -> None:
    cells = _cells(drawn, asked)
    budgets = set(matched(cells, sizes).values())
    assert len(budgets) == 1
    simple = next(n for n in range(asked, -1, -1) if not n or not shortages(cells, sizes, n))
    assert budgets == {simple}


@given(CELLS, SIZES, st.integers(1, 200), st.integers(0, 3))
def test_lowered_cells_have_exact_counts_once_each_and_stay_nested(
    drawn: list[Any], sizes: dict[str, int], asked: int, seed: int
) -> None:
    cells = _cells(drawn, asked)
    budgets = matched(cells, sizes)
    pools = {name: [f"{name}/{n}" for n in range(size)] for name, size in sizes.items()}
    used: list[dict[str, set[str]]] = []
    for cell, instances in budgets.items():
        counts = counts_of(cells[cell], instances) if instances else {}
        uses = draw(counts, pools, draw_seed=seed, order_seed=seed, repeat=False)
        assert len(uses) == instances
        assert {u.epoch for u in uses} <= {0}
        used.append({s: {u.example for u in uses if u.source == s} for s in sizes})
    for source in sizes:
        parts = sorted((mine[source] for mine in used), key=len)
        assert all(small <= large for small, large in itertools.pairwise(parts))


def test_lowered_budget_is_told_with_the_source_that_limits_it() -> None:
    cells, sizes = sweep(0, 1), {**AMPLE, "v1": 60}
    assert budget_notes(cells, sizes, matched(cells, sizes)) == [
        "recipe.mixture.match = 'down': 60 instances in place of 100 for 2 cell(s); with one "
        "more, cell text0 asks 61 of source 'v1', which has 60"
    ]
    assert budget_notes(cells, AMPLE, matched(cells, AMPLE)) == []


def test_source_above_four_epochs_is_told_once_with_its_worst_cell() -> None:
    counts = {"cell few": {"a": 40, "b": 9}, "cell many": {"a": 41}, "cell most": {"a": 50}}
    assert epoch_notes(counts, {"a": 10, "b": 100}) == [
        "source a is gone through up to 5.0 times (cell most; more than 4); add data, or ask for "
        "fewer of its examples"
    ]
    assert epoch_notes({"few": {"a": 40}}, {"a": 10}) == []
