"""Each rule on scores whose estimand is known by hand, at margins on either side of it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlan.contrasts import cliff, drop, pairs, slope
from mlan.errors import DataError
from mlan.evidence.claims.rules import Outcome, Ratio, outcome, value
from mlan.evidence.claims.terms import contrast_of, sample_of
from mlan.evidence.intervals import Interval, interval
from mlan.evidence.joint import joint
from mlan.evidence.multiple import tost
from mlan.evidence.results import Results
from mlan.evidence.samples import Sample, combine, from_sums
from tests.evidence.claims.example import SHARES, claim, contrast, difference, results, term

INTERIOR = [0.25, 0.5, 0.75]
FLAT = dict.fromkeys(SHARES, 0.5)
CURVE = dict(zip(SHARES, [0.45, 0.50, 0.52, 0.54, 0.40], strict=True))


def samples(found: Results, one: Mapping[str, Any]) -> dict[str, list[Sample]]:
    by_role: dict[str, list[Sample]] = {}
    for plain in one["contrasts"]:
        by_role.setdefault(plain["role"], []).append(sample_of(found, contrast_of(plain)))
    return by_role


def judged(one: Mapping[str, Any], curve: Mapping[float, float], **how: Any) -> Outcome:
    """A claim's outcome, whose value must be that of `value` too."""
    found = samples(results(curve, **how), one)
    came = outcome(one, found)
    assert value(one, found) == came.value
    return came


def of_shares(role: str, weighted: list[tuple[float, float]]) -> dict[str, Any]:
    return contrast(role, *(term(weight, share) for weight, share in weighted))


def cliff_claim(margin: float) -> dict[str, Any]:
    return claim(
        "cliff",
        [
            of_shares("cliff", cliff(1.0, INTERIOR)),
            of_shares("drop", drop(1.0, INTERIOR)),
            *(of_shares("level", [(1.0, x)]) for x in INTERIOR),
        ],
        margin=margin,
    )


def plateau_claim(margin: float, **more: Any) -> dict[str, Any]:
    found = [of_shares("pair", pair) for pair in pairs(INTERIOR)]
    return claim("plateau", found, margin=margin, **more)


@pytest.mark.parametrize(
    ("rule", "margin", "holds"),
    [
        ("superiority", 0.0, True),  # D = .04
        ("superiority", 0.03, True),
        ("superiority", 0.05, False),
        ("non_inferiority", 0.01, True),
        ("equivalence", 0.05, True),
        ("equivalence", 0.03, False),
    ],
)
def test_difference_is_held_against_its_margin(rule: str, margin: float, holds: bool) -> None:
    came = judged(claim(rule, [difference(0.75, 0.25)], margin=margin), CURVE)

    assert came.value == pytest.approx(0.04)
    assert (came.p < 0.05, came.p_opposite < 0.05) == (holds, not holds)


def test_loss_within_the_margin_is_not_inferior() -> None:
    came = judged(claim("non_inferiority", [difference(0.5, 0.75)], margin=0.03), CURVE)

    assert came.value == pytest.approx(-0.02)
    assert came.p < 0.05


def test_loss_beyond_the_margin_contradicts_non_inferiority() -> None:
    came = judged(claim("non_inferiority", [difference(0.25, 0.75)], margin=0.03), CURVE)

    assert came.value == pytest.approx(-0.04)
    assert came.p > 0.99
    assert came.p_opposite < 0.05


@pytest.mark.parametrize(("margin", "holds"), [(0.0, True), (0.15, True), (0.17, False)])
def test_cliff_is_the_drop_less_the_interiors_line(margin: float, holds: bool) -> None:
    came = judged(cliff_claim(margin), CURVE)

    # By hand: .54 - .40 lost, where the line through .50, .52, .54 predicts a gain of .02.
    assert came.value == pytest.approx(0.16)
    assert (came.p < 0.05, came.p_opposite < 0.05) == (holds, not holds)


def test_steady_fall_is_no_cliff_however_steep() -> None:
    falling = {x: 0.9 - 0.6 * x for x in SHARES}

    came = judged(cliff_claim(0.03), falling)

    assert came.value == pytest.approx(0, abs=1e-9)
    assert came.p_opposite < 0.05


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (0.40, "the paper's rule: drop 14.0 > 3 x range 4.0 points: yes"),
        (0.43, "the paper's rule: drop 11.0 > 3 x range 4.0 points: no"),
    ],
)
def test_the_papers_range_rule_is_shown_beside_the_cliff(edge: float, said: str) -> None:
    assert judged(cliff_claim(0.0), CURVE | {1.0: edge}).shown == said


def test_plateau_stands_with_its_largest_difference() -> None:
    wide, narrow = judged(plateau_claim(0.05), CURVE), judged(plateau_claim(0.03), CURVE)

    assert wide.value == narrow.value == pytest.approx(0.04)
    assert wide.p < 0.01
    assert narrow.p > 0.99
    assert narrow.p_opposite < 0.05


def test_plateau_p_is_the_largest_of_all_pairs() -> None:
    one = plateau_claim(0.05)
    found = samples(results(CURVE), one)["pair"]

    each = [outcome(claim("equivalence", margin=0.05), {"difference": [pair]}).p for pair in found]

    assert judged(one, CURVE).p == max(each)


def test_opposite_of_a_plateau_is_adjusted_for_all_pairs() -> None:
    one = plateau_claim(0.03)
    found = samples(results(CURVE, noise=0.15, seed_sd=0.01), one)
    alone = outcome(claim("equivalence", margin=0.03), {"difference": [found["pair"][1]]})

    together = outcome(one, found)

    assert alone.p_opposite < together.p_opposite <= 3 * alone.p_opposite
    assert together.p_opposite == joint(found["pair"]).adjusted(alone.p_opposite)


@pytest.mark.parametrize("margin", [0.03, 0.05, 0.07])
def test_bound_of_a_plateau_is_below_its_margin_exactly_when_it_holds(margin: float) -> None:
    came = judged(plateau_claim(margin), CURVE, noise=0.1)

    low, high = came.bounds(0.9)

    assert (high < margin) == (came.p < 0.05)
    assert 0 <= low <= came.value <= high


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.98])
@pytest.mark.parametrize("margin", [0.005, 0.01, 0.02, 0.03, 0.035])
def test_bound_of_a_plateau_is_above_its_margin_exactly_when_it_fails(
    margin: float, confidence: float
) -> None:
    came = judged(plateau_claim(margin), CURVE, noise=0.1, seed_sd=0.004)

    low, _ = came.bounds(confidence)

    assert (low > margin) == (came.p_opposite <= (1 - confidence) / 2)


def test_equal_cells_are_rarely_bounded_away_from_each_other() -> None:
    # Each pair by itself: in 26 % of such studies.
    rng, studies, far = np.random.default_rng(3), 120, 0
    names = [f"{g:03d}" for g in range(50)]
    for _ in range(studies):
        scores_CSG = 0.03 * rng.standard_normal((4, 3, 1)) + 0.3 * rng.standard_normal((4, 3, 50))
        cells = [from_sums([0, 1, 2], x, np.ones(50), names, ("b", 50)) for x in scores_CSG]
        between = [combine([(1, a), (-1, b)]) for a, b in itertools.combinations(cells, 2)]
        far += outcome(plateau_claim(0.03), {"pair": between}).bounds(0.9)[0] > 0
    assert far / studies <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)


@pytest.mark.parametrize(
    ("direction", "curve", "holds"),
    [
        ("rises", CURVE, True),
        ("falls", CURVE, False),
        ("falls", {x: -y for x, y in CURVE.items()}, True),
    ],
)
def test_trend_is_the_slope_in_its_direction(
    direction: str, curve: dict[float, float], holds: bool
) -> None:
    one = claim("trend", [of_shares("slope", slope(INTERIOR))], margin=0.05, direction=direction)

    came = judged(one, curve)

    # .02 a quarter of text is .08 a whole; the margin of a fall is on the other side.
    assert abs(came.value) == pytest.approx(0.08)
    assert (came.p < 0.05, came.p_opposite < 0.05) == (holds, not holds)


@pytest.mark.parametrize(
    ("gain_margin", "margin", "holds"),
    [(0.03, 0.05, True), (0.08, 0.05, False), (0.03, 0.03, False)],
)
def test_saturation_needs_the_gain_and_the_plateau(
    gain_margin: float, margin: float, holds: bool
) -> None:
    found = [of_shares("pair", pair) for pair in pairs(INTERIOR)]
    one = claim(
        "saturation",
        [difference(0.5, 0.0, "gain"), *found],
        margin=margin,
        gain_margin=gain_margin,
    )

    came = judged(one, CURVE, noise=0.005, seed_sd=0.0005)

    assert came.value == pytest.approx(0.07)
    assert (came.p < 0.05, came.p_opposite < 0.05) == (holds, not holds)
    # The interval is the gain's: a plateau that fails leaves it where it is.
    assert (came.bounds(0.9)[0] > gain_margin) == (gain_margin == 0.03)
    assert came.shown.startswith("gain (the interval is of it alone) 7.0")


@pytest.mark.parametrize(
    ("direction", "margin", "holds"),
    [("larger", 0.0, True), ("larger", 0.05, False), ("equal", 0.05, True), ("equal", 0.02, False)],
)
def test_interaction_is_the_difference_of_two_differences(
    direction: str, margin: float, holds: bool
) -> None:
    # .54 - .50 less .52 - .50 is .02; seen with little noise.
    one = claim(
        "interaction",
        [
            contrast("difference", term(1, 0.75), term(-1, 0.25), term(-1, 0.5), term(1, 0.25)),
            difference(0.75, 0.25, "first"),
            difference(0.5, 0.25, "second"),
        ],
        margin=margin,
        direction=direction,
    )

    came = judged(one, CURVE, noise=0.005, seed_sd=0.0005)

    assert came.value == pytest.approx(0.02)
    assert came.shown == "first 4.0, second 2.0 points"
    if margin != 0.02:
        assert (came.p < 0.05, came.p_opposite < 0.05) == (holds, not holds)
    else:
        assert came.p == pytest.approx(0.5)


@given(
    value=st.floats(-0.1, 0.1),
    error=st.floats(0.001, 0.1),
    df=st.floats(1, 500),
    margin=st.floats(0.001, 0.2),
)
def test_tost_at_five_percent_is_the_ninety_percent_interval_within_the_margins(
    value: float, error: float, df: float, margin: float
) -> None:
    found = Interval(value, 0, 0, error, df, 3, 60, 60, "seeds and items")
    low, high = found.bounds(0.9)
    p = tost(found, margin)
    if abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (-margin < low and high < margin)


def test_tost_equals_two_t_tests_of_one_seed_of_equal_clusters() -> None:
    x = np.random.default_rng(1).normal(0.01, 0.1, 50)
    sample = from_sums(
        [0], x[None, :] / 50, np.full(50, 1 / 50), [f"{i:02d}" for i in range(50)], ("b", 50)
    )

    p = outcome(claim("equivalence", margin=0.04), {"difference": [sample]}).p

    above = stats.ttest_1samp(x, -0.04, alternative="greater").pvalue
    below = stats.ttest_1samp(x, 0.04, alternative="less").pvalue
    assert p == pytest.approx(max(above, below), rel=1e-9)


def test_one_cluster_is_undecided_in_words() -> None:
    came = judged(claim("superiority", [difference(0.75, 0.25)]), CURVE, clusters=1)

    assert np.isnan([came.p, came.p_opposite]).all()
    assert came.why == "one cluster of items: its error cannot be told"


def test_equal_scores_are_undecided_in_words_for_every_rule() -> None:
    for one in (plateau_claim(0.03), cliff_claim(0.0)):
        came = judged(one, FLAT, noise=0.0, seed_sd=0.0)

        assert np.isnan(came.p)
        assert came.why == "no variation was seen: equal scores say nothing of their error"


def test_one_seed_speaks_of_items_only() -> None:
    came = judged(claim("superiority", [difference(0.75, 0.25)]), CURVE, seeds=[4])

    assert came.decides.covers == "items only (one seed)"
    assert came.p < 0.01


def test_score_that_is_no_number_is_refused() -> None:
    found = results(CURVE)
    found.blocks["v_a", "test", "real", "generate", "strict"].sums[0, 0] = np.nan
    one = claim("superiority", [difference(0.0, 0.25)])

    with pytest.raises(DataError, match="not a finite number"):
        outcome(one, samples(found, one))


def test_interval_of_a_difference_is_that_of_its_sample() -> None:
    one = claim("superiority", [difference(0.75, 0.25)])
    found = samples(results(CURVE), one)

    assert outcome(one, found).bounds(0.9) == interval(found["difference"][0]).bounds(0.9)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ({0: 0.4, 1: 0.5}, "supported"),
        ({0: 0.4, 1: 0.51}, "undecided"),
        ({0: 0.6, 1: 0.51}, "contradicted"),
    ],
)
def test_token_ratio_holds_on_every_seed_or_on_none(ratios: dict[int, float], verdict: str) -> None:
    assert Ratio(ratios).verdict(0.5) == verdict
