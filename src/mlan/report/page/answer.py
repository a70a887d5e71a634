"""The first lines of the page: which share, what was found, how sure, which claims are decided.

Sentences made of recommend.csv, recommend_otherwise.csv, claims.csv and the averages, for the
case that text and vision count the same and tokens cost nothing; other weights are a table below
them. Not here: how the set of shares is found (`mlan.evidence.recommend`), what each share scores
(`tried`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlan.report.answer import is_range
from mlan.report.page.evidence import Evidence, Row, is_true, number
from mlan.report.page.facts import Facts
from mlan.report.page.levels import curve, levels
from mlan.report.page.measured import words
from mlan.report.page.numbers import PERCENT, each, listed, percentages, plain
from mlan.report.page.verdicts import Family, Verdict, counts
from mlan.report.summary import AVERAGES, Summary

# Vision counts as much as text, and tokens are free.
_WEIGHT, _PRICE = 0.5, 0.0
_PRIMARY, _DECIDED = "primary", ("supported", "contradicted")
# Claims that the first lines name at most.
_MOST = 6
# A share that stays in by less is said to, where another one that scores more is out.
_NARROW = 0.01


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
    """`lead` answers the question, `levels` says where both averages lie, `sure` how sure it is.

    `tested` counts the claims by verdict; `decided` are those to name, `more` counts those that are
    decided beside them. `choices` has one entry for every weight and price, `rows` are those of the
    answer itself; empty if nothing is recommended.
    """

    lead: str
    levels: tuple[tuple[str, str], ...]
    sure: str
    tested: str
    decided: tuple[Verdict, ...]
    more: int
    choices: tuple[Choice, ...]
    rows: tuple[Row, ...]


def answer(evidence: Evidence, found: Sequence[Family], summary: Summary, facts: Facts) -> Answer:
    """Return the answer in sentences."""
    groups, decided = _groups(evidence.recommend), _decided(found)
    own = next((rows for key, rows in groups.items() if key == (_WEIGHT, _PRICE)), [])
    return Answer(
        lead=_lead(own, evidence, facts)
        if own
        else "This study has not computed a recommended share.",
        levels=tuple(levels(summary, facts.primary, evidence.signal)),
        sure=" ".join([*_sure(own, summary, facts), *_same(own, evidence)]) if own else "",
        tested=_tested(found),
        decided=decided[:_MOST],
        more=len(decided[_MOST:]),
        choices=tuple(_choice(*key, rows) for key, rows in groups.items()),
        rows=tuple(own),
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


def _lead(own: Sequence[Row], evidence: Evidence, facts: Facts) -> str:
    """What the study's own measure says, then what others say that find otherwise."""
    measured = words(facts.primary.scorer, facts.primary.parser)
    said = [f"With {measured}, and text and vision counting the same, {_best(own)}"]
    for other, rows in _others(evidence).items():
        if _names(rows) != _names(own):
            said.append(f"With {other}, {_best(rows)}")
    return " ".join(said)


def _same(own: Sequence[Row], evidence: Evidence) -> Iterator[str]:
    """The measures that find what the study's own one finds."""
    same = [other for other, rows in _others(evidence).items() if _names(rows) == _names(own)]
    if same:
        yield f"The same shares are left with {listed(same)}."


def _others(evidence: Evidence) -> dict[str, list[Row]]:
    """Rows of the answer by other measures, by what these are in words."""
    found: dict[str, list[Row]] = {}
    for row in evidence.recommend_otherwise:
        found.setdefault(words(row["scorer"], row["parser"]), []).append(row)
    return found


def _names(rows: Sequence[Row]) -> list[str]:
    return sorted(row["cell"] for row in rows if is_true(row["in_set"]))


def _best(rows: Sequence[Row]) -> str:
    inside, best = _kept(rows)
    top = each([number(best["text_share"])])
    if len(inside) == len(rows):
        return f"none of the {len(rows)} text shares tried can be told from the best."
    if len(inside) == 1:
        return f"{top} text is the best share: every other one tried is worse."
    rest = [number(row["text_share"]) for row in rows if row not in inside]
    return (
        f"the best text share is one of {_shares(inside, rows)} (highest at {top}); {each(rest)} "
        f"{'is' if len(rest) == 1 else 'are'} worse than another."
    )


def _sure(rows: Sequence[Row], summary: Summary, facts: Facts) -> Iterator[str]:
    _, best = _kept(rows)
    sizes = {int(r["n"]) for g in AVERAGES.values() for _, r in curve(summary, g, facts.primary)}
    items = f", {listed([f'{n}' for n in sorted(sizes)])} questions an average" if sizes else ""
    given = "" if "align" in facts.seed_varies else ", given one stage 1"
    seeds = number(best["seeds"])
    yield (
        f"{seeds:.0f} seed{'s' if seeds != 1 else ''}{items}. The best of the shares tried is "
        f"among those left with {100 * summary.confidence:g}{PERCENT} confidence; this and ± cover "
        f"{best['covers']}{given}."
    )
    yield from _hole(rows)


def _hole(rows: Sequence[Row]) -> Iterator[str]:
    """Why a share is out that scores more than one which stays."""
    inside, _ = _kept(rows)
    least = min(inside, key=lambda row: number(row["utility"]))
    out = [row for row in rows if row not in inside and _utility(row) > _utility(least)]
    if out:
        told = listed([f"{each([number(r['text_share'])])} ({_points(_utility(r))})" for r in out])
        by = number(least["high"])
        narrowly = f", by {_points(by)} points" if by < _NARROW else ""
        yield (
            "What counts is how steadily another share is better, not the score alone: "
            f"{told} {'is' if len(out) == 1 else 'are'} out, {each([number(least['text_share'])])} "
            f"({_points(_utility(least))}) stays in{narrowly}."
        )


def _utility(row: Row) -> float:
    return number(row["utility"])


def _points(score: float) -> str:
    return plain(100 * score)


def _shares(inside: Sequence[Row], rows: Sequence[Row], column: str = "text_share") -> str:
    """The shares of a set: a range where it has no hole, else a list."""
    mine = [number(row[column]) for row in inside]
    if is_range(mine, [number(row[column]) for row in rows]):
        return percentages([round(share, 3) for share in mine])
    return each(mine)


def _tested(found: Sequence[Family]) -> str:
    """How the claims came out: all of them, then those of the primary family."""
    total = counts(found)
    if not total:
        return "No claims were written down for this study."
    said = f"Of {_claims(sum(total.values()))}: {_counted(total)}."
    primary = counts([family for family in found if family.name == _PRIMARY])
    if primary and primary != total:
        said += f" Of the {sum(primary.values())} primary ones: {_counted(primary)}."
    return said


def _claims(number_of: int) -> str:
    return f"{number_of} claim{'s' if number_of != 1 else ''}"


def _counted(total: Mapping[str, int]) -> str:
    return listed([f"{count} {verdict}" for verdict, count in total.items()])


def _decided(found: Sequence[Family]) -> tuple[Verdict, ...]:
    """The claims that are supported or contradicted, the primary family's first."""
    ordered = sorted(found, key=lambda family: family.name != _PRIMARY)
    return tuple(claim for f in ordered for claim in f.claims if claim.verdict in _DECIDED)


def _choice(weight: float, price: float, rows: Sequence[Row]) -> Choice:
    inside, best = _kept(rows)
    fitted = number(best["crossfitted"])
    return Choice(
        weight=f"{100 * weight:g}{PERCENT}",
        price=f"{price:g}",
        best=each([number(best["text_share"])]),
        shares=_shares(inside, rows),
        lm_tokens=_shares(inside, rows, "share_of_lm_tokens"),
        supervised_tokens=_shares(inside, rows, "share_of_supervised_tokens"),
        score=_points(fitted) if math.isfinite(fitted) else plain(math.nan),
        covers=best["covers"],
    )
