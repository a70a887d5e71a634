"""Claims, cliff, plateau and recommendation are drawn as the claims stage left them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE

from mlan.report.claims import claims_table
from mlan.report.cliff import draw_cliff
from mlan.report.evidence import read_evidence
from mlan.report.forest import MARGIN, draw_claims
from mlan.report.recommend import draw_recommend, recommend_table
from mlan.report.style import VERDICTS, house_style
from mlan.report.summary import MEASURES, Summary
from tests.report.made_up import NOT_RUN, claim

Told = Callable[..., Summary]
LEFT, RIGHT = CARETLEFTBASE, CARETRIGHTBASE


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_claims_every_row_says_number_and_verdict(told: Told) -> None:
    with house_style():
        figure, rows = draw_claims(told())
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == ("A text-heavy mixture is not worse on vision\nthan a vision-heavy one.")
    assert "stated_late (post hoc)" in labels  # its sentence does not fit
    said = words(axes)
    assert "1.2 (95 %: -2.0 to 4.5)  supported" in said
    assert "-8.0 (95 %: -12.0 to -3.0)  contradicted" in said
    assert "0.51x tokens  supported" in said
    assert said.count("a ratio: not on this axis") == 1
    assert said.count("not run") == 1
    assert [text for text in said if text.endswith("family")] == [
        "primary family",
        "secondary family",
    ]
    assert len(rows) == 7


def test_claims_a_family_stands_together(told: Told) -> None:
    claims = [claim("a"), claim("b", family="secondary"), claim("c")]
    with house_style():
        _, rows = draw_claims(told(claims))
    assert [row.id for row in rows] == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("changes", "places", "said"),
    [
        ({"rule": "superiority"}, {3.0: RIGHT}, "> 3.0"),
        ({"rule": "non_inferiority"}, {-3.0: RIGHT}, "> -3.0"),
        ({"rule": "equivalence"}, {-3.0: RIGHT, 3.0: LEFT}, "-3.0 to 3.0"),
        ({"rule": "plateau"}, {3.0: LEFT}, "< 3.0"),
        ({"rule": "cliff"}, {3.0: RIGHT}, "> 3.0"),
        ({"rule": "trend", "direction": "rises"}, {3.0: RIGHT}, "> 3.0"),
        ({"rule": "trend", "direction": "falls"}, {-3.0: LEFT}, "< -3.0"),
        ({"rule": "saturation"}, {3.0: RIGHT}, "gain > 3.0, then a plateau"),
        ({"rule": "interaction", "direction": "larger"}, {3.0: RIGHT}, "> 3.0"),
        ({"rule": "interaction", "direction": "equal"}, {-3.0: RIGHT, 3.0: LEFT}, "-3.0 to 3.0"),
    ],
)
def test_claims_margin_points_to_where_the_claim_is_shown(
    told: Told, changes: dict[str, str], places: dict[float, Any], said: str
) -> None:
    summary = told([claim("one", margin=0.03, **changes)])
    with house_style():
        figure, _ = draw_claims(summary)
    lines = [line for line in figure.axes[0].lines if line.get_label() == MARGIN]
    assert [float(line.get_xdata()[0]) for line in lines] == pytest.approx([*places])
    carets = [line for line in figure.axes[0].lines if line.get_marker() in (LEFT, RIGHT)]
    drawn = {round(float(line.get_xdata()[0]), 9): line.get_marker() for line in carets}
    assert drawn == places
    (row,) = claims_table(summary).rows
    assert row[8] == said


def test_claims_interval_that_leaves_the_axis_ends_in_an_arrow(told: Told) -> None:
    wide = claim("one", value=0.02, low=-0.5, high=0.05, margin=0.01)
    with house_style():
        figure, _ = draw_claims(told([wide]))
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    markers = {str(line.get_marker()): float(line.get_xdata()[0]) for line in axes.lines}
    assert markers["<"] == low
    assert low > -50
    assert high > 5
    assert ">" not in markers


def test_claims_withdrawn_and_not_run_are_grey_and_have_no_mark(told: Told) -> None:
    gone = claim("gone", **{**NOT_RUN, "verdict": "withdrawn", "rule": math.nan})
    with house_style():
        figure, _ = draw_claims(told([claim("kept"), gone]))
    axes = figure.axes[0]
    colours = [label.get_color() for label in axes.get_yticklabels()]
    assert colours[1] == VERDICTS["withdrawn"].colour != colours[0]
    heights = {float(y) for line in axes.lines[:-1] for y in line.get_ydata()}
    assert max(heights) < 2  # nothing is drawn in the second row
    assert "withdrawn" in words(axes)


def test_claims_withdrawn_has_no_unit_of_a_score_that_it_lacks(told: Told) -> None:
    gone = {"id": "gone", "family": "primary", "verdict": "withdrawn"}
    (_, row) = claims_table(told([claim("kept"), gone])).rows
    assert row[4] == "–"


@pytest.mark.parametrize(
    ("seeds", "said"), [((1, 1), "1 seed"), ((3, 3), "3 seeds"), ((10, 3), "3–10 seeds")]
)
def test_claims_seeds_are_counted(told: Told, seeds: tuple[int, ...], said: str) -> None:
    rows = [claim(f"c{place}", seeds=count) for place, count in enumerate(seeds)]
    with house_style():
        figure, _ = draw_claims(told(rows))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert f"{said}; covers seeds and items" in labels


def test_claims_table_has_sentence_interval_and_reason_for_silence(told: Told) -> None:
    table = claims_table(told())
    by_id = {row[0]: row for row in table.rows}
    assert by_id["on_par_vision"][4:10] == (
        *("vision average (points)", "1.2", "-2.0 to 4.5", "95 %", "> -3.0", ".020"),
    )
    assert by_id["half_the_tokens"][4:9] == (
        *("LM tokens (ratio)", "0.51", "–", "–", "at most 0.60"),
    )
    assert by_id["token_budget"][-1] == "not run: experiment tokens is not in this study"
    assert by_id["stated_late"][-1] == "supported (post hoc)"
    assert table.blocks == (3,)
    assert "ariance between seeds" not in table.note


def test_claims_table_says_how_many_claims_pool_the_seed_variance(told: Told) -> None:
    said = ["pooled (check p = 0.4)", "own (check p = 0.03)", ""]
    rows = [claim(name, seed_variance=one) for name, one in zip("abc", said, strict=True)]
    assert "pooled over the curve's cells for 1 of 2 claims" in claims_table(told(rows)).note


def test_cliff_line_is_the_least_squares_line_and_goes_on_from_its_last_cell(told: Told) -> None:
    summary = told()
    with house_style():
        figure, shapes = draw_cliff(summary)
    shares = [0.0, 10.0, 25.0, 50.0, 75.0, 100.0]
    means = []
    for share in shares:
        row = summary.interval("vision average", MEASURES["strict"], f"share-{share:g}")
        assert row is not None
        means.append(100 * row["value"])
    slope, start = np.polyfit(shares[1:5], means[1:5], 1)
    own = [s for s in shapes if s.claim == "cliff_at_text_only"]
    line = [s.value_pct for s in own if s.kind == "line"]
    assert line == pytest.approx([start + slope * 10, start + slope * 75])
    (expected,) = [s for s in own if s.kind == "expected"]
    assert (expected.text_share_pct, expected.value_pct) == pytest.approx(
        (100, means[4] + 25 * slope)
    )
    (said,) = [s for s in own if s.kind == "claim"]
    assert (said.value_pct, said.low_pct, said.high_pct, said.margin_pct) == pytest.approx(
        (11, 4, 18, 2)
    )
    (drop,) = [line for line in figure.axes[0].lines if line.get_marker() == "_"]
    assert min(drop.get_xdata()) > 100  # beside the edge's own interval
    assert list(drop.get_ydata()) == pytest.approx([means[4] + 25 * slope, means[5]])
    title = figure.axes[0].get_title(loc="left")
    assert title.startswith("cliff_at_text_only: supported")
    assert "(margin 2.0 points)\n" in title
    assert "drop beyond the line 11.0 (95 %: 4.0 to 18.0) points\n" in title


def test_cliff_strip_of_a_plateau_is_as_high_as_the_margin(told: Told) -> None:
    with house_style():
        figure, shapes = draw_cliff(told())
    axes = figure.axes[1]
    (strip,) = [c for c in axes.collections if len(c.get_paths()[0].vertices) > 4]
    limits = strip.get_datalim(axes.transData)
    inside = [s.value_pct for s in shapes if s.claim == "plateau_vision" and s.kind == "mean"][1:5]
    assert limits.y1 - limits.y0 == pytest.approx(4)
    assert (limits.y0 + limits.y1) / 2 == pytest.approx((min(inside) + max(inside)) / 2)
    assert (limits.x0, limits.x1) == (10, 75)


def test_cliff_that_was_not_run_says_why(told: Told) -> None:
    gone = claim("edge", **{**NOT_RUN, "rule": "cliff"})
    figure, shapes = draw_cliff(told([gone]))
    assert shapes == []
    assert "edge: not run (experiment tokens is not in this study)" in figure.texts[0].get_text()


def test_recommend_draws_the_set_and_the_best_of_every_weight(told: Told) -> None:
    with house_style():
        figure, rows = draw_recommend(told())
    free, dear = figure.axes
    assert free.get_title(loc="left") == "tokens cost nothing"
    assert dear.get_title(loc="left") == "5 points for a\nmillion LM tokens"
    inside = [row for row in rows if row.in_set and row.price_points == 0]
    assert len(free.patches) == len(inside)
    (line,) = free.lines
    assert [int(y) for y in line.get_ydata()] == [5, 4, 4, 4, 3, 2, 2, 2, 1, 0, 0]
    assert line.get_linestyle() == "None"  # between two weights nothing is known
    labels = [label.get_text() for label in free.get_yticklabels()]
    assert labels[2] == "25 | 12 | 50"  # of examples, LM tokens, learnt tokens


def test_recommend_counts_one_seed_as_one(told: Told) -> None:
    summary = told()
    one = replace(
        summary.evidence, recommend=summary.evidence.recommend.assign(seeds=1, covers="items only")
    )
    with house_style():
        figure, _ = draw_recommend(replace(summary, evidence=one))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "1 seed; covers items only" in labels


def test_recommend_table_names_the_set_in_three_meanings(told: Told) -> None:
    table = recommend_table(told())
    assert table.rows[0] == ("0", "0", "100", "75, 100", "65, 100", "87, 100", "50.0", "48.0")
    assert table.blocks == (11,)


@pytest.mark.parametrize("draw", [draw_claims, draw_cliff, draw_recommend])
def test_study_without_claims_has_placeholders(
    summary_of: Told, draw: Callable[[Summary], tuple[object, list[object]]]
) -> None:
    figure, rows = draw(summary_of(shares=(0.0,), seeds=(0,)))
    assert rows == []
    assert "not drawn" in figure.texts[0].get_text()  # type: ignore[attr-defined]
    assert read_evidence(None).claims.empty
