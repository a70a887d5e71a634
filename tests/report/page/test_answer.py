"""The sentences of the answer, for every shape of a recommended set."""

from __future__ import annotations

import pytest

from mlan.report.page.answer import answer
from mlan.report.page.evidence import Evidence
from mlan.report.page.verdicts import families
from tests.report.page.example import choice, choices, claim

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    ("best", "inside", "said"),
    [
        (0.75, (0.75,), "is 75 %: every other share tried is significantly worse."),
        (
            0.75,
            (0.5, 0.75),
            "is one of 50 to 75 % (highest score at 75 %); 0 %, 25 % and 100 % are ruled out.",
        ),
        (
            0.75,
            (0.25, 0.75),
            "is one of 25 % and 75 % (highest score at 75 %); 0 %, 50 % and 100 % are ruled out.",
        ),
        (
            0.75,
            SHARES[1:],
            "is one of 25 to 100 % (highest score at 75 %); 0 % is ruled out.",
        ),
        (0.5, SHARES, "cannot be told: none of the 5 shares tried is ruled out."),
    ],
)
def test_lead_names_the_set_without_a_hole_as_a_range(
    best: float, inside: tuple[float, ...], said: str
) -> None:
    lead = answer(choices(best, inside, SHARES), (), 0.95).lead.replace("\xa0", " ")
    start = "With text and vision counting the same, the best share of text-only examples "
    assert lead == start + said


def test_second_line_gives_both_token_shares_confidence_and_the_cross_fitted_score() -> None:
    sure = answer(choices(0.75, (0.5, 0.75), SHARES), (), 0.9).sure.replace("\xa0", " ")
    assert "reads this is 25 to 37.5 % text, in tokens learnt 12.5 to 18.8 %." in sure
    assert "with 90 % confidence (seeds and items; 3 seeds)" in sure
    assert "On items that did not choose it the winner scores 51.8 %." in sure


def test_other_weights_and_prices_are_a_table_and_never_the_lead() -> None:
    rows = [
        choice(0.0, weight_vision="1.0", in_set="True", is_best="True"),
        choice(1.0, weight_vision="1.0"),
        choice(0.0, price_points="250"),
        choice(1.0, price_points="250", in_set="True", is_best="True"),
    ]
    found = answer(Evidence(recommend=tuple(rows)), (), 0.95)
    assert found.lead == "This study has not computed a recommended share."
    told = [(one.weight, one.price, one.best) for one in found.choices]
    assert told == [("100\xa0%", "0", "0\xa0%"), ("50\xa0%", "250", "100\xa0%")]


def test_claims_are_counted_by_verdict() -> None:
    rows = (claim(), claim(id="b", verdict="undecided"), claim(id="c", verdict="undecided"))
    evidence = Evidence(claims=rows)
    tested = answer(evidence, families(evidence, {}), 0.95).tested
    assert tested == "Of 3 claims: 1 supported and 2 undecided."
