"""Which text share to take, by the weight of vision and the price of tokens.

One panel a price. A filled square is a share that cannot be told from the best at that weight, the
dot the best itself. A share has three meanings, examples, tokens and supervised tokens: the axis
names all. Numbers are those of recommend.csv. Not here: utility, the set, cross-fitting
(`mlan.evidence.recommend`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from mlan.report.points import seeds_text
from mlan.report.style import FAINT, INK, SERIES, new_figure, placeholder
from mlan.report.summary import Summary
from mlan.report.tables import ABSENT, Table

TITLE = "Recommended text share against the weight of vision"
NOTHING = "there is no recommendation: the claims stage did not write one"
COLUMNS = 3
_POINT = SERIES["strict"].colour
_SET = "#b9d7ea"


@dataclass(frozen=True)
class Advice:
    """One share at one weight and price (per million LM tokens), and what is said of it."""

    price_points: float
    weight_vision: float
    cell: str
    text_share_pct: float
    share_of_lm_tokens_pct: float
    share_of_supervised_tokens_pct: float
    utility_pct: float
    low_pct: float
    high_pct: float
    in_set: bool
    is_best: bool
    crossfitted_pct: float
    seeds: int
    covers: str


def advice(summary: Summary) -> list[Advice]:
    """Return the rows of recommend.csv, by price, weight and share."""
    rows = summary.evidence.recommend.to_dict("records")
    found = [_advice({str(k): v for k, v in row.items()}) for row in rows]
    return sorted(found, key=lambda a: (a.price_points, a.weight_vision, a.text_share_pct))


def _advice(row: Mapping[str, Any]) -> Advice:
    return Advice(
        price_points=float(row["price_points"]),
        weight_vision=float(row["weight_vision"]),
        cell=str(row["cell"]),
        text_share_pct=100 * row["text_share"],
        share_of_lm_tokens_pct=100 * row["share_of_lm_tokens"],
        share_of_supervised_tokens_pct=100 * row["share_of_supervised_tokens"],
        utility_pct=100 * row["utility"],
        low_pct=100 * row["low"],
        high_pct=100 * row["high"],
        in_set=bool(row["in_set"]),
        is_best=bool(row["is_best"]),
        crossfitted_pct=100 * row["crossfitted"],
        seeds=int(row["seeds"]),
        covers=str(row["covers"]),
    )


def draw_recommend(summary: Summary) -> tuple[Figure, list[Advice]]:
    """The set of shares not distinguishable from the best, and the best, over the weight."""
    rows = advice(summary)
    if not rows:
        return placeholder(TITLE, NOTHING), rows
    prices = sorted({row.price_points for row in rows})
    shares = list({row.text_share_pct: row for row in rows}.values())
    shares.sort(key=lambda row: row.text_share_pct)
    lines, wide = math.ceil(len(prices) / COLUMNS), min(COLUMNS, len(prices))
    figure = new_figure(1.2 + lines * (0.9 + 0.27 * len(shares)))
    figure.suptitle(TITLE)
    for position, price in enumerate(prices):
        axes = figure.add_subplot(lines, wide, position + 1)
        _draw(axes, [row for row in rows if row.price_points == price], shares)
        axes.set_title(_price(price))
        axes.set_xlabel("weight of vision")
        if position % COLUMNS:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("text share (%) of\nexamples | LM tokens | supervised tokens")
    covers = " / ".join(sorted({row.covers for row in rows}))
    handles = [
        Patch(facecolor=_SET, edgecolor=FAINT, lw=0.4, label="not distinguishable from the best"),
        Line2D([], [], color=_POINT, marker="o", ls="", label="best of these runs"),
        Line2D([], [], ls="", label=f"{seeds_text([row.seeds for row in rows])}; covers {covers}"),
        Line2D([], [], ls="", label=f"{summary.level} for each weight and price by itself"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure, rows


def _price(price: float) -> str:
    if not price:
        return "tokens cost nothing"
    return f"{price:g} point{'' if price == 1 else 's'} for a\nmillion LM tokens"


def _draw(axes: Axes, rows: Sequence[Advice], shares: Sequence[Advice]) -> None:
    places = {row.text_share_pct: place for place, row in enumerate(shares)}
    weights = sorted({row.weight_vision for row in rows})
    step = min((b - a for a, b in pairwise(weights)), default=0.1)
    for row in rows:
        if row.in_set:
            corner = (row.weight_vision - step / 2, places[row.text_share_pct] - 0.5)
            axes.add_patch(Rectangle(corner, step, 1, facecolor=_SET, edgecolor=FAINT, lw=0.4))
    best = [row for row in rows if row.is_best]
    axes.plot(
        [row.weight_vision for row in best],
        [places[row.text_share_pct] for row in best],
        color=_POINT,
        marker="o",
        ms=4,
        ls="",
    )
    labels = [
        f"{row.text_share_pct:g} | {_share(row.share_of_lm_tokens_pct)} | "
        f"{_share(row.share_of_supervised_tokens_pct)}"
        for row in shares
    ]
    axes.set_yticks(range(len(shares)), labels)
    axes.set_ylim(-0.5, len(shares) - 0.5)
    axes.set_xlim(weights[0] - step / 2, weights[-1] + step / 2)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.tick_params(axis="y", colors=INK)


def _share(percent: float) -> str:
    return f"{percent:.0f}" if math.isfinite(percent) else ABSENT


def recommend_table(summary: Summary) -> Table:
    """One row a price and weight: the best share and the set, in three meanings."""
    rows = advice(summary)
    found: list[tuple[str, ...]] = []
    blocks: list[int] = []
    for price, weight in dict.fromkeys((row.price_points, row.weight_vision) for row in rows):
        here = [row for row in rows if (row.price_points, row.weight_vision) == (price, weight)]
        best = next((row for row in here if row.is_best), None)
        if found and found[-1][0] != f"{price:g}":
            blocks.append(len(found))
        inside = [row for row in here if row.in_set]
        found.append(
            (
                *(f"{price:g}", f"{weight:g}"),
                f"{best.text_share_pct:g}" if best else ABSENT,
                ", ".join(f"{row.text_share_pct:g}" for row in inside),
                ", ".join(_share(row.share_of_lm_tokens_pct) for row in inside),
                ", ".join(_share(row.share_of_supervised_tokens_pct) for row in inside),
                _points(best.utility_pct if best else math.nan),
                _points(best.crossfitted_pct if best else math.nan),
            )
        )
    return Table(
        caption="Recommended text share in per cent by the weight of vision.",
        header=("price (points a million LM tokens)", "weight of vision", "best share",
                "set: of examples", "of LM tokens", "of supervised tokens",
                "utility of the best (%)", "cross-fitted (%)"),
        rows=tuple(found),
        note="Set: shares that cannot be told from the best at that weight, in three meanings of "
        "share. Utility: weight x vision average + (1 - weight) x text average - price x tokens. "
        "Cross-fitted: of a share that was chosen on other items than those that it is scored on."
        if rows else f"Empty: {NOTHING}.",
        words=0,
        blocks=tuple(blocks),
    )  # fmt: skip


def _points(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else ABSENT
