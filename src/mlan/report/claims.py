"""The table of claims: what each says, its number against its margin, and the verdict.

Not here: verdicts, and how claims are drawn (`mlan.report.forest`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlan.report.evidence import POST_HOC
from mlan.report.forest import NO_CLAIMS, RATIO, ClaimRow, claim_rows
from mlan.report.summary import Summary
from mlan.report.tables import ABSENT, Table, p_text


def claims_table(summary: Summary) -> Table:
    """Every claim with what it says, its number, its margin and its verdict."""
    rows = claim_rows(summary)
    told = {row["id"]: row for row in summary.evidence.claims.to_dict("records")}
    blocks = [i for i in range(1, len(rows)) if rows[i].family != rows[i - 1].family]
    return Table(
        caption="Claims and their verdicts.",
        header=("claim", "family", "sentence", "rule", "score (unit)", "estimate", "interval",
                "level", "shown if", "adjusted p", "seeds", "clusters", "verdict"),
        rows=tuple(_table_row(row, told[row.id]) for row in rows),
        note="Level: of the interval, that of the Holm-adjusted test. Shown if: side of the margin "
        "on which the estimate must lie beyond chance; of a plateau the estimate is the largest "
        "absolute difference. Slopes are per 100 % of text share. Post hoc: stated or changed "
        "after scores existed." + _pooled_note(told) if rows else f"Empty: {NO_CLAIMS}.",
        words=5,
        blocks=tuple(blocks),
        prose=(2, 12),
    )  # fmt: skip


def _pooled_note(told: Mapping[Any, Mapping[Any, Any]]) -> str:
    """What is said where the claims file pools the variance between seeds; else nothing."""
    said = [str(row.get("seed_variance")) for row in told.values()]
    chosen = [one for one in said if one not in ("", "own", "nan", "None")]
    if not chosen:
        return ""
    pooled = sum(one.startswith("pooled") for one in chosen)
    return (
        f" Variance between seeds: pooled over the curve's cells for {pooled} of {len(chosen)} "
        "claims, their own for those whose check spoke against it or that are of no one curve."
    )


def _table_row(row: ClaimRow, told: Mapping[Any, Any]) -> tuple[str, ...]:
    places = 2 if row.rule == RATIO else 1
    value, low, high = (
        f"{v:.{places}f}" if math.isfinite(v) else ABSENT for v in (row.value, row.low, row.high)
    )
    post = f" ({POST_HOC})" if row.registered == POST_HOC else ""
    why = f": {row.why}" if row.why else ""
    p = told["p_adjusted"]
    return (
        *(row.id, row.family, row.sentence, row.rule.replace("_", "-"), _score(row)),
        value,
        f"{low} to {high}" if ABSENT not in (low, high) else ABSENT,
        f"{100 * row.level:.3g} %" if math.isfinite(row.level) else ABSENT,
        shown_if(row),
        p_text(p if isinstance(p, float) else math.nan),
        *(f"{v:.0f}" if math.isfinite(v) else ABSENT for v in (row.seeds, row.clusters)),
        f"{row.verdict}{post}{why}",
    )


def _score(row: ClaimRow) -> str:
    return (
        "LM tokens (ratio)"
        if row.rule == RATIO
        else f"{row.score} (points)"
        if row.score
        else ABSENT
    )


def shown_if(row: ClaimRow) -> str:
    """Return the side of its margin on which a claim is shown, as `> -3.0` or `-3.0 to 3.0`."""
    if not math.isfinite(row.margin):
        return ABSENT
    if row.rule == RATIO:
        return f"at most {row.margin:.2f}"
    if row.rule == "saturation":
        return f"gain > {row.margin:.1f}, then a plateau"
    if len(row.sides) == 2:
        return f"{-row.margin:.1f} to {row.margin:.1f}"
    ((sign, side),) = row.sides
    return f"{'>' if side > 0 else '<'} " + (f"{sign * row.margin:.1f}" if row.margin else "0")
