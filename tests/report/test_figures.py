"""Figures hold the summary's numbers, leave gaps open, and put every cell where it belongs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlan.report.cliff import draw_cliff
from mlan.report.controls import draw_real_vs_blind
from mlan.report.cost import draw_cost
from mlan.report.curve import Look, apart, beside, draw_panel, segments, top_pct
from mlan.report.legend import legend
from mlan.report.points import Point, counts_text
from mlan.report.style import SERIES, house_style
from mlan.report.summary import MEASURES, Key, Summary
from mlan.report.sweep import draw_benchmarks, draw_format, draw_sweep, draw_tags
from mlan.report.tokens import draw_composition, draw_score_vs_tokens

Build = Callable[..., Summary]
HOLES = frozenset({(0.25, 1), (0.25, 2), (0.75, 0), (0.75, 1), (0.75, 2)})


# Of two series in a panel the first stands left of the shares and the second right of them.
ASIDE = {"strict": -1, "option": 1, "real": -1, "blank": 1}


def mean_lines(axes: Axes, series: str) -> list[list[float]]:
    """The shares that every drawn mean line of a series joins."""
    return [
        [float(x) - ASIDE[series] for x in line.get_xdata()]
        for line in axes.lines
        if to_hex(line.get_color()) == SERIES[series].colour.lower()
        and line.get_linewidth() > 1
        and len(line.get_xdata()) > 1
    ]


def mean_marks(axes: Axes, series: str) -> dict[float, Line2D]:
    """The marks of a series by the share beside which they stand."""
    look = SERIES[series]
    return {
        float(line.get_xdata()[0]) - ASIDE[series]: line
        for line in axes.lines
        if line.get_marker() == look.marker
    }


def bars(axes: Axes) -> list[tuple[float, float, float, float]]:
    """Place, low and high end and width of every upright bar."""
    found = [c for c in axes.collections if isinstance(c, LineCollection)]
    return [
        (*(float(v) for v in (ends[0][0], ends[0][1], ends[1][1])), float(c.get_linewidths()[0]))
        for c in found
        for ends in c.get_segments()
    ]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_sweep_points_are_the_scores_of_the_summary(summary_of: Build) -> None:
    summary = summary_of()
    _, points = draw_sweep(summary)
    runs = {
        int(row["seed"]): 100 * row["value"]
        for row in summary.scores("vision average", MEASURES["strict"])
        if row["cell"] == "share-25"
    }
    own = [p for p in points if p.panel == "vision average" and p.series == "strict"]
    own = [p for p in own if p.cell == "share-25"]
    drawn = {int(p.seed): p.accuracy_pct for p in own if p.seed != "mean"}
    mean = next(p for p in own if p.seed == "mean")
    assert drawn == runs
    assert len(runs) == 3
    assert mean.accuracy_pct == pytest.approx(sum(runs.values()) / 3, abs=1e-3)
    assert (mean.items, mean.seeds, mean.chance_pct) == (480, 3, 25)


def test_sweep_complete_grid_joins_all_shares(summary_of: Build) -> None:
    with house_style():
        figure, _ = draw_sweep(summary_of())
    shares = [0, 10, 25, 50, 75, 100]
    assert mean_lines(figure.axes[0], "strict") == [shares]
    assert mean_lines(figure.axes[0], "option") == [shares]


def test_sweep_other_cells_stand_right_of_the_curve(summary_of: Build) -> None:
    with house_style():
        figure, _ = draw_sweep(summary_of())
    axes = figure.axes[0]
    assert len([share for share in mean_marks(axes, "strict") if share > 107]) == 2
    assert {"packed-rows", "lr-3e-4"} <= set(texts(axes))


def test_sweep_partial_grid_leaves_a_gap(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_sweep(summary_of(missing=HOLES, others=()))
    axes = figure.axes[1]
    assert mean_lines(axes, "strict") == [[0, 10]]
    assert "not run:\nseed 0, 1, 2" in texts(axes)
    assert "not run:\nseed 1, 2" in texts(axes)
    hole = next(p for p in points if p.cell == "share-75")
    assert math.isnan(hole.accuracy_pct)
    assert not [p for p in points if p.cell == "share-75" and p.seed != "mean"]


def test_sweep_seed_lines_break_where_the_run_is_missing(summary_of: Build) -> None:
    with house_style():
        figure, _ = draw_sweep(summary_of(missing=HOLES, others=()))
    thin = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    heights = [[math.isnan(y) for y in line.get_ydata()] for line in thin]
    seed_0, seed_1 = [False] * 4 + [True, False], [False, False, True, False, True, False]
    assert heights == [seed_0, seed_1, seed_1] * 2


def test_sweep_incomplete_cell_has_an_open_marker(summary_of: Build) -> None:
    with house_style():
        figure, _ = draw_sweep(summary_of(missing=HOLES, others=()))
    marks = mean_marks(figure.axes[0], "strict")
    faces = {share: line.get_markerfacecolor() for share, line in marks.items()}
    full = dict.fromkeys((0, 10, 50, 100), SERIES["strict"].colour)
    assert faces == {25: "white", **full}


def test_sweep_one_seed_draws_no_seed_line_and_says_so(summary_of: Build) -> None:
    with house_style():
        figure, _ = draw_sweep(summary_of(seeds=(0,)))
    assert not [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert figure.axes[0].get_title(loc="left").endswith("1 seed")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "95 % interval of a cell: items only (one seed)" in labels
    assert "one seed" not in labels


def test_sweep_bars_are_the_intervals_of_a_cell_and_of_all_shares(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_sweep(summary_of(banded=True))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "95 % interval of a cell: seeds and items" in labels
    assert "95 % interval, all shares at once" in labels
    drawn = sorted(bars(figure.axes[1]))
    own = [p for p in points if (p.panel, p.series) == ("vision average", "strict")]
    (mean,) = [p for p in own if p.cell == "share-25" and p.seed == "mean"]
    (_, *band, thin), (_, *interval, thick) = [bar for bar in drawn if bar[0] == 24]
    assert band == pytest.approx([mean.band_low_pct, mean.band_high_pct])
    assert interval == pytest.approx([mean.low_pct, mean.high_pct])
    assert thick > thin


def test_sweep_bars_are_cut_where_accuracies_end_and_have_no_cap_there() -> None:
    far = replace(point(50, 96), low_pct=80, high_pct=112, band_low_pct=40, band_high_pct=130)
    axes = Figure().subplots()
    draw_panel(axes, [far], Look(100))
    assert {(low, high) for _, low, high, _ in bars(axes)} == {(80, 100), (40, 100)}
    (caps,) = [line for line in axes.lines if line.get_marker() == "_"]
    assert list(caps.get_ydata()) == [40]
    figure = Figure()
    legend(figure, [far], "95 %")
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "(intervals cut at 0 and 100)" in said


def test_sweep_words_of_a_hole_lie_under_the_bars_of_its_neighbour() -> None:
    near = replace(point(100, 60), low_pct=10, high_pct=90, band_low_pct=5, band_high_pct=95)
    axes = Figure().subplots()
    draw_panel(axes, [replace(point(95, math.nan), not_run="0"), near], Look(100))
    (words,) = [text for text in axes.texts if "not run" in text.get_text()]
    drawn = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert len(drawn) == 2
    assert all(bar.get_zorder() > words.get_zorder() for bar in drawn)


@pytest.mark.parametrize("draw", [draw_cost, draw_score_vs_tokens, draw_cliff])
def test_bars_beside_the_curve_are_cut_where_accuracies_end(
    told: Build, draw: Callable[[Summary], tuple[Figure, list[object]]]
) -> None:
    summary = told()
    wide = {
        name: [{**row, "low": -0.5, "high": 1.4, "standard_error": 0.9} for row in rows]
        for name, rows in summary.interval_rows.items()
    }
    runs = {
        name: [{**row, "standard_error": 0.9} for row in rows]
        for name, rows in summary.score_rows.items()
    }
    with house_style():
        figure, _ = draw(replace(summary, interval_rows=wide, score_rows=runs))
    ends = {(low, high) for axes in figure.axes for _, low, high, _ in bars(axes)}
    assert ends == {(0, 100)}


def test_benchmarks_of_a_study_that_has_none_are_a_placeholder(summary_of: Build) -> None:
    figure, points = draw_benchmarks(replace(summary_of(), benchmarks=()))
    assert points == []
    assert "not drawn" in figure.texts[0].get_text()


def test_series_with_equal_scores_stand_side_by_side() -> None:
    both = [point(50, 40), replace(point(50, 40), series="option")]
    axes = Figure().subplots()
    draw_panel(axes, both, Look(100))
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert [float(line.get_xdata()[0]) for line in marks] == [49, 51]
    assert beside([both[0]]) == {"strict": 0}


def test_sweep_without_baseline_draws_none(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_sweep(summary_of(untuned=False))
    assert not [p for p in points if p.place == "untuned"]
    assert not [text for text in texts(figure.axes[0]) if text.startswith("untuned")]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "untuned baseline" not in labels


def test_sweep_released_model_is_a_named_level_and_no_cell_of_the_curve(summary_of: Build) -> None:
    summary = summary_of(released=True)
    with house_style():
        figure, points = draw_sweep(summary)
    [level, *_] = [p for p in points if p.place == "released" and p.seed == "mean"]
    heights = {float(line.get_ydata()[0]) for line in figure.axes[0].lines}
    assert level.accuracy_pct in heights
    named = [text for text in texts(figure.axes[0]) if text.startswith("llava-1.5 ")]
    assert f"llava-1.5 {level.series} {level.accuracy_pct:.0f}" in named
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "released model" in labels
    assert "released_llava-1.5" not in {cell.name for cell in summary.tuned}


def test_tags_one_panel_for_every_group(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_tags(summary_of(shares=(0.0, 1.0), seeds=(0,)))
    groups = ["pictures", "text", "either", "nobody"]
    assert list(dict.fromkeys(p.panel for p in points)) == [f"taught by: {g}" for g in groups]
    assert len(figure.axes) == 4


def test_benchmarks_marks_what_is_not_in_the_averages(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_benchmarks(summary_of(shares=(0.0, 1.0), seeds=(0,)))
    titles = [axes.get_title(loc="left").splitlines()[0] for axes in figure.axes]
    assert len(titles) == 13
    assert [title for title in titles if "†" in title] == ["define †", "position †"]
    assert {p.panel for p in points} == {title.split(" ")[0] for title in titles}
    # The colour alone cannot tell cells apart.
    assert [title for title in titles if "‡" in title] == ["colour ‡"]


def test_format_invalid_rate_is_the_mean_over_runs(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 1.0))
    _, points = draw_format(summary)
    rates = {
        (p.series, p.place): p.accuracy_pct
        for p in points
        if p.panel == "text average: invalid answers" and p.seed == "mean"
    }
    assert rates["strict", "untuned"] == pytest.approx(90)
    assert rates["strict", "curve"] == pytest.approx(4)
    assert rates["lenient", "curve"] == pytest.approx(2)


def test_real_vs_blind_draws_dev_items_in_both_conditions(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 1.0), others=())
    _, points = draw_real_vs_blind(summary)
    for condition in ("real", "blank"):
        row = summary.interval(
            "vision average", Key("label_logit", "argmax", "dev", condition), "share-100"
        )
        assert row is not None
        drawn = [
            p.accuracy_pct
            for p in points
            if (p.panel, p.series, p.cell, p.seed)
            == ("vision average: option", condition, "share-100", "mean")
        ]
        assert drawn == [100 * row["value"]]


def test_real_vs_blind_without_blank_condition_says_so(summary_of: Build) -> None:
    figure, points = draw_real_vs_blind(summary_of(blank=False, shares=(0.0,), seeds=(0,)))
    assert points == []
    assert "not drawn: no vision item" in figure.texts[0].get_text()


def test_real_vs_blind_of_one_seed_has_no_hole_for_the_others(summary_of: Build) -> None:
    summary = summary_of(missing=HOLES, others=(), dev_seeds=(0,))
    with house_style():
        figure, points = draw_real_vs_blind(summary)
    means = [p for p in points if p.seed == "mean" and p.place == "curve"]
    # Share 75 has no run at all; share 25 lacks only seeds that are not asked here.
    assert {(p.cell, p.not_run) for p in means if p.not_run} == {("share-75", "0")}
    assert {p.covers for p in means if p.known} == {"items only (one seed)"}
    assert {p.seeds for p in means if p.known} == {1}
    assert {p.seed for p in points} == {"0", "mean"}
    for axes in figure.axes:
        assert [t for t in texts(axes) if "not run" in t] == ["not run:\nseed 0"]
        assert mean_lines(axes, "real") == mean_lines(axes, "blank") == [[0, 10, 25, 50]]
        assert axes.get_title("left").endswith("1 seed")
    with house_style():
        _, sweep = draw_sweep(summary)
    assert {p.not_run for p in sweep if p.cell == "share-25" and p.seed == "mean"} == {"1, 2"}


def test_real_vs_blind_without_its_seed_shows_the_untuned_model_alone(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_real_vs_blind(summary_of(seeds=(1, 2), dev_seeds=(0,)))
    assert {p.cell for p in points} == {"untuned"}
    assert not [t for axes in figure.axes for t in texts(axes) if "not run" in t]
    figure.draw_without_rendering()


def test_score_vs_tokens_counts_image_tokens_and_reaches_one_normal_interval(
    summary_of: Build,
) -> None:
    summary = summary_of(shares=(0.0, 0.5), seeds=(1,), others=())
    _, points = draw_score_vs_tokens(summary)
    own = [p for p in points if (p.panel, p.series) == ("text average", "option")]
    # 240 text examples of 34 tokens, 240 vision ones of 24 + 9; 1 token a source and seed.
    assert {p.cell: p.lm_tokens for p in own}["share-50"] == 240 * 34 + 240 * 33 + 4
    row = next(
        r for r in summary.scores("text average", MEASURES["option"]) if r["cell"] == "share-50"
    )
    point = next(p for p in own if p.cell == "share-50")
    reach = 100 * NormalDist().inv_cdf(0.975) * row["standard_error"]
    assert point.high_pct - point.accuracy_pct == pytest.approx(reach)
    assert point.accuracy_pct - point.low_pct == pytest.approx(reach)


def test_composition_bars_add_up_to_the_measured_tokens(summary_of: Build) -> None:
    with house_style():
        figure, budgets = draw_composition(summary_of(shares=(0.0, 0.25), seeds=(0, 2), others=()))
    budget = budgets[1]
    # Seeds 0 and 2 add 0 and 2 tokens to each of the two sources of a modality: 2 on average.
    assert budget.text_of_text_tokens == 120 * 34 + 2
    assert budget.text_of_vision_tokens == 360 * 24 + 2
    assert budget.image_tokens == 360 * 9
    assert (budget.supervised_text_tokens, budget.supervised_vision_tokens) == (1080, 1080)
    assert (budget.padding_tokens, budget.steps, budget.runs) == (960, 30, 2)
    ends = [bar.get_x() + bar.get_width() for bar in figure.axes[0].patches]
    assert max(ends) * 1000 == pytest.approx(budget.lm_tokens + budget.padding_tokens)


def test_composition_cell_without_runs_keeps_its_row(summary_of: Build) -> None:
    with house_style():
        figure, budgets = draw_composition(summary_of(missing=HOLES, others=()))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["0 %", "10 %", "25 %", "50 %", "75 %", "100 %"]
    assert [budget.cell for budget in budgets if budget.cell == "share-75"] == []
    assert texts(figure.axes[0]) == ["  not run: seed 1, 2", "  not run: seed 0, 1, 2"]


def point(share: float, value: float, not_run: str = "") -> Point:
    place = ("panel", "strict", f"share-{share}", "curve", share, "mean")
    return Point(*place, value, value - 5, value + 5, 25, 480, 212, 3, "seeds and items", not_run)


def test_segments_cut_at_holes_and_single_out_incomplete_shares() -> None:
    curve = [
        point(0, 40),
        point(10, 50),
        point(25, 60, "2"),
        point(50, 70),
        point(75, math.nan, "0, 1, 2"),
        point(100, 80),
    ]
    shares = [[p.text_share_pct for p in segment] for segment in segments(curve)]
    assert shares == [[0, 10], [25], [50], [100]]


def test_counts_text_gives_ranges_where_cells_differ() -> None:
    points = [point(0, 40), Point(**{**vars(point(50, 50)), "seeds": 1})]
    assert counts_text(points) == "n = 480 items, 212 clusters, 1–3 seeds"


def test_top_pct_holds_bounds_and_stops_at_100() -> None:
    assert top_pct([point(0, 40)]) == 50
    assert top_pct([point(0, 52)]) == 70
    assert top_pct([point(0, 99)]) == 100


@given(st.lists(st.floats(0, 100), max_size=8), st.floats(0.1, 10))
def test_apart_keeps_order_gap_and_limit(places: list[float], gap: float) -> None:
    moved = apart(sorted(places), gap, 100)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(moved))
    assert all(place <= 100 + 1e-9 for place in moved)


@given(st.lists(st.floats(0, 100), max_size=8, unique=True))
def test_apart_moves_nothing_that_has_room(places: list[float]) -> None:
    assert apart(sorted(places), 0.0, 100) == sorted(places)
