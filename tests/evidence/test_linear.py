"""Linearised metrics: the number itself, its error against other ways to compute it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.evidence.intervals import interval_of_sums
from mlan.evidence.linear import headline, linearised
from mlan.score.metrics import METRICS
from mlan.score.metrics.metric import cluster_sums, jackknife


def answers(seed: int, pictures: int = 300) -> pd.DataFrame:
    """Yes-no items, three a picture, one of each split; the picture makes them easy or hard."""
    rng = np.random.default_rng(seed)
    n = 3 * pictures
    right = rng.random(n) < np.repeat(rng.beta(4, 2, pictures), 3)
    gold = rng.choice(["yes", "no"], n)
    other = np.where(gold == "yes", "no", "yes")
    return pd.DataFrame(
        {
            "item": [f"{i:05d}" for i in range(n)],
            "cluster": np.repeat([f"{i:05d}" for i in range(pictures)], 3),
            "category": np.tile(["adversarial", "popular", "random"], pictures),
            "pair": np.repeat([f"{i}" for i in range(pictures)], 3),
            "gold": gold,
            "read": np.where(right, gold, other),
            "correct": right.astype(float),
            "invalid": False,
            "chance": 0.5,
        }
    )


def sums_of(name: str, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Sums (G, k) of a metric and shares of items (G)."""
    sums_GK = cluster_sums(METRICS[name].components(frame), frame["cluster"])
    return sums_GK, frame.groupby("cluster").size().to_numpy() / len(frame)


def test_headline_is_the_first_fraction_of_the_rule() -> None:
    assert headline("pope", "official").name == "f1_yes_mean"
    assert headline("mmbench", "official").name == "circular_accuracy"
    # Points of MME are no fraction and cannot be averaged with one.
    assert headline("mme", "official").name == "accuracy"
    assert headline("pope", "strict").name == "accuracy"
    assert headline(None, "official").name == "accuracy"


def test_accuracy_is_the_right_answers_of_a_cluster() -> None:
    frame = answers(1, 40)
    sums_GK, weights_G = sums_of("accuracy", frame)
    found = linearised(METRICS["accuracy"].value, sums_GK, weights_G)
    expected = frame.groupby("cluster")["correct"].sum().to_numpy() / len(frame)
    assert found == pytest.approx(expected, abs=1e-10)


def test_f1_has_the_influence_of_a_ratio_by_hand() -> None:
    # f = 2a / (2a + b + c): psi_g = (2 a_g - f (2 a_g + b_g + c_g)) / (2a + b + c).
    sums_GK, weights_G = sums_of("f1_yes", answers(2, 50))
    a, b, c = sums_GK.sum(axis=0)
    f1 = 2 * a / (2 * a + b + c)
    psi_G = (2 * sums_GK[:, 0] - f1 * (sums_GK @ [2, 1, 1])) / (2 * a + b + c)
    found = linearised(METRICS["f1_yes"].value, sums_GK, weights_G)
    assert found == pytest.approx(psi_G + f1 * weights_G, abs=1e-9)


@pytest.mark.parametrize(
    "name", ["f1_yes_mean", "f1_yes", "precision_yes", "balanced_accuracy", "circular_accuracy"]
)
def test_standard_error_agrees_with_leaving_clusters_out(name: str) -> None:
    sums_GK, weights_G = sums_of(name, answers(3))
    y_G = linearised(METRICS[name].value, sums_GK, weights_G)
    found = interval_of_sums(y_G[None, :], weights_G, 900)
    assert found.value == pytest.approx(float(METRICS[name].value(sums_GK.sum(axis=0))))
    assert found.standard_error == pytest.approx(jackknife(METRICS[name].value, sums_GK), rel=0.01)


def test_interval_of_f1_covers_the_truth() -> None:
    # The truth is the number of very many pictures; two runs differ in luck only.
    sums_GK, _ = sums_of("f1_yes_mean", answers(4, 40_000))
    truth = float(METRICS["f1_yes_mean"].value(sums_GK.sum(axis=0)))
    hits = 0
    for seed in range(200):
        own_GK, weights_G = sums_of("f1_yes_mean", answers(100 + seed, 120))
        y_G = linearised(METRICS["f1_yes_mean"].value, own_GK, weights_G)
        found = interval_of_sums(y_G[None, :], weights_G, 360)
        hits += found.low <= truth <= found.high
    # A Monte-Carlo error is .015.
    assert 0.91 <= hits / 200 <= 0.99


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(sorted(METRICS)))
def test_what_clusters_add_is_the_number(seed: int, name: str) -> None:
    frame = answers(seed, 12)
    sums_GK, weights_G = sums_of(name, frame)
    number = float(METRICS[name].value(sums_GK.sum(axis=0)))
    found = linearised(METRICS[name].value, sums_GK, weights_G)
    if math.isnan(number):
        assert np.isnan(found).all()
    else:
        assert found.sum() == pytest.approx(number, abs=1e-9)
