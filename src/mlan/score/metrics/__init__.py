"""The numbers that items' outcomes are summed up in, by name.

`metric` says what a metric is and what its error is; `accuracy`, `yes_no` and `together` hold them,
each with estimand, formula, exclusions and source. Everything here is about one model as it is;
what a new seed would change is the business of `mlan.evidence.intervals`.
"""

from __future__ import annotations

from mlan.score.metrics.accuracy import (
    ACCURACY,
    CHANCE_CORRECTED,
    EXACT_MATCH,
    MACRO_ACCURACY,
    TOKEN_F1,
    accuracy,
    chance,
    clustered_standard_error,
    invalid_rate,
)
from mlan.score.metrics.metric import Estimate, Metric, estimate
from mlan.score.metrics.together import ACCURACY_PLUS, CIRCULAR, COGNITION, PERCEPTION
from mlan.score.metrics.yes_no import (
    BALANCED_ACCURACY,
    F1_YES,
    F1_YES_MEAN,
    GOLD_YES_RATE,
    PRECISION_YES,
    RECALL_YES,
    YES_RATE,
    auroc,
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *(ACCURACY, MACRO_ACCURACY, CHANCE_CORRECTED, EXACT_MATCH, TOKEN_F1),
        *(F1_YES, F1_YES_MEAN, PRECISION_YES, RECALL_YES, YES_RATE, GOLD_YES_RATE),
        *(BALANCED_ACCURACY, ACCURACY_PLUS, PERCEPTION, COGNITION, CIRCULAR),
    )
}

__all__ = [
    "METRICS",
    "Estimate",
    "Metric",
    "accuracy",
    "auroc",
    "chance",
    "clustered_standard_error",
    "estimate",
    "invalid_rate",
]
