"""Reports of benchmarks with free answers and without a tag: nothing is drawn that is not known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure

from mlan.report.controls import draw_real_vs_blind
from mlan.report.curve import chance_levels
from mlan.report.summary import AVERAGES, MEASURES, Key, Summary
from mlan.report.sweep import draw_benchmarks, draw_format, draw_sweep, draw_tags
from mlan.report.tables import ABSENT, scores_table
from mlan.report.tokens import draw_score_vs_tokens

FREE = "object"
WITHOUT = {FREE, AVERAGES["vision"]}
Rows = dict[tuple[str, Key], list[dict[str, Any]]]


@pytest.fixture
def free(summary_of: Callable[..., Summary]) -> Summary:
    """A summary in which one vision benchmark has free answers, and no benchmark has a tag."""
    summary = summary_of()

    def changed(rows: Any) -> Rows:
        return {
            (name, key): [{**r, "chance": math.nan} for r in own] if name in WITHOUT else own
            for (name, key), own in rows.items()
            if not (name in WITHOUT and key.scorer == "label_logit")
            and not name.startswith("taught by")
        }

    return dataclasses.replace(
        summary,
        benchmarks=tuple(dataclasses.replace(b, taught_by=None) for b in summary.benchmarks),
        score_rows=changed(summary.score_rows),
        interval_rows=changed(summary.interval_rows),
    )


def _titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_figures_leave_out_what_free_answers_do_not_have(free: Summary) -> None:
    figure, points = draw_benchmarks(free)
    own = [p for p in points if p.panel == FREE]
    assert {p.series for p in own} == {"strict"}
    assert chance_levels(own) == []
    assert not any("taught by" in title for title in _titles(figure))
    figure, points = draw_sweep(free)
    assert {(p.panel, p.series) for p in points} == {
        ("text average", "strict"),
        ("text average", "option"),
        ("vision average", "strict"),
    }
    assert draw_tags(free)[1] == []
    _, points = draw_format(free)
    assert {p.series for p in points if p.panel == "vision average"} == {"strict", "lenient"}
    figure, points = draw_real_vs_blind(free)
    assert {p.panel for p in points} == {"vision average: strict"}
    assert "no score" in _titles(figure)[1]
    assert draw_score_vs_tokens(free)[1]


def test_table_of_scores_has_no_likelihood_of_free_answers(free: Summary) -> None:
    rows = {row[:2]: row[3:] for row in scores_table(free).rows}
    assert (FREE, "generation, strict") in rows
    assert (FREE, "option likelihood") not in rows
    assert all(ABSENT not in row for row in rows.values())
    assert free.scores(FREE, MEASURES["option"]) == []
