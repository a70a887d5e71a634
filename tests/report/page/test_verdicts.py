"""A claim's row: points, the interval's level, the bound, one scale for all."""

from __future__ import annotations

import math

import pytest

from mlan.report.page.evidence import Evidence
from mlan.report.page.verdicts import Verdict, families
from tests.report.page.example import claim


def shown(*rows: dict[str, str], power: dict[str, str] | None = None) -> list[Verdict]:
    """The verdicts of some rows of claims.csv."""
    evidence = Evidence(claims=rows, power=(power,) if power else ())
    return [one for family in families(evidence, {}) for one in family.claims]


def test_claim_is_told_in_points_with_level_bound_and_detectable_effect() -> None:
    power = {"id": "on_par", "detectable": "0.045", "seeds_needed": "5", "components": "own"}
    (one,) = shown(claim(), power=power)
    assert one.estimate == "+0.4"
    assert one.interval == "−2.1 to +2.9 (99\xa0%)"
    assert (one.margin, one.detectable, one.p) == ("above −3", "+4.5", "< .001")
    assert one.planned == "variances: own; seeds for the expected effect: 5"
    (bound,) = shown(claim(), power=power | {"detects": "margin"})
    assert bound.detectable == "±4.5"
    assert one.covers == "seeds and items; 2 seeds; 480 items"


def test_choice_of_the_seed_variance_is_told_unless_it_is_the_default() -> None:
    own, pooled = shown(
        claim(seed_variance="own"), claim(seed_variance="pooled (check p = 0.43)", covers="seeds")
    )
    assert own.covers == "seeds and items; 2 seeds; 480 items"
    assert pooled.covers == "seeds; 2 seeds; 480 items; seed variance: pooled (check p = 0.43)"


@pytest.mark.parametrize(
    ("rule", "margin", "bounds"),
    [
        ("superiority", "above 3", (0.5,)),
        ("non_inferiority", "above −3", (-0.5,)),
        ("equivalence", "within ±3", (-0.5, 0.5)),
        ("plateau", "within ±3", (-0.5, 0.5)),
        ("interaction larger", "above 3", (0.5,)),
        ("interaction equal", "within ±3", (-0.5, 0.5)),
        ("trend rises", "above 3", (0.5,)),
        ("trend falls", "below −3", (-0.5,)),
    ],
)
def test_bound_stands_where_the_rule_says_on_the_scale_of_the_widest_interval(
    rule: str, margin: str, bounds: tuple[float, ...]
) -> None:
    name, _, direction = rule.partition(" ")
    (one,) = shown(claim(rule=name, direction=direction, value="0.03", low="0", high="0.06"))
    assert one.margin == margin
    assert one.bar is not None
    assert one.bar.bounds == pytest.approx(bounds)
    assert (one.bar.value, one.bar.low, one.bar.high) == pytest.approx((0.5, 0.0, 1.0))


def test_interval_beyond_the_widest_scale_is_cut_and_says_so() -> None:
    wide, narrow = shown(claim(id="a", low="-0.9", high="0.1"), claim(id="b"))
    assert wide.bar is not None
    assert narrow.bar is not None
    assert (wide.bar.beyond, wide.bar.off) == ((-1,), False)
    assert wide.bar.low == -1.0
    assert (narrow.bar.beyond, narrow.bar.off) == ((), False)
    assert narrow.bar.high == pytest.approx(0.029 / 0.4)


def test_value_off_the_scale_is_an_arrow_and_no_dot() -> None:
    (far,) = shown(claim(value="0.65", low="0.49", high="0.81"))
    assert far.bar is not None
    assert (far.bar.beyond, far.bar.off) == ((1,), True)


def test_claim_that_nothing_could_show_says_nothing_and_one_without_a_plan_no_variances() -> None:
    power = {"id": "on_par", "seeds_needed": "", "components": "own results"}
    (never,) = shown(claim(), power=power | {"detectable": "inf"})
    assert (never.detectable, never.planned) == ("nothing", "variances: own results")
    unrun = power | {"detectable": "", "components": "not asked for; to run it: snakemake"}
    (absent,) = shown(claim(verdict="not run", value=""), power=unrun)
    assert (absent.detectable, absent.planned) == ("–", "")


def test_same_contrast_by_other_measures_stands_in_the_fold() -> None:
    (one,) = shown(claim(value_lenient="0.013", value_option="-0.092"))
    assert one.otherwise == "+1.3 read leniently, −9.2 by likelihood"
    (none,) = shown(claim())
    assert none.otherwise == ""


def test_token_ratio_is_exact_and_has_no_place_among_points() -> None:
    row = claim(rule="token_ratio", value="0.58", low="0.57", high="0.59", margin="0.5", level="")
    (one,) = shown(row | {"p_adjusted": ""})
    assert (one.estimate, one.interval) == ("0.58", "0.57 to 0.59 over seeds")
    assert (one.margin, one.p, one.bar) == ("at most 0.5", "exact", None)


def test_ratio_of_one_seed_has_no_span_over_seeds() -> None:
    row = claim(rule="token_ratio", value="0.88", low="0.88", high="0.88", seeds="1", level="")
    assert shown(row)[0].interval == "one seed"


def test_claim_says_what_its_seeds_make_of_its_registration() -> None:
    how = ("before scores", "post hoc", "before scores; on other seeds")
    assert [one.late for one in shown(*(claim(registered=said) for said in how))] == [
        *("", "post hoc", "on other seeds"),
    ]


def test_same_contrast_above_chance_is_no_points() -> None:
    (one,) = shown(claim(value_lenient="0.01", value_chance_corrected="-0.064"))
    assert one.otherwise.replace("\xa0", " ") == (
        "+1.0 read leniently, −6.4 % of the room above chance"
    )


def test_withdrawn_claim_has_its_name_and_no_number() -> None:
    row = dict.fromkeys(claim(), "") | {"id": "old", "family": "primary", "verdict": "withdrawn"}
    (one,) = shown(row)
    assert (one.sentence, one.estimate, one.interval, one.margin) == ("old", "–", "", "–")
    assert one.bar is None
    assert math.isnan(one.sortable)


def test_families_keep_the_order_of_the_file() -> None:
    rows = (claim(family="b"), claim(id="x", family="a"), claim(id="y", family="b"))
    found = families(Evidence(claims=rows), {"y": ("one", "two")})
    assert [(f.name, [c.id for c in f.claims]) for f in found] == [
        ("b", ["on_par", "y"]),
        ("a", ["x"]),
    ]
    assert found[0].claims[1].cells == ("one", "two")
