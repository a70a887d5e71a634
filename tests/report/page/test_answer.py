"""The sentences of the answer, for every shape of a recommended set and by every measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlan.report.page.answer import Answer, answer
from mlan.report.page.evidence import Evidence
from mlan.report.page.levels import levels
from mlan.report.page.tried import header, tried
from mlan.report.page.verdicts import families
from mlan.report.summary import MEASURES, Summary
from tests.report.page.example import choice, choices, claim, facts

SummaryOf = Callable[..., Summary]
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
START = "With answers read strictly, and text and vision counting the same, "


def told(evidence: Evidence, summary: Summary, **changes: Any) -> Answer:
    """The answer of some evidence."""
    return answer(evidence, families(evidence, {}), summary, facts(**changes))


def otherwise(scorer: str, parser: str, *inside: float) -> list[dict[str, str]]:
    """Rows of recommend_otherwise.csv, best at the first share."""
    return [
        {
            "scorer": scorer,
            "parser": parser,
            "cell": f"share-{100 * share:g}",
            "text_share": str(share),
            "utility": "0.5",
            "in_set": str(share in inside),
            "is_best": str(share == inside[0]),
        }
        for share in SHARES
    ]


@pytest.mark.parametrize(
    ("best", "inside", "said"),
    [
        (0.75, (0.75,), "75 % text is the best share: every other one tried is worse."),
        (
            0.75,
            (0.5, 0.75),
            "the best text share is one of 50 and 75 % (highest at 75 %); 0, 25 and 100 % are "
            "worse than another.",
        ),
        (
            0.75,
            (0.25, 0.75),
            "the best text share is one of 25 and 75 % (highest at 75 %); 0, 50 and 100 % are "
            "worse than another.",
        ),
        (
            0.75,
            SHARES[1:],
            "the best text share is one of 25 to 100 % (highest at 75 %); 0 % is worse than "
            "another.",
        ),
        (0.5, SHARES, "none of the 5 text shares tried can be told from the best."),
    ],
)
def test_lead_names_the_measure_and_the_set_without_a_hole_as_a_range(
    summary_of: SummaryOf, best: float, inside: tuple[float, ...], said: str
) -> None:
    lead = told(choices(best, inside, SHARES), summary_of()).lead.replace("\xa0", " ")
    assert lead == START + said


def test_lead_tells_where_another_measure_finds_another_set(summary_of: SummaryOf) -> None:
    others = [*otherwise("generate", "lenient", 0.75), *otherwise("label_logit", "argmax", *SHARES)]
    evidence = Evidence(
        recommend=choices(0.75, (0.75,), SHARES).recommend, recommend_otherwise=tuple(others)
    )
    found = told(evidence, summary_of())
    assert found.lead.replace("\xa0", " ").endswith(
        "is worse. With answers chosen by likelihood, none of the 5 text shares tried can be told "
        "from the best."
    )
    assert found.sure.endswith("The same shares are left with answers read leniently.")


def test_how_sure_gives_seeds_questions_confidence_and_what_it_covers(
    summary_of: SummaryOf,
) -> None:
    sure = told(choices(0.75, (0.5, 0.75), SHARES), summary_of()).sure.replace("\xa0", " ")
    assert sure == (
        "3 seeds, 400 and 480 questions an average. The best of the shares tried is among those "
        "left with 95 % confidence; this and ± cover seeds and items, given one stage 1."
    )
    free = told(choices(0.75, (0.5, 0.75), SHARES), summary_of(), seed_varies=["align"]).sure
    assert free.endswith("cover seeds and items.")


def test_share_that_is_out_though_it_scores_more_is_explained(summary_of: SummaryOf) -> None:
    rows = (
        choice(0.25, utility="0.498", high="0.002", in_set="True"),
        choice(0.5, utility="0.51"),
        choice(0.75, utility="0.545", in_set="True", is_best="True"),
    )
    sure = told(Evidence(recommend=rows), summary_of()).sure.replace("\xa0", " ")
    assert sure.endswith(
        "What counts is how steadily another share is better, not the score alone: 50 % (51.0) is "
        "out, 25 % (49.8) stays in, by 0.2 points."
    )


def test_other_weights_and_prices_are_a_table_and_never_the_lead(summary_of: SummaryOf) -> None:
    rows = [
        choice(0.0, weight_vision="1.0", in_set="True", is_best="True"),
        choice(1.0, weight_vision="1.0"),
        choice(0.0, price_points="250"),
        choice(1.0, price_points="250", in_set="True", is_best="True"),
    ]
    found = told(Evidence(recommend=tuple(rows)), summary_of())
    assert found.lead == "This study has not computed a recommended share."
    assert [(one.weight, one.price, one.best) for one in found.choices] == [
        ("100\xa0%", "0", "0\xa0%"),
        ("50\xa0%", "250", "100\xa0%"),
    ]
    assert found.rows == ()


def test_token_shares_of_a_set_with_a_hole_are_listed_as_its_shares_are(
    summary_of: SummaryOf,
) -> None:
    found = told(choices(0.75, (0.25, 0.75), SHARES), summary_of()).choices[0]
    assert (found.shares, found.lm_tokens) == ("25 and 75\xa0%", "12.5 and 37.5\xa0%")
    whole = told(choices(0.75, SHARES[2:], SHARES), summary_of()).choices[0]
    assert whole.supervised_tokens == "12.5 to 25\xa0%"


def test_claims_are_counted_by_verdict_and_the_decided_ones_named_primary_first(
    summary_of: SummaryOf,
) -> None:
    rows = (
        claim(id="a", family="secondary", verdict="contradicted"),
        claim(id="b"),
        claim(id="c", verdict="undecided"),
    )
    found = told(Evidence(claims=rows), summary_of())
    assert found.tested == (
        "Of 3 claims: 1 supported, 1 contradicted and 1 undecided. Of the 2 primary ones: "
        "1 supported and 1 undecided."
    )
    assert ([one.id for one in found.decided], found.more) == (["b", "a"], 0)
    many = told(Evidence(claims=tuple(claim(id=f"{n}") for n in range(8))), summary_of())
    assert ([one.id for one in many.decided], many.more) == ([*"012345"], 2)


def planted(summary: Summary, group: str, key: str, cell: str, value: float, half: float) -> None:
    """Put one interval into a summary, with a chance of a quarter."""
    row = summary.interval(group, MEASURES[key], cell)
    assert row is not None
    row |= {"value": value, "low": value - half, "high": value + half, "chance": 0.25}


def test_levels_are_those_at_the_ends_the_highest_and_before_tuning(summary_of: SummaryOf) -> None:
    summary = summary_of(shares=(0.0, 0.5, 1.0), others=())
    for cell, value in (("share-0", 0.55), ("share-50", 0.69), ("share-100", 0.68)):
        planted(summary, "text average", "strict", cell, value, 0.08)
        planted(summary, "text average", "option", cell, value - 0.1, 0.08)
    planted(summary, "text average", "strict", "untuned", 0.03, 0.015)
    row = {"scorer": "generate", "parser": "strict", "benchmark": "text average"}
    signal = [row | {"p": "0.029", "decides": "True"}]
    signal += [row | {"scorer": "label_logit", "parser": "argmax", "p": "0.4", "decides": "False"}]
    (name, text), _ = levels(summary, MEASURES["strict"], signal)
    assert name == "Text average"
    assert text.replace("\xa0", " ") == (
        "55 ± 8 % at 0 % text, 68 ± 8 % at 100 %, highest 69 ± 8 % at 50 %; the shares differ "
        "(p = .029). With answers chosen by likelihood: 45 ± 8 % at 0 % text, 58 ± 8 % at 100 %; "
        "no difference shown (p = .40). Before tuning 3.0 ± 1.5 %, by guessing 25 %."
    )


@pytest.mark.parametrize(
    ("p", "why", "said"),
    [
        ("0.0004", "one seed: noise", "the shares differ (p < .001; one seed: noise)"),
        ("0.02", "spread below 2.33", "the shares differ (p = .020; spread below 2.33)"),
        ("0.3", "cells cannot be told apart; spread", "no difference shown (p = .30)"),
        ("", "no variation", "no difference shown (no variation)"),
    ],
)
def test_shares_differ_by_their_p_value_with_what_speaks_against_it(
    summary_of: SummaryOf, p: str, why: str, said: str
) -> None:
    row = {"scorer": "generate", "parser": "strict", "benchmark": "text average"}
    found = dict(
        levels(summary_of(), MEASURES["strict"], [row | {"p": p, "decides": "False", "why": why}])
    )["Text average"]
    assert found.replace("\xa0", " ").split("; ", 1)[1].startswith(f"{said}. With answers")


def test_every_share_is_a_row_with_utility_bounds_and_both_measures(summary_of: SummaryOf) -> None:
    summary = summary_of()
    for key, value in (("strict", 0.5), ("option", 0.6)):
        planted(summary, "vision average", key, "share-25", value, 0.08)
    rows = (choice(0.25, in_set="True"), choice(0.5, is_best="True", in_set="True"))
    others = tuple(otherwise("label_logit", "argmax", 0.5, 0.75))
    evidence = Evidence(recommend=rows, recommend_otherwise=others)
    first, second, before = tried(rows, evidence, summary, facts())
    names = dict(zip(header(MEASURES["strict"]), first, strict=True))
    assert names["both, less the best other"] == "−5.0 to +0.2"
    assert (names["both"], names["vision"]) == ("50.0", "50 ± 8")
    assert names["vision with answers chosen by likelihood"] == "60 ± 8"
    assert (names["may be the best"], names["may then be the best"]) == ("yes", "no")
    assert second[7] == second[-1] == "highest"
    assert before[0] == "before tuning"
