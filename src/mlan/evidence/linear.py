"""A benchmark's own metric as a sum over clusters, so that everything made of it stays linear.

Model: a metric is a function f of sums S = sum_g s_g over clusters g (`mlan.score.metrics`), a
form of ratios: f(c S) = f(S). Its influence of a cluster is psi_g = d/de f(S + e s_g) at e = 0,
and these add up to 0. What a cluster adds is then y_g = psi_g + f(S) w_g, w_g its share of the
items: the y_g add up to the number itself, and the deviations y_g - f(S) w_g are those of a mean.
For accuracy y_g is sum_{i in g} x_i / n exactly. Not here: what is made of the sums (`samples`).

References: Binder, On the Variances of Asymptotically Normal Estimators from Complex Surveys
(1983); the infinitesimal jackknife of Jaeckel (1972).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mlan.evidence.samples import Array
from mlan.score.metrics import METRICS
from mlan.score.metrics.metric import Metric
from mlan.score.rules import RULES

OFFICIAL = "official"
# Step of the difference quotient relative to the cluster's own sums: its square, the relative
# error, is about that of rounding divided by it.
_STEP = 1e-5


def headline(rule: str | None, parser: str) -> Metric:
    """Return the metric of a benchmark's block.

    Answers read by the benchmark's own rule have that rule's first metric that is a fraction (so
    that benchmarks can be averaged), all others accuracy.
    """
    if rule is not None and parser == OFFICIAL:
        for name in RULES[rule].metrics:
            if METRICS[name].percent:
                return METRICS[name]
    return METRICS["accuracy"]


def linearised(value: Callable[[Array], Array], sums_GK: Array, weights_G: Array) -> Array:
    """Return y (G), what each cluster adds to the metric `value` of sums (G, k) by cluster.

    `weights_G`, the shares of items, sum to 1. All NaN where the metric is undefined.
    """
    total_K = sums_GK.sum(axis=0)
    number = float(value(total_K))
    ahead_G, behind_G = value(total_K + _STEP * sums_GK), value(total_K - _STEP * sums_GK)
    influence_G = (ahead_G - behind_G) / (2 * _STEP)
    # They add up to 0 but for the error of the quotient.
    influence_G = influence_G - influence_G.sum() * weights_G
    return np.asarray(influence_G + number * weights_G)
