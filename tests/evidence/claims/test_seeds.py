"""The choice of the seed variance: by hand, when its check fails, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from scipy import stats

from mlan.evidence.claims.verdicts import COLUMNS, verdict_rows
from mlan.evidence.results import Results
from tests.evidence.claims.example import SHARES, cell, claim, contrast, difference, results, term

CURVE = dict(zip(SHARES, [0.45, 0.50, 0.52, 0.54, 0.40], strict=True))
# Rows and columns add up to 0 and the squares to 8, on (5 - 1)(3 - 1) = 8 degrees of freedom:
# the pooled variance of a cell is 1 (in hundredths squared).
ALIKE = {0.0: (1, -1, 0), 0.25: (-1, 1, 0), 0.5: (1, 0, -1), 0.75: (-1, 0, 1), 1.0: (0, 0, 0)}
ONE_LOUD = ALIKE | {1.0: (30, -30, 0)}
MOVED_TOGETHER = {x: (4 * x, -4 * x, 0) for x in SHARES}


def moved(effects: Mapping[float, Sequence[float]], **how: Any) -> Results:
    """The made-up sweep whose cells move between seeds by so many hundredths."""
    found = results(CURVE, noise=1e-6, seed_sd=0.0, **how)
    for block in found.blocks.values():
        for row, (name, seed) in enumerate(found.runs):
            (by_seed,) = (own for x, own in effects.items() if cell(x) == name)
            block.sums[row] += by_seed[seed] / 100 * block.weights
    return found


def row(found: Results, one: dict[str, Any], **how: Any) -> dict[str, Any]:
    (made,) = verdict_rows([one], found, {}, **how)
    assert set(made) <= set(COLUMNS)
    return made


def above(choice: str, **more: Any) -> dict[str, Any]:
    """The claim that .54 - .45 is above .07."""
    return claim("superiority", [difference(0.75, 0.0)], margin=0.07, seed_variance=choice, **more)


def test_own_and_pooled_variance_by_hand() -> None:
    found = moved(ALIKE)

    own, pooled = row(found, above("own")), row(found, above("pooled"))

    # The difference moves by -2, 1, 1: variance 3 of its own, 2 of what is pooled.
    assert (own["standard_error"], own["df"]) == pytest.approx((0.01, 2), rel=1e-3)
    error = math.sqrt(2 / 3) / 100
    assert (pooled["standard_error"], pooled["df"]) == pytest.approx((error, 8), rel=1e-3)
    assert (own["p"], pooled["p"]) == pytest.approx(
        (stats.t.sf(2, 2), stats.t.sf(0.02 / error, 8)), rel=1e-3
    )
    assert (own["verdict"], pooled["verdict"]) == ("undecided", "supported")
    assert own["seed_variance"] == "own"
    assert pooled["seed_variance"].startswith("pooled (check p = ")
    assert pooled["covers"] == "seeds (variance pooled over cells) and items"


def test_both_p_values_stand_beside_either_choice() -> None:
    found = moved(ALIKE)

    own, pooled = row(found, above("own")), row(found, above("pooled"))

    assert (own["p_own"], own["p_pooled"]) == (own["p"], pooled["p"])
    assert (pooled["p_own"], pooled["p_pooled"]) == (own["p"], pooled["p"])


@pytest.mark.parametrize("effects", [ONE_LOUD, MOVED_TOGETHER])
def test_check_that_fails_leaves_the_claim_its_own_seeds(
    effects: Mapping[float, Sequence[float]],
) -> None:
    found = moved(effects)

    own, pooled = row(found, above("own")), row(found, above("pooled"))

    assert pooled["seed_variance"].startswith("own (check p = 0.0")
    assert math.isnan(pooled["p_pooled"])
    same = ("standard_error", "df", "p", "low", "high", "verdict", "covers")
    assert [pooled[name] for name in same] == [own[name] for name in same]


def test_every_contrast_of_a_rule_has_its_part_of_the_variance() -> None:
    found = moved(ALIKE)
    flat = claim(
        "plateau",
        [difference(0.5, 0.25, "pair"), difference(0.75, 0.25, "pair")],
        margin=0.1,
        seed_variance="pooled",
    )
    terms = [term(-0.5, 0.25), term(0, 0.5), term(1.5, 0.75), term(-1, 1.0)]
    shown = [contrast("level", term(1, x)) for x in (0.25, 0.5)]
    drop = [contrast("cliff", *terms), difference(0.75, 1.0, "drop"), *shown]

    plateau = row(found, flat)
    cliff = row(found, claim("cliff", drop, seed_variance="pooled"))

    assert plateau["standard_error"] == pytest.approx(math.sqrt(2 / 3) / 100, rel=1e-3)
    # .25 + 2.25 + 1 = 3.5 variances of a cell.
    assert cliff["standard_error"] == pytest.approx(math.sqrt(3.5 / 3) / 100, rel=1e-3)
    # The larger of two p values of differences .02 and .04, within .1.
    error = plateau["standard_error"]
    assert plateau["p"] == pytest.approx(stats.t.sf(0.06 / error, 8), rel=0.02)


def test_other_cells_or_measures_have_their_own_seeds() -> None:
    made = row(moved(ALIKE), above("pooled", pooled_over=[]))

    assert made["seed_variance"] == "own (not of one curve and measure)"
    assert made["df"] == pytest.approx(2, rel=1e-3)


def test_curve_with_a_missing_seed_is_not_pooled() -> None:
    made = row(moved(ALIKE, lacking=[(0.5, 1)]), above("pooled"), partial=True)

    assert made["seed_variance"] == "own (pooling needs cells with the same seeds, two at least)"
    assert math.isnan(made["p_pooled"])


def test_one_seed_is_about_items_with_either_choice() -> None:
    made = row(moved(ALIKE, seeds=[1]), above("pooled", seeds=[1]))

    assert made["covers"] == "items only (one seed)"
    assert made["seed_variance"] == "own (pooling needs cells with the same seeds, two at least)"
