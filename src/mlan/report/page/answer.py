"""The first lines of the page: which share, how sure, and what was not tested.

Sentences made of recommend.csv and claims.csv, for the case that text and vision count the same
and tokens cost nothing; other weights are a table below them. Not here: how the set of shares is
found (`mlan.evidence.recommend`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlan.report.page.evidence import Evidence, Row, is_true, number
from mlan.report.page.numbers import PERCENT, listed, percentages, plain
from mlan.report.page.verdicts import Family, counts

# Vision counts as much as text, and tokens are free.
_WEIGHT, _PRICE = 0.5, 0.0


@dataclass(frozen=True)
class Choice:
    """The recommendation at one weight on vision and one price, in words."""

    weight: str
    price: str
    best: str
    shares: str
    lm_tokens: str
    supervised_tokens: str
    score: str
    covers: str


@dataclass(frozen=True)
class Answer:
    """`lead` answers the question, `sure` says how sure, `tested` what claims came out.

    `choices` has one entry for every weight and price; empty if nothing is recommended.
    """

    lead: str
    sure: str
    tested: str
    choices: tuple[Choice, ...]


def answer(evidence: Evidence, found: Sequence[Family], level: float) -> Answer:
    """Return the answer in sentences."""
    groups = _groups(evidence.recommend)
    own = next((rows for key, rows in groups.items() if key == (_WEIGHT, _PRICE)), None)
    return Answer(
        lead=_lead(own) if own else "This study has not computed a recommended share.",
        sure=_sure(own, level) if own else "",
        tested=_tested(found),
        choices=tuple(_choice(*key, rows) for key, rows in groups.items()),
    )


def _groups(rows: Sequence[Row]) -> dict[tuple[float, float], list[Row]]:
    found: dict[tuple[float, float], list[Row]] = {}
    for row in rows:
        key = (round(number(row["weight_vision"]), 6), number(row["price_points"]))
        found.setdefault(key, []).append(row)
    return found


def _kept(rows: Sequence[Row]) -> tuple[list[Row], Row]:
    """The rows of the set that cannot be told from the best, by share, and the best."""
    inside = sorted(
        (r for r in rows if is_true(r["in_set"])), key=lambda r: number(r["text_share"])
    )
    return inside, next(row for row in rows if is_true(row["is_best"]))


def _lead(rows: Sequence[Row]) -> str:
    inside, best = _kept(rows)
    start = "With text and vision counting the same, the best share of text-only examples "
    top = percentages([number(best["text_share"])])
    if len(inside) == 1:
        return f"{start}is {top}: every other share tried is significantly worse."
    if len(inside) == len(rows):
        return f"{start}cannot be told: none of the {len(rows)} shares tried is ruled out."
    rest = listed([percentages([number(r["text_share"])]) for r in rows if r not in inside])
    return (
        f"{start}is one of {_shares(inside, rows)} (highest score at {top}); {rest} "
        f"{'is' if len(inside) == len(rows) - 1 else 'are'} ruled out."
    )


def _sure(rows: Sequence[Row], level: float) -> str:
    inside, best = _kept(rows)
    score = number(best["crossfitted"])
    parts = [
        f"In tokens that the language model reads this is {_range(inside, 'share_of_lm_tokens')} "
        f"text, in tokens learnt {_range(inside, 'share_of_supervised_tokens')}.",
        f"The set holds the best of the shares tried with {100 * level:g}{PERCENT} confidence "
        f"({best['covers']}; {number(best['seeds']):.0f} seeds).",
    ]
    if math.isfinite(score):
        parts.append(
            f"On items that did not choose it the winner scores {plain(100 * score)}{PERCENT}."
        )
    return " ".join(parts)


def _range(rows: Sequence[Row], column: str) -> str:
    return percentages([round(number(row[column]), 3) for row in rows])


def _shares(inside: Sequence[Row], rows: Sequence[Row]) -> str:
    """The shares of a set: a range where it has no hole, else a list."""
    every = sorted(number(row["text_share"]) for row in rows)
    mine = [number(row["text_share"]) for row in inside]
    whole = [share for share in every if mine[0] <= share <= mine[-1]] if mine else []
    if len(mine) > 1 and len(whole) == len(mine):
        return percentages(mine)
    return listed([percentages([share]) for share in mine])


def _tested(found: Sequence[Family]) -> str:
    """How the claims came out, and which could not be tested."""
    total = counts(found)
    if not total:
        return "No claims were written down for this study."
    number_of = sum(total.values())
    told = listed([f"{count} {verdict}" for verdict, count in total.items()])
    return f"Of {number_of} claim{'s' if number_of != 1 else ''}: {told}."


def _choice(weight: float, price: float, rows: Sequence[Row]) -> Choice:
    inside, best = _kept(rows)
    return Choice(
        weight=f"{100 * weight:g}{PERCENT}",
        price=f"{price:g}",
        best=percentages([number(best["text_share"])]),
        shares=_shares(inside, rows),
        lm_tokens=_range(inside, "share_of_lm_tokens"),
        supervised_tokens=_range(inside, "share_of_supervised_tokens"),
        score=plain(100 * number(best["crossfitted"])),
        covers=best["covers"],
    )
