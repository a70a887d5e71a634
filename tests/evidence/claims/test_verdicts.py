"""Verdicts and rows: Holm within families, what counts in one, and what is said of the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.evidence.claims.families import Standing
from mlan.evidence.claims.rules import Outcome, outcome
from mlan.evidence.claims.verdicts import COLUMNS, Finding, adjust, verdict_rows
from mlan.evidence.intervals import Interval
from mlan.evidence.multiple import holm
from mlan.evidence.results import Results
from mlan.evidence.samples import Sample, from_sums
from tests.evidence.claims.example import SHARES, claim, contrast, difference, results, term

CURVE = dict(zip(SHARES, [0.45, 0.50, 0.52, 0.54, 0.40], strict=True))
TOKENS = {(f"text{x}", s): 100.0 - x / 2 + s for x in (25, 75) for s in (0, 1, 2)}
SOME = Interval(0.1, 0, 0, 0.02, 10, 3, 60, 60, "seeds and items")


def made(name: str, p: float, family: str = "primary", opposite: float = 1.0) -> Finding:
    return Finding(claim("superiority", id=name, family=family), Outcome(0.1, p, opposite, SOME))


def rows(claims: Sequence[dict[str, Any]], found: Results | None = None, **how: Any) -> list[Any]:
    return list(verdict_rows(claims, results(CURVE) if found is None else found, TOKENS, **how))


def above(name: str, margin: float, **more: Any) -> dict[str, Any]:
    """The claim that .54 - .50 is above a margin."""
    return claim("superiority", [difference(0.75, 0.25)], id=name, margin=margin, **more)


def test_holm_of_a_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, 0.03], size=4) == pytest.approx([0.04, 0.09])


def test_holm_leaves_nan_and_counts_it() -> None:
    assert holm([0.01, math.nan]) == pytest.approx([0.02, math.nan], nan_ok=True)


def test_families_are_adjusted_by_themselves() -> None:
    found = adjust([made("a", 0.01), made("b", 0.03), made("c", 0.03, "secondary")], Standing())

    assert [found[name].p for name in "abc"] == pytest.approx([0.02, 0.03, 0.03])


def test_post_hoc_claim_costs_registered_ones_nothing() -> None:
    late = Standing(post_hoc=frozenset({"late"}))
    found = adjust([made("a", 0.01), made("b", 0.04), made("late", 0.02)], late)

    assert (found["a"].p, found["b"].p) == pytest.approx((0.02, 0.04))
    # Among all three: 3 x .01, 2 x .02, 1 x .04.
    assert found["late"].p == pytest.approx(0.04)


def test_withdrawn_claim_still_counts_in_its_family() -> None:
    gone = Standing(withdrawn=(("x", "primary"), ("y", "primary")))
    found = adjust([made("a", 0.01), made("c", 0.01, "secondary")], gone)

    assert (found["a"].p, found["c"].p) == pytest.approx((0.03, 0.01))


def test_withdrawn_claim_that_was_no_hypothesis_counts_in_no_family() -> None:
    both = (("x", "primary"), ("y", "primary"))
    gone = Standing(withdrawn=both, untested=frozenset({"y"}))
    one = made("a", 0.01)

    assert adjust([one], gone)["a"].p == pytest.approx(0.02)
    assert gone.size(one.claim, [one.claim]) == 2


@pytest.mark.parametrize(
    ("other", "counted", "size"),
    [
        ({"runnable": False}, (), 1),  # never planned
        ({"runnable": False}, ("b",), 2),  # planned once
        ({}, (), 2),  # planned and without scores
        ({"rule": "token_ratio"}, (), 1),
    ],
)
def test_claim_without_numbers_counts_if_it_was_planned(
    other: dict[str, Any], counted: tuple[str, ...], size: int
) -> None:
    silent = Finding(claim("superiority", id="b") | other, None, "why")

    found = adjust([made("a", 0.02), silent], Standing(counted=frozenset(counted)))

    assert found["a"].p == pytest.approx(0.02 * size)
    assert Standing(counted=frozenset(counted)).size(silent.claim, [made("a", 0).claim]) == 1


def test_claim_that_says_nothing_is_one() -> None:
    found = adjust([made("a", 0.04), made("b", math.nan)], Standing())

    assert found["a"].p == pytest.approx(0.08)


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=6), st.integers(0, 2))
def test_own_level_rejects_exactly_what_holm_rejects(found: list[float], gone: int) -> None:
    tested = [made(str(i), p) for i, p in enumerate(found)]

    withdrawn = tuple((f"gone{i}", "primary") for i in range(gone))
    for i, own in adjust(tested, Standing(withdrawn=withdrawn)).items():
        own_alpha = (1 - own.level) / 2
        if abs(own.p - 0.05) > 1e-9:
            assert (found[int(i)] <= own_alpha) == (own.p <= 0.05)


def test_supported_contradicted_undecided_and_their_intervals() -> None:
    plain = [above("yes", 0.03), above("no", 0.05), above("open", 0.04)]

    found = rows(plain)

    assert [row["verdict"] for row in found] == ["supported", "contradicted", "undecided"]
    assert [row["low"] > row["margin"] for row in found] == [True, False, False]
    assert found[2]["why"] == "neither the claim nor its opposite is shown"
    assert all(row["value"] == pytest.approx(0.04) for row in found)


MARGIN = 0.05
RULES = [("superiority", "larger"), ("interaction", "larger"), ("interaction", "equal")]
studied = st.tuples(st.sampled_from([-MARGIN, MARGIN]), st.floats(-4, 4), st.sampled_from(RULES))


def number(value: float) -> Sample:
    """A number with standard error .01 and 60 clusters."""
    wobble_G = np.random.default_rng(1).standard_normal(60)
    wobble_G = (wobble_G - wobble_G.mean()) / wobble_G.std(ddof=1) * np.sqrt(60)
    names = [f"{g:03d}" for g in range(60)]
    return from_sums([0], value + 0.01 * wobble_G[None], np.ones(60), names, ("b", 60))


@given(st.lists(studied, min_size=1, max_size=6), st.integers(0, 2))
def test_interval_lies_on_the_side_of_the_margin_that_the_verdict_says(
    found: list[tuple[float, float, tuple[str, str]]], gone: int
) -> None:
    tested = []
    for i, (near, t, (rule, direction)) in enumerate(found):
        stated = claim(rule, id=str(i), margin=MARGIN, direction=direction)
        roles = ("difference", "first", "second")
        samples = {role: [number(near + 0.01 * t)] for role in roles}
        tested.append(Finding(stated, outcome(stated, samples)))

    adjusted = adjust(tested, Standing(withdrawn=(("gone", "primary"),) * gone))

    for one in tested:
        came, own = one.hypothesis, adjusted[one.claim["id"]]
        assert came is not None
        low, high = came.bounds(own.level)
        supported, contradicted = low > MARGIN, high < MARGIN
        if one.claim["direction"] == "equal":
            supported = low > -MARGIN and high < MARGIN
            contradicted = low > MARGIN or high < -MARGIN
        said = (own.p <= 0.05, own.p > 0.05 and own.p_opposite <= 0.05)
        assert said == (supported, contradicted)


@pytest.mark.parametrize(("others", "opposite"), [(-0.2, 0.0367), (0.2, 5 * 0.0367)])
def test_interval_has_the_level_of_the_opposite_where_that_decides(
    others: float, opposite: float
) -> None:
    # Where four opposites are shown the fifth is tested at 5 %, where four claims are at 1 %.
    near = Interval(-0.02, 0, 0, 0.01, 10, 1, 11, 11, "items only (one seed)")
    found = [replace(near, value=others)] * 4 + [near]
    tested = [
        Finding(
            claim("superiority", id=str(i), margin=0.0),
            Outcome(one.value, one.p_above(0), one.p_below(0), one),
        )
        for i, one in enumerate(found)
    ]

    last = adjust(tested, Standing())["4"]

    assert last.p_opposite == pytest.approx(opposite, abs=1e-3)
    assert (near.bounds(last.level)[1] < 0) == (last.p_opposite <= 0.05)


def test_benchmark_of_one_cluster_is_named() -> None:
    found = results(CURVE)
    blocks = {
        name: replace(
            block,
            clusters=("all",),
            sums=block.sums.sum(axis=1, keepdims=True),
            weights=np.ones(1),
        )
        for name, block in found.blocks.items()
        if name[0] == "v_a"
    }

    (row,) = rows([above("one", 0.0)], replace(found, blocks={**found.blocks, **blocks}))

    assert (row["verdict"], row["value"]) == ("undecided", pytest.approx(0.04))
    assert np.isnan([row["low"], row["high"], row["p"]]).all()
    assert row["why"] == "v_a: one cluster of items: its error cannot be told"


def test_alone_the_interval_has_the_level_of_one_one_sided_test() -> None:
    (row,) = rows([above("one", 0.0)])

    assert row["level"] == 0.9
    assert set(row) <= set(COLUMNS)


def test_claim_shown_alone_but_not_beside_others_says_so() -> None:
    noisy = results(CURVE, noise=0.25, seed_sd=0.0)
    (alone,) = rows([above("one", 0.0)], noisy)
    three = rows([above("one", 0.0), above("two", 0.04), above("three", 0.04)], noisy)

    assert alone["verdict"] == "supported"
    assert alone["p"] > 0.05 / 3
    assert three[0]["verdict"] == "undecided"
    assert three[0]["why"] == "shown by itself, but not beside the other claims of its family"


def test_claim_that_cannot_run_says_why() -> None:
    (row,) = rows([above("one", 0.0, runnable=False, why="no such experiment")])

    assert (row["verdict"], row["why"]) == ("not run", "no such experiment")
    assert "value" not in row


def test_cell_without_scores_is_not_run() -> None:
    found = results(CURVE, lacking=[(0.75, s) for s in (0, 1, 2)])

    (row,) = rows([above("one", 0.0)], found)

    assert row["verdict"] == "not run"
    assert (
        row["why"] == "cell text75 has no scores on vision average (test/real/generate/strict) yet"
    )


def test_missing_seed_is_not_run_unless_partial_and_then_marked() -> None:
    found = results(CURVE, lacking=[(0.75, 1)])

    (whole,), (part,) = (
        rows([above("one", 0.0)], found),
        rows([above("one", 0.0)], found, partial=True),
    )

    assert (whole["verdict"], whole["why"]) == ("not run", "no scores of seed 1")
    assert (part["verdict"], part["why"], part["seeds"]) == (
        "supported",
        "partial: no scores of seed 1",
        2,
    )


def test_one_seed_says_that_it_covers_items_only() -> None:
    (row,) = rows([above("one", 0.0, seeds=[7])], results(CURVE, seeds=[7]))

    assert (row["verdict"], row["covers"], row["seeds"]) == (
        "supported",
        "items only (one seed)",
        1,
    )


def test_equal_scores_are_undecided_in_words() -> None:
    (row,) = rows([above("one", 0.0)], results(CURVE, noise=0.0, seed_sd=0.0))

    assert row["verdict"] == "undecided"
    assert row["why"] == "no variation was seen: equal scores say nothing of their error"
    assert math.isnan(row["low"])


def test_score_that_is_no_number_is_undecided_in_words() -> None:
    found = results(CURVE)
    found.blocks["v_a", "test", "real", "generate", "strict"].sums[3, 0] = math.nan

    (row,) = rows([claim("superiority", [difference(0.25, 0.5)])], found)

    assert (row["verdict"], row["why"]) == ("undecided", "interval: a score is not a finite number")


def test_token_ratio_is_exact_and_outside_the_family() -> None:
    ratio = claim("token_ratio", id="cheap", tokens=["text75", "text25"], at_most=0.75)

    row, other = rows([ratio, above("one", 0.0)])

    # 62.5 / 87.5, 63.5 / 88.5, 64.5 / 89.5
    assert (row["low"], row["high"]) == pytest.approx((0.7142857, 0.7206704))
    assert row["verdict"] == "supported"
    assert (row["margin"], row["covers"], row["seeds"]) == (0.75, "tokens, exact", 3)
    assert other["level"] == 0.9


def test_post_hoc_and_withdrawn_claims_are_marked() -> None:
    standing = Standing(post_hoc=frozenset({"late"}), withdrawn=(("gone", "primary"),))
    late, gone = rows([above("late", 0.0)], standing=standing)

    assert late["registered"] == "post hoc"
    assert gone == {
        "id": "gone",
        "family": "primary",
        "verdict": "withdrawn",
        "registered": "before scores",
    }


@pytest.mark.parametrize(
    ("registered", "said", "why"),
    [
        (
            (0, 1),
            "before scores; seeds added after",
            "another look: seeds were added after the first score (registered: 0, 1)",
        ),
        (
            (0, 1, 2, 3),
            "before scores; on other seeds",
            "tested on other seeds than registered (0, 1, 2, 3)",
        ),
        (
            (0, 7),
            "before scores; on other seeds",
            "tested on other seeds than registered (0, 7)",
        ),
    ],
)
def test_claim_on_other_seeds_than_registered_is_marked_and_stays_with_the_others(
    registered: tuple[int, ...], said: str, why: str
) -> None:
    standing = Standing(other_seeds={"one": registered})

    one, other = rows([above("one", 0.0), above("other", 0.0)], standing=standing)

    assert (one["registered"], one["why"]) == (said, why)
    assert (other["registered"], other["why"]) == ("before scores", "")
    assert one["p_adjusted"] == other["p_adjusted"]


def test_claim_that_lacks_scores_narrows_no_other_ones_interval() -> None:
    found, lacking = results(CURVE), results(CURVE, lacking=[(0.25, 1)])
    claims = [claim("superiority", [difference(0.75, 0.5)], id="a"), above("b", 0.0)]

    (whole, _), (part, silent) = rows(claims, found), rows(claims, lacking)

    assert silent["verdict"] == "not run"
    assert (part["level"], part["low"]) == (whole["level"], whole["low"]) == (0.95, part["low"])


def test_score_that_is_no_number_counts_as_tested() -> None:
    found = results(CURVE)
    found.blocks["v_a", "test", "real", "generate", "strict"].sums[3, 0] = math.nan
    bad = claim("superiority", [difference(0.25, 0.5)], id="bad")

    _, row = rows([bad, claim("superiority", [difference(0.75, 0.5)], id="good")], found)

    assert row["level"] == pytest.approx(0.95)


def test_run_that_lacks_one_benchmark_of_an_average_is_named() -> None:
    found = results(CURVE)
    for (name, *_), block in found.blocks.items():
        block.present[found.runs.index(("text75", 1))] = name != "v_b"

    (row,) = rows([above("one", 0.0)], found)

    assert (row["verdict"], row["why"]) == (
        "not run",
        "no scores of seed 1: seed 1 of text75 lacks v_b",
    )


def test_other_parsers_value_stands_beside_it() -> None:
    one = claim("superiority", [contrast("difference", term(1, 0.75))])

    (row,) = rows([one], results(CURVE, lenient=0.125))

    assert row["value"] == pytest.approx(0.54)
    assert row["value_lenient"] == pytest.approx(0.665)
    assert math.isnan(row["value_option"])  # not measured


def test_claim_of_two_measures_has_no_other_value() -> None:
    lenient = [-1, "text75", "vision average", "generate", "lenient", "real"]
    one = claim("superiority", [contrast("difference", term(1, 0.75), lenient)])

    (row,) = rows([one], results(CURVE, lenient=0.125))

    assert row["value"] == pytest.approx(-0.125)
    assert math.isnan(row["value_lenient"])
