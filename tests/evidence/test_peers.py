"""Our statistics against other people's code, on the cases that both know."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from mlan.evidence.intervals import interval, mean_interval
from mlan.evidence.multiple import holm, tost, wilson
from mlan.evidence.samples import Sample, combine, from_sums
from mlan.score.metrics import accuracy

RNG = np.random.default_rng(20)
X = RNG.normal(0.6, 0.3, 90)
Y = X + RNG.normal(0.02, 0.2, 90)


def sample(x: np.ndarray) -> Sample:
    """One seed, every item a cluster."""
    names = [f"{i:03d}" for i in range(x.size)]
    return from_sums([0], x[None, :], np.ones(x.size), names, ("b", x.size))


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_independent_items_have_the_t_interval_of_scipy(confidence: float) -> None:
    found = interval(sample(X), confidence)
    expected = stats.ttest_1samp(X, 0).confidence_interval(confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-10)


def test_a_difference_is_the_paired_t_test_of_scipy() -> None:
    found = interval(combine([(1.0, sample(Y)), (-1.0, sample(X))]))
    two_sided = stats.ttest_rel(Y, X)
    above, below = (stats.ttest_rel(Y, X, alternative=side).pvalue for side in ("greater", "less"))
    assert found.df == pytest.approx(two_sided.df)
    assert found.p_different() == pytest.approx(two_sided.pvalue, rel=1e-8)
    assert found.p_above(0) == pytest.approx(above, rel=1e-8)
    assert found.p_below(0) == pytest.approx(below, rel=1e-8)


def test_seeds_alone_have_the_t_interval_of_scipy() -> None:
    # All items move together: what is left is the mean of four seeds.
    move = np.array([0.1, 0.4, 0.2, 0.35])
    seed, cluster = np.indices((4, 30))
    found = mean_interval(seed.ravel(), cluster.ravel(), np.ones(120), np.repeat(move, 30))
    expected = stats.ttest_1samp(move, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-10)


def test_clustered_error_is_that_of_statsmodels() -> None:
    # statsmodels multiplies by G/(G-1) (n-1)/(n-k); with a constant alone k = 1, which leaves the
    # G/(G-1) that we have.
    cluster = RNG.integers(0, 25, 90)
    fit = sm.OLS(X, np.ones(90)).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    assert accuracy(X, cluster).standard_error == pytest.approx(fit.bse[0], rel=1e-10)
    found = mean_interval(np.zeros(90), cluster, np.ones(90), X)
    assert found.standard_error == pytest.approx(fit.bse[0], rel=1e-10)
    t = sm.OLS(X, np.ones(90)).fit(cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True)
    assert (found.low, found.high) == pytest.approx(t.conf_int()[0], rel=1e-10)


def test_clustered_error_has_the_sum_over_pairs_of_miller() -> None:
    # Miller (2024): SE^2 = SE_iid^2 + sum over pairs within a cluster / n^2; SE_iid^2 there has the
    # n - 1 of a sample variance, and there is no G/(G-1).
    cluster = np.repeat(np.arange(30), 3)
    x = X - X.mean()
    pairs = sum(x[cluster == g].sum() ** 2 - (x[cluster == g] ** 2).sum() for g in range(30))
    miller = x.var(ddof=1) / 90 + pairs / 90**2
    found = accuracy(X, cluster).standard_error
    same_iid = miller - x.var(ddof=1) / 90 + x.var() / 90
    assert found**2 == pytest.approx(30 / 29 * same_iid, rel=1e-10)


def test_a_paired_difference_saves_twice_the_covariance() -> None:
    # Miller (2024): Var(A - B) = Var(A) + Var(B) - 2 Cov(A, B), of means over the same items.
    one, two = interval(sample(X)), interval(sample(Y))
    both = interval(combine([(1.0, sample(Y)), (-1.0, sample(X))]))
    covariance = np.cov(X, Y)[0, 1] / 90
    saved = one.standard_error**2 + two.standard_error**2 - 2 * covariance
    assert both.standard_error**2 == pytest.approx(saved, rel=1e-10)


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1])
def test_equivalence_is_the_two_one_sided_tests_of_statsmodels(margin: float) -> None:
    found = interval(combine([(1.0, sample(Y)), (-1.0, sample(X))]))
    expected = ttost_paired(Y, X, -margin, margin)[0]
    assert tost(found, margin) == pytest.approx(expected, rel=1e-8)


def test_holm_is_that_of_statsmodels() -> None:
    for size in (1, 2, 5, 16):
        p = RNG.random(size) ** 3
        assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 20), (1, 20), (13, 20), (20, 20), (450, 3000)])
def test_wilson_is_that_of_statsmodels(successes: int, n: int) -> None:
    for confidence in (0.9, 0.95):
        expected = proportion_confint(successes, n, 1 - confidence, method="wilson")
        assert wilson(successes, n, confidence) == pytest.approx(expected, abs=1e-12)
