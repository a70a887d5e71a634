"""Rows of power.csv: which numbers a rule asks, at which level, from which source."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlan.evidence.claims.families import Standing
from mlan.evidence.planned_power import power_rows
from mlan.evidence.power import Test, detectable
from mlan.evidence.variance_parts import Assumed, Finished, Planned, Source
from tests.evidence.simulated import results

MEASURED = ("v_object", "generate", "strict", "real")
PLANNED = Planned({"v_object": 600}, frozenset({"untuned"}))


def contrast(role: str, plus: str, minus: str) -> dict[str, Any]:
    """A resolved difference between two cells."""
    terms = [[1.0, plus, *MEASURED], [-1.0, minus, *MEASURED]]
    return {"name": f"{plus} - {minus}", "role": role, "terms": terms}


def claim(rule: str, *contrasts: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A resolved claim."""
    plain = {
        "id": rule,
        "family": "primary",
        "rule": rule,
        "margin": 0.03,
        "gain_margin": None,
        "expected": None,
        "direction": None,
        "alpha": 0.05,
        "seeds": [0, 1, 2],
        "runnable": True,
        "why": "",
        "contrasts": list(contrasts),
        "seed_variance": "own",
        "pooled_over": ["text0", "text50", "text100"],
    }
    return {**plain, **changed}


DIFFERENCE = contrast("difference", "text100", "text0")
PAIRS = [
    contrast("pair", "text50", "text0"),
    contrast("pair", "text100", "text0"),
    contrast("pair", "text100", "text50"),
]


def row(one: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    """The row of the first claim among others."""
    return next(iter(power_rows([one, *others], [Assumed()], PLANNED)))


def test_level_is_alpha_over_the_family_without_token_ratios_and_what_cannot_run() -> None:
    first = claim("superiority", DIFFERENCE)
    others = [
        claim("cliff", contrast("cliff", "text50", "text100")),
        claim("token_ratio"),
        claim("superiority", runnable=False, why="no such experiment"),
        claim("superiority", DIFFERENCE, family="secondary"),
    ]
    assert row(first, *others)["level"] == pytest.approx(0.025)
    rows = list(power_rows([first, *others], [Assumed()], PLANNED))
    assert [r["rule"] for r in rows] == ["superiority", "cliff", "superiority", "superiority"]
    assert rows[2]["components"] == "no such experiment"
    assert math.isnan(rows[2]["detectable"])
    assert rows[3]["level"] == pytest.approx(0.05)


def test_level_and_mark_are_those_of_the_verdict() -> None:
    standing = Standing(
        post_hoc=frozenset({"late"}),
        withdrawn=(("gone", "primary"),),
        counted=frozenset({"off"}),
        other_seeds={"more": (0, 1)},
    )
    claims = [
        claim("superiority", DIFFERENCE, id=name, runnable=name not in ("off", "never"))
        for name in ("first", "more", "late", "off", "never")
    ]

    rows = {r["id"]: r for r in power_rows(claims, [Assumed()], PLANNED, standing)}

    # first, more, off and the one withdrawn; late beside all of them.
    assert [rows[name]["level"] for name in ("first", "more")] == pytest.approx([0.0125, 0.0125])
    assert rows["late"]["level"] == pytest.approx(0.01)
    assert {name: r["registered"] for name, r in rows.items()} == {
        "first": "before scores",
        "more": "before scores; seeds added after",
        "late": "post hoc",
        "off": "before scores",
        "never": "before scores",
    }


def test_pooled_seed_variance_has_the_degrees_of_freedom_of_its_cells() -> None:
    own, pooled = (
        row(claim("superiority", DIFFERENCE, seed_variance=how)) for how in ("own", "pooled")
    )
    assert own["standard_error"] == pooled["standard_error"]
    # Seeds are nearly all of the variance: (3 - 1)(3 - 1) in place of 3 - 1.
    assert own["df"] < 2.5 < 4 < pooled["df"] < 5
    assert pooled["detectable"] < own["detectable"]
    assert (own["pooled_over"], pooled["pooled_over"]) == (0, 3)
    off_curve = row(claim("superiority", DIFFERENCE, seed_variance="pooled", pooled_over=[]))
    assert off_curve["detectable"] == own["detectable"]


def test_bounds_of_rules_move_what_is_detected() -> None:
    plain = row(claim("superiority", DIFFERENCE, margin=0.0))["detectable"]
    assert row(claim("superiority", DIFFERENCE))["detectable"] == pytest.approx(plain + 0.03)
    assert row(claim("non_inferiority", DIFFERENCE))["detectable"] == pytest.approx(plain - 0.03)
    larger = claim("interaction", DIFFERENCE, contrast("first", "a", "b"), direction="larger")
    assert row(larger)["detectable"] == pytest.approx(plain + 0.03)
    falls = claim("trend", {**DIFFERENCE, "role": "slope"}, direction="falls")
    assert row(falls)["detectable"] == pytest.approx(-plain - 0.03)


def test_trend_that_falls_is_expected_below_zero() -> None:
    slope = {**DIFFERENCE, "role": "slope"}
    rises = row(claim("trend", slope, direction="rises", expected=0.2))
    falls = row(claim("trend", slope, direction="falls", expected=-0.2))
    assert falls["power_at_expected"] == rises["power_at_expected"] > 0.1
    assert falls["seeds_needed"] == rises["seeds_needed"]


def test_claims_of_no_difference_tell_a_margin() -> None:
    for one in (
        claim("equivalence", DIFFERENCE, expected=0.0),
        claim("interaction", DIFFERENCE, direction="equal", expected=0.0),
    ):
        found = row(one)
        parts = Assumed().parts(DIFFERENCE["terms"], PLANNED)
        assert parts is not None
        weights = [[-1.0, 1.0]]
        test = Test((parts,), np.array(weights), None, 0.03, 0.05)
        assert found["detects"] == "margin"
        assert found["detectable"] == pytest.approx(detectable(test, 3), rel=0.03)
    plateau = row(claim("plateau", *PAIRS))
    assert plateau["detectable"] > row(claim("equivalence", DIFFERENCE))["detectable"]


def test_saturation_is_less_likely_than_its_gain_alone() -> None:
    gain = contrast("gain", "text50", "text0")
    both = claim("saturation", gain, *PAIRS, margin=0.2, gain_margin=0.0, expected=0.3)
    alone = claim("superiority", contrast("difference", "text50", "text0"), margin=0.0)
    found, single = row(both), row({**alone, "expected": 0.3})
    assert found["detects"] == "value"
    assert found["power_at_expected"] < single["power_at_expected"]
    assert found["detectable"] > single["detectable"]


def test_nothing_expected_has_no_power_and_needs_no_seeds() -> None:
    found = row(claim("superiority", DIFFERENCE))
    assert math.isnan(found["power_at_expected"])
    assert math.isnan(found["seeds_needed"])
    assert found["detectable"] > 0


def test_the_first_source_that_knows_all_of_a_claim_is_named() -> None:
    known = claim("superiority", DIFFERENCE)
    lenient = [
        [w, c, "v_object", "generate", "lenient", "real"] for w, c, *_ in DIFFERENCE["terms"]
    ]
    unknown = claim("superiority", {**DIFFERENCE, "terms": lenient})
    sources: list[Source] = [Finished(results(3)), Finished(results(3), "small"), Assumed()]
    rows = list(power_rows([known, unknown], sources, PLANNED))
    assert [r["components"] for r in rows] == ["own results", "assumed"]
    assert next(power_rows([known], sources[1:], PLANNED))["components"] == "results of small"
    assert next(power_rows([unknown], sources[:1], PLANNED))["components"] == "not known"


def test_one_seed_is_planned_for_by_its_items() -> None:
    found = row(claim("superiority", DIFFERENCE, seeds=[0]))
    assert found["df"] == 599
    assert found["standard_error"] < row(claim("superiority", DIFFERENCE))["standard_error"]
