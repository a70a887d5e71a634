"""Every share that was tried as a row: what it scores, how far from the best, in which tokens.

Model: utilities and bounds are those of the answer's own weight (`answer`), averages those of
intervals.csv under the study's own measure and under the other one. Not here: any estimate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mlan.report.page.evidence import Evidence, Row, is_true, number
from mlan.report.page.facts import Facts
from mlan.report.page.measured import other_scorer, words
from mlan.report.page.numbers import each, plain, points
from mlan.report.summary import AVERAGES, Key, Summary
from mlan.report.tables import ABSENT, score_text

_BEST = "highest"


def header(key: Key) -> tuple[str, ...]:
    """Return the names of the columns."""
    other = other_scorer(key)
    beside = f"with {words(other.scorer, other.parser)}"
    return (
        *(
            "text share of examples",
            "of LM tokens",
            "of supervised tokens",
            "text",
            "vision",
            "both",
        ),
        *("both, less the best other", "may be the best"),
        *(f"text {beside}", f"vision {beside}", "may then be the best"),
    )


def tried(
    rows: Sequence[Row], evidence: Evidence, summary: Summary, facts: Facts
) -> list[tuple[str, ...]]:
    """Return a row for every share of the answer, then one for the model before tuning."""
    own, other = facts.primary, other_scorer(facts.primary)
    beside = {
        row["cell"]: row
        for row in evidence.recommend_otherwise
        if (row["scorer"], row["parser"]) == (other.scorer, other.parser)
    }
    shares = [_row(row, beside.get(row["cell"], {}), summary, own, other) for row in rows]
    before = [cell.name for cell in summary.cells if cell.place == "untuned"]
    untuned = [
        (
            *("before tuning", ABSENT, ABSENT, *_averages(summary, own, cell)),
            *(ABSENT, ABSENT, ABSENT, *_averages(summary, other, cell), ABSENT),
        )
        for cell in before
    ]
    return [*shares, *untuned] if shares else []


def note(rows: Sequence[Row], key: Key, confidence: str) -> str:
    """What the columns are, and what the best cell scores on items that did not choose it."""
    said = (
        f"Averages in per cent with {words(key.scorer, key.parser)}, but where a column says "
        f"otherwise; ±: half of the {confidence} interval. Both: their mean; its distance to the "
        "best other share is in points, with simultaneous bounds."
    )
    fitted = next((number(row["crossfitted"]) for row in rows if is_true(row["is_best"])), math.nan)
    if math.isnan(fitted):
        return said
    return f"{said} On items that did not choose it the highest scores {plain(100 * fitted)}."


def _row(
    row: Row, beside: Mapping[str, str], summary: Summary, own: Key, other: Key
) -> tuple[str, ...]:
    tokens = ("text_share", "share_of_lm_tokens", "share_of_supervised_tokens")
    return (
        *(each([number(row[name])]) for name in tokens),
        *_averages(summary, own, row["cell"]),
        plain(100 * number(row["utility"])),
        f"{points(number(row['low']))} to {points(number(row['high']))}",
        _stands(row),
        *_averages(summary, other, row["cell"]),
        _stands(beside),
    )


def _averages(summary: Summary, key: Key, cell: str) -> list[str]:
    found = (summary.interval(group, key, cell) for group in AVERAGES.values())
    return [score_text(row, summary.confidence) for row in found]


def _stands(row: Mapping[str, str]) -> str:
    if not row:
        return ABSENT
    return _BEST if is_true(row["is_best"]) else "yes" if is_true(row["in_set"]) else "no"
