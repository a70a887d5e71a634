"""Every metric against numbers worked out by hand, its error against a loop over clusters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from mlan.errors import DataError
from mlan.score.metrics import METRICS, accuracy, auroc, estimate

NAN = math.nan


def answers(*rows: tuple[str, str], **more: Any) -> pd.DataFrame:
    """Items of gold and what was read ('' is invalid), each a cluster of its own."""
    frame = pd.DataFrame(rows, columns=["gold", "read"])
    right = (frame["gold"] == frame["read"]).astype(float)
    ids = [f"i{n:02}" for n in range(len(rows))]
    made = frame.assign(item=ids, cluster=ids, category="", pair="", chance=0.5, correct=right)
    return made.assign(invalid=frame["read"] == "").assign(**more)


# 2 yes found, 1 yes denied, 1 yes not answered; 1 false alarm, 2 no found, 1 no not answered.
YES_NO = answers(
    *(("yes", "yes"), ("yes", "yes"), ("yes", "no"), ("yes", "")),
    *(("no", "yes"), ("no", "no"), ("no", "no"), ("no", "")),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 4 / 8),
        ("f1_yes", 2 * 2 / (2 * 2 + 1 + 2)),
        ("precision_yes", 2 / 3),
        ("recall_yes", 2 / 4),
        ("yes_rate", 3 / 6),
        ("gold_yes_rate", 4 / 8),
        ("balanced_accuracy", (2 / 4 + 2 / 4) / 2),
        ("chance_corrected", 0.0),
        ("exact_match", 4 / 8),
    ],
)
def test_yes_no_numbers_by_hand(name: str, value: float) -> None:
    found = estimate(METRICS[name], YES_NO)
    assert found.value == pytest.approx(value)
    assert (found.n, found.clusters) == (8, 8)


def test_f1_of_yes_where_nobody_says_yes() -> None:
    silent = answers(("yes", "no"), ("no", "no"), ("no", ""))
    assert estimate(METRICS["f1_yes"], silent).value == 0
    assert math.isnan(estimate(METRICS["precision_yes"], silent).value)
    none = answers(("no", "no"), ("no", ""))
    for name in ("f1_yes", "recall_yes", "balanced_accuracy"):
        assert math.isnan(estimate(METRICS[name], none).value)


def test_f1_mean_weighs_splits_alike() -> None:
    splits = YES_NO.assign(category=["random"] * 2 + ["popular"] * 6)
    # random: both found, F1 1; popular: no yes found, one false alarm, F1 0.
    assert estimate(METRICS["f1_yes_mean"], splits).value == pytest.approx(0.5)
    assert estimate(METRICS["f1_yes"], splits).value == pytest.approx(4 / 7)


def test_macro_accuracy_weighs_subjects_alike() -> None:
    rows = answers(("A", "A"), ("A", "A"), ("A", "A"), ("B", "A"), category=["law"] * 3 + ["art"])
    assert estimate(METRICS["accuracy"], rows).value == 0.75
    assert estimate(METRICS["macro_accuracy"], rows).value == 0.5


def test_chance_correction_by_hand() -> None:
    rows = answers(("A", "A"), ("A", "A"), ("A", "B"), ("B", "B"), chance=[0.25, 0.25, 0.5, 0.2])
    # Accuracy .75, chance (.25 + .25 + .5 + .2) / 4 = .3.
    assert estimate(METRICS["chance_corrected"], rows).value == pytest.approx(0.45 / 0.7)
    free = rows.assign(chance=[0.25, 0.25, 0.5, NAN])
    assert math.isnan(estimate(METRICS["chance_corrected"], free).value)


def test_partial_credit_is_averaged_and_full_credit_counted() -> None:
    rows = answers(("", "red"), ("", "blue"), ("", ""), correct=[1.0, 0.6, 0.0])
    assert estimate(METRICS["accuracy"], rows).value == pytest.approx(1.6 / 3)
    assert estimate(METRICS["exact_match"], rows).value == pytest.approx(1 / 3)


def test_pairs_count_if_every_item_is_right() -> None:
    rows = answers(
        *(("yes", "yes"), ("no", "no"), ("yes", "yes"), ("no", "yes"), ("yes", "no"), ("no", "no")),
        pair=["1", "1", "2", "2", "1", "1"],
        category=["count"] * 4 + ["color"] * 2,
    )
    # The picture called 1 stands in two categories, and is two pictures.
    for name in ("accuracy_plus", "circular_accuracy"):
        assert estimate(METRICS[name], rows).value == pytest.approx(1 / 3)
    alone = rows.assign(pair=["1", "1", "2", "2", "1", ""])
    assert math.isnan(estimate(METRICS["accuracy_plus"], alone).value)


def test_partly_right_rotations_are_wrong() -> None:
    rows = answers(("A", "A"), ("B", "B"), ("A", ""), correct=[1.0, 0.9, 0.0], pair=["1", "1", "2"])
    assert estimate(METRICS["circular_accuracy"], rows).value == 0


def mme(tasks: list[str], right: list[tuple[bool, bool]]) -> pd.DataFrame:
    """Pictures of two questions in every subtask, right or not."""
    said = {True: "yes", False: "no"}
    rows = [("yes", said[one]) for _ in tasks for pair in right for one in pair]
    pairs = [f"{p}" for _ in tasks for p in range(len(right)) for _ in range(2)]
    names = [task for task in tasks for _ in range(2 * len(right))]
    return answers(*rows, pair=pairs, category=names)


PERCEPTION = [
    *("existence", "count", "position", "color", "posters"),
    *("celebrity", "scene", "landmark", "artwork", "OCR"),
]
COGNITION = [
    *("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"),
]


def test_mme_points_by_hand() -> None:
    tasks = [*PERCEPTION, *COGNITION]
    perfect = mme(tasks, [(True, True)] * 2)
    assert estimate(METRICS["perception"], perfect).value == pytest.approx(2000)
    assert estimate(METRICS["cognition"], perfect).value == pytest.approx(800)
    # Three of four questions, one of two pictures: 75 + 50 points a subtask.
    some = mme(tasks, [(True, True), (True, False)])
    assert estimate(METRICS["perception"], some).value == pytest.approx(10 * 125)
    assert estimate(METRICS["cognition"], some).value == pytest.approx(4 * 125)


def test_mme_points_need_every_subtask() -> None:
    found = estimate(METRICS["perception"], mme(PERCEPTION[1:], [(True, True)] * 2))
    assert math.isnan(found.value)


def test_error_of_mme_points_is_that_of_leaving_out_each_picture() -> None:
    rng = np.random.default_rng(0)
    frame = mme(PERCEPTION, [(True, True)] * 3)
    frame = frame.assign(read=np.where(rng.random(len(frame)) < 0.6, "yes", "no"))
    frame = frame.assign(
        correct=(frame["read"] == "yes").astype(float), cluster=frame["category"] + frame["pair"]
    )
    without = [
        estimate(METRICS["perception"], frame[frame["cluster"] != name]).value
        for name in frame["cluster"].unique()
    ]
    found = estimate(METRICS["perception"], frame)
    assert found.clusters == 30
    assert found.standard_error == pytest.approx(math.sqrt(29 * np.var(without)))


def test_accuracy_has_one_error_however_it_is_asked_for() -> None:
    rows = YES_NO.assign(cluster=[*"aabbbccd"])
    assert estimate(METRICS["accuracy"], rows) == accuracy(rows["correct"], rows["cluster"])


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["yes", "no"]),
        st.sampled_from(["yes", "no", ""]),
        st.sampled_from("abcde"),
        st.sampled_from(["count", "color"]),
    ),
    min_size=1,
    max_size=30,
)


# The closed form has tests of its own; points need all of their subtasks.
LEFT_OUT = [m.name for m in METRICS.values() if m.error is None and m.percent]


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(LEFT_OUT))
def test_error_is_that_of_leaving_out_each_cluster(
    rows: list[tuple[str, str, str, str]], name: str
) -> None:
    metric = METRICS[name]
    frame = answers(*[(gold, read) for gold, read, _, _ in rows])
    # Groups that are judged together are sampled together, and each category in every cluster.
    clusters = [cluster for _, _, cluster, _ in rows]
    frame = frame.assign(cluster=clusters, pair=clusters, category=[row[3] for row in rows])
    found = estimate(metric, frame)
    names = sorted(set(clusters))
    whole = set(frame["category"])
    without = []
    for left_out in names:
        rest = frame[frame["cluster"] != left_out]
        lost = rest.empty or (metric.whole and set(rest["category"]) != whole)
        without.append(NAN if lost else estimate(metric, rest).value)
    if len(names) < 2 or not np.isfinite(without).all():
        assert math.isnan(found.standard_error)
        return
    expected = math.sqrt((len(names) - 1) * np.var(without))
    assert found.standard_error == pytest.approx(expected, abs=1e-9)


def test_jackknife_of_a_mean_of_single_items_is_the_usual_error() -> None:
    outcome = np.array([1.0, 0, 0, 1, 1, 1, 0])
    rows = answers(*[("A", "A" if right else "B") for right in outcome])
    found = estimate(METRICS["exact_match"], rows)
    assert found.standard_error == pytest.approx(outcome.std(ddof=1) / math.sqrt(7))


def test_every_metric_refuses_no_items() -> None:
    for metric in METRICS.values():
        with pytest.raises(DataError, match=f"{metric.name}: there is no item"):
            estimate(metric, YES_NO.iloc[:0])


SCORED = st.lists(
    st.tuples(st.integers(-3, 3), st.booleans(), st.sampled_from("abcd")), min_size=1, max_size=30
)


def area(scores: np.ndarray[Any, Any], yes: np.ndarray[Any, Any]) -> float:
    if yes.all() or not yes.any():
        return NAN
    u = mannwhitneyu(scores[yes], scores[~yes], method="asymptotic").statistic
    return float(u / (yes.sum() * (~yes).sum()))


@settings(max_examples=60, deadline=None)
@given(SCORED)
def test_auroc_and_its_error_against_mann_whitney(rows: list[tuple[int, bool, str]]) -> None:
    scores, yes, cluster = map(np.array, zip(*rows, strict=True))
    found = auroc(scores, yes, cluster)
    assert found.value == pytest.approx(area(scores, yes), nan_ok=True)
    names = np.unique(cluster)
    without = [area(scores[cluster != g], yes[cluster != g]) for g in names]
    if len(names) < 2 or not np.isfinite(without).all():
        assert math.isnan(found.standard_error)
        return
    expected = math.sqrt((len(names) - 1) * np.var(without))
    assert found.standard_error == pytest.approx(expected, abs=1e-9)


def test_auroc_by_hand() -> None:
    # Pairs yes > no: .9 beats .1 and .5; .5 ties with .5 and beats .1: 3.5 of 4.
    found = auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False], [*"abcd"])
    assert found.value == pytest.approx(3.5 / 4)
    with pytest.raises(DataError, match="auroc: there is no item"):
        auroc([], [], [])
