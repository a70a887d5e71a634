"""Figures beside the curve: averages, answers, losses, items gained and lost, cost, the paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Patch

from mlan.report.answers import MEAN, draw_answers
from mlan.report.averages import draw_averages
from mlan.report.cost import compute_table, draw_cost
from mlan.report.forgetting import draw_forgetting
from mlan.report.loss import draw_loss, loss_points
from mlan.report.published import draw_beside
from mlan.report.style import house_style, luma
from mlan.report.summary import MEASURES, Summary

Build = Callable[..., Summary]
FEW = ("capital-text", "define", "object")


def test_averages_points_are_the_runs_of_the_summary(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 0.5, 1.0))
    with house_style():
        _, points = draw_averages(summary)
    own = [p for p in points if (p.scorer, p.cell) == ("strict", "share-50") and p.seed != "mean"]
    for name, group in (("text_pct", "text average"), ("vision_pct", "vision average")):
        rows = summary.scores(group, MEASURES["strict"])
        values = {str(r["seed"]): 100 * r["value"] for r in rows if r["cell"] == "share-50"}
        assert {p.seed: getattr(p, name) for p in own} == values
    (mean,) = [p for p in points if (p.scorer, p.cell, p.seed) == ("strict", "share-50", "mean")]
    assert mean.text_pct == pytest.approx(sum(p.text_pct for p in own) / 3)
    assert mean.runs == 3


def test_averages_line_follows_the_shares_and_a_far_model_is_told_in_words(
    summary_of: Build,
) -> None:
    with house_style():
        figure, points = draw_averages(summary_of())
    axes = figure.axes[0]
    means = [p for p in points if (p.scorer, p.place, p.seed) == ("strict", "curve", "mean")]
    line = next(line for line in axes.lines if len(line.get_xdata()) > 1)
    assert list(line.get_xdata()) == [p.text_pct for p in means]
    (untuned,) = [p for p in points if (p.scorer, p.cell, p.seed) == ("strict", "untuned", "mean")]
    numbers = f"text {untuned.text_pct:.0f}, vision {untuned.vision_pct:.0f}"
    assert axes.get_title(loc="left").endswith(f"not in the panel: untuned ({numbers})")
    assert axes.get_xlim()[0] > 30


def test_averages_legend_lists_every_share_and_no_two_look_alike(summary_of: Build) -> None:
    shares = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
    with house_style():
        figure, _ = draw_averages(summary_of(shares=shares, others=()))
    handles = figure.legends[0].legend_handles
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:6] == [f"{100 * share:g} % text" for share in shares]
    greys = [luma(to_hex(mark.get_markerfacecolor())) for mark in handles[:6]]
    assert all(one - other > 0.1 for one, other in pairwise(greys))


def test_averages_run_without_one_of_the_averages_is_left_out(summary_of: Build) -> None:
    figure, points = draw_averages(summary_of(benchmarks=("capital-text",), shares=(0.0,)))
    assert points == []
    assert "no run has both averages" in figure.texts[0].get_text()


def test_answers_means_are_over_the_benchmarks_of_the_average(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_answers(summary_of(benchmarks=FEW, shares=(0.0, 1.0), others=()))
    words = {
        (p.benchmark, p.cell): p.value
        for p in points
        if (p.quantity, p.modality) == ("words", "text")
    }
    # `define` is no headline benchmark; `capital-text` is the first of the three.
    assert words[MEAN, "share-100"] == words["capital-text", "share-100"] == pytest.approx(3.5)
    assert words["define", "share-100"] == pytest.approx(3.6)
    yes = [p for p in points if p.quantity == "yes"]
    assert {p.modality for p in yes} == {"vision"}
    assert {(p.cell, round(p.value, 6), p.gold) for p in yes if p.benchmark == MEAN} == {
        ("untuned", 30.0, 50.0),
        ("share-0", 30.0, 50.0),
        ("share-100", 70.0, 50.0),
    }
    assert [t.get_text() for t in figure.axes[6].texts] == ["no such item"]


def test_answers_names_the_benchmarks_that_end_away_from_the_mean(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 1.0), others=())
    answers = summary.table("answers")
    odd = (answers["benchmark"] == "define") & (answers["cell"] == "share-100")
    # It is not in the mean, which stays near the others.
    told = answers.assign(words=(answers["words"] + 3).where(odd, answers["words"]))
    with house_style():
        figure, _ = draw_answers(replace(summary, further={**summary.further, "answers": told}))
    named = [[t for t in axes.texts if "↑" not in t.get_text()] for axes in figure.axes]
    invalid, cut, words = (named[row] for row in (0, 2, 4))  # of text; rows of two panels
    assert [t.get_text() for t in words] == ["define"]
    assert words[0].xy == (100.0, pytest.approx(3.5 + 0.1 * 4 + 3))
    assert invalid == cut == []  # all alike there: none stands out


def test_answers_without_their_table_show_the_invalid_rate_alone(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_answers(summary_of(others=(), further=False))
    assert {p.quantity for p in points} == {"invalid"}
    assert {round(p.value, 9) for p in points if p.place == "curve"} == {4}
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "no data: cut off at the limit (%), words an answer, answers `yes` (%)" in labels


def test_loss_panel_a_source_and_line_a_share_that_uses_it(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 0.5, 1.0), seeds=(0, 1))
    with house_style():
        figure, _ = draw_loss(summary)
    titles = [axes.get_title(loc="left").split("\n")[0] for axes in figure.axes]
    assert titles == ["text-a (text)", "text-b (text)", "vision-a (vision)", "vision-b (vision)"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2, 2, 2]
    assert loss_points(replace(summary, further={})) == []


def test_loss_joins_stretches_until_they_hold_enough_examples(summary_of: Build) -> None:
    """Examples of 9 supervised tokens: 8 of them are 72 tokens of both seeds together."""
    summary = summary_of(shares=(0.5,), seeds=(0, 1), others=())
    steps = [  # first step, seed, loss, tokens
        *((0, 0, 4.0, 60), (0, 1, 2.0, 30)),  # 90: a point of its own
        *((5, 0, 3.0, 20), (10, 1, 1.0, 60)),  # 20, then 80 together
        (15, 0, 9.0, 10),  # too few, and nothing follows: joined on
    ]
    losses = pd.DataFrame(
        {"cell": "share-50", "source": "text-a", "modality": "text", "seed": seed,
         "first_step": first, "last_step": first + 4, "loss": loss, "tokens": tokens}
        for first, seed, loss, tokens in steps
    )  # fmt: skip
    first, second = loss_points(replace(summary, further={"losses": losses}))
    assert (first.first_step, first.last_step, first.tokens, first.examples) == (0, 4, 90, 10)
    assert first.loss == pytest.approx((4 * 60 + 2 * 30) / 90)
    assert (first.low, first.high, first.seeds) == (2, 4, 2)
    assert (second.first_step, second.last_step, second.tokens) == (5, 19, 90)
    assert second.loss == pytest.approx((3 * 20 + 60 + 9 * 10) / 90)
    assert (second.low, second.high) == pytest.approx((1, (3 * 20 + 9 * 10) / 30))


def test_loss_of_a_source_that_was_not_counted_joins_nothing(summary_of: Build) -> None:
    summary = summary_of(shares=(0.5,), seeds=(0,), others=())
    losses = summary.table("losses").assign(source="another")
    points = loss_points(replace(summary, further={"losses": losses}))
    assert len({p.first_step for p in points}) == losses["first_step"].nunique()
    assert all(math.isnan(p.examples) for p in points)


def test_forgetting_bars_are_the_items_gained_and_lost(summary_of: Build) -> None:
    with house_style():
        figure, found = draw_forgetting(summary_of(benchmarks=FEW, shares=(0.0, 1.0), others=()))
    assert {c.benchmark for c in found} == {"capital-text", "define", "text average"}
    assert {(c.gained_pct, c.lost_pct, c.net_pct) for c in found} == {(12.5, 5.0, 7.5)}
    heights = {bar.get_height() for bar in figure.axes[0].patches}
    assert heights == {12.5, -5.0}
    named = {
        handle.get_label(): (to_hex(handle.get_facecolor()), handle.get_alpha())
        for handle in figure.legends[0].legend_handles
        if isinstance(handle, Patch)
    }
    bars = figure.axes[0].patches
    drawn = {(to_hex(bar.get_facecolor()), bar.get_alpha() or 1.0) for bar in bars}
    assert set(named.values()) == drawn
    assert len(named) == len(drawn) == 4


def test_cost_is_the_mean_of_a_cells_runs_in_their_own_unit(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_cost(summary_of(shares=(0.0, 1.0), others=()))
    costs = {p.cell: (p.cost_tflop, p.cost_hours) for p in points if p.panel == "text average"}
    # 8 - 4 x share TFLOP; 60 x (2 - share) + seed seconds.
    assert costs == {
        "share-0": pytest.approx((8, 121 / 3600)),
        "share-100": pytest.approx((4, 61 / 3600)),
    }
    assert figure.axes[0].get_xlabel() == "TFLOP of training"
    assert figure.axes[2].get_xlabel() == "minutes of training, the whole machine (CPU)"


def test_cost_front_begins_at_the_cheapest_and_ends_at_the_best(summary_of: Build) -> None:
    with house_style():
        figure, points = draw_cost(summary_of(others=()))
    own = [p for p in points if p.panel == "vision average"]
    line = next(line for line in figure.axes[1].lines if len(line.get_xdata()) > 1)
    assert line.get_xdata()[0] == min(p.cost_tflop for p in own)
    assert line.get_ydata()[-1] == max(p.accuracy_pct for p in own)


def test_cost_of_a_run_on_several_gpus_counts_each(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 1.0), seeds=(0,), others=())
    gpus = summary.compute.assign(processes=4, peak_gpu_gb=30.0)
    with house_style():
        figure, points = draw_cost(replace(summary, compute=gpus))
    hours = {p.cell: p.cost_hours for p in points}
    assert hours["share-0"] == pytest.approx(4 * 120 / 3600)
    assert figure.axes[2].get_xlabel().endswith("all GPUs of a run added up")


def test_compute_table_means_and_sums_of_the_whole_grid(summary_of: Build) -> None:
    table = compute_table(summary_of(shares=(0.0, 1.0), seeds=(0, 1), others=(), untuned=False))
    rows = {row[:2]: row[2:] for row in table.rows}
    assert rows["0 %", "tune"] == ("2", "120.5", "0.067", "266", "8.0", "16.0", "2.84", "–")
    assert rows["0 %", "mix"][0] == "2"
    assert rows["0 %", "mix"][4:6] == ("–", "–")
    # Stage 1 once, whatever the number of cells and seeds that stand on it.
    shared = rows["shared by 2 cells", "align"]
    assert shared == ("1", "130.0", "0.036", "385", "20.0", "20.0", "2.37", "–")
    assert "Stage 1 base: shared by 0 %, 100 %." in table.note
    seconds = 130 + 2 * (2 + 1) * (0.2 + 60 + 50 + 0.3) + 2 * 4
    flop = 20 + 2 * (8 + 4)
    whole = rows["whole grid", "all"]
    assert (whole[0], whole[5]) == ("17", f"{flop:.1f}")
    assert float(whole[2]) == pytest.approx(seconds / 3600, abs=6e-4)
    assert {whole[n] for n in (1, 3, 4, 6, 7)} == {"–"}
    assert list(rows)[-1] == ("whole grid", "all")


def test_compute_table_says_what_did_not_count_its_operations(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0,), seeds=(0, 1), others=(), untuned=False)
    assert "Not counted" not in compute_table(summary).note
    compute = summary.compute.copy()
    compute.loc[compute["stage"] == "align", "tflop"] = math.nan
    table = compute_table(replace(summary, compute=compute))
    assert "Not counted: 1 of 3 jobs." in table.note
    assert table.rows[-1][7] == "16.0"


def test_compute_table_adds_up_the_hours_of_several_gpus(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0,), seeds=(0,), others=(), untuned=False)
    one = compute_table(summary)
    four = compute_table(replace(summary, compute=summary.compute.assign(processes=4.0)))
    hours = [float(table.rows[-1][4]) for table in (one, four)]
    assert hours[1] == pytest.approx(4 * hours[0], abs=3e-3)


def test_cost_of_stage_1_is_told_and_in_no_point(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0, 1.0), seeds=(0,), others=())
    with house_style():
        figure, points = draw_cost(summary)
        without = draw_cost(
            replace(summary, compute=summary.compute[summary.compute["stage"] != "align"])
        )[1]
    for one, other in zip(points, without, strict=True):
        assert (one.cost_tflop, one.cost_hours) == (other.cost_tflop, other.cost_hours)
    assert {(p.stage1_tflop, p.stage1_hours, p.stage1_cells) for p in points} == {
        (20.0, 130 / 3600, 2)
    }
    assert all(math.isnan(p.stage1_tflop) and p.stage1_cells == 0 for p in without)
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "plus stage 1, shared by 2 cells: 20 TFLOP, 2.17 minutes" in told


def test_cost_without_compute_says_so(summary_of: Build) -> None:
    summary = summary_of(shares=(0.0,), seeds=(0,), further=False)
    assert "compute.csv" in draw_cost(summary)[0].texts[0].get_text()
    assert compute_table(summary).rows == ()


def test_published_points_have_axes_of_their_own_and_open_markers(summary_of: Build) -> None:
    told = pd.DataFrame(
        {
            "share": [0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
            "column": ["text average"] * 2 + ["vision average"] * 2 + ["gqa"] * 2,
            "value": [0.662, 0.744, 0.538, 0.495, 0.44, 0.338],
            "source": "Table 5",
            "kind": "",
        }
    )
    with house_style():
        figure, points = draw_beside(summary_of(others=()), told)
    _, _, text, vision = figure.axes
    (line,) = text.lines
    assert list(line.get_ydata()) == pytest.approx([66.2, 74.4])
    assert to_hex(line.get_markerfacecolor()) == "#ffffff"
    assert [t.get_text() for t in vision.texts] == ["gqa"]
    # Its single benchmarks do not look like single seeds above.
    (single,) = [line for line in vision.lines if line.get_marker() == "None"]
    seeds = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert single.get_linestyle() not in {line.get_linestyle() for line in seeds}
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[-1] == "one of its benchmarks"
    published = [p for p in points if p.place == "published"]
    assert len(published) == 6
    assert all(math.isnan(p.low_pct) for p in published)
