"""The official numbers of each run on each benchmark that has a rule, as further rows of scores.

Answers read by the official parser give the rule's metrics, its likelihoods of yes and no the area
under the curve. Accuracy is not repeated here: it stands in the rows of every scorer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

import pandas as pd

from mlan.evidence.blocks import Run, read_outcomes
from mlan.score.metrics import METRICS, Estimate, auroc, estimate
from mlan.score.rules import RULES

_PARTS = ["part", "condition", "scorer", "parser"]


def official_scores(
    runs: list[Run],
    benchmarks: Mapping[str, Mapping[str, Any]],
    without: Set[tuple[str, str]] = frozenset(),
) -> Iterator[dict[str, Any]]:
    """Yield a row for every run, benchmark with a `rule`, part, condition and official metric.

    `benchmarks` maps a name to its modality and, unless it is embedded, its rule; items
    (benchmark, item) of `without` are left out. Raises IntegrityError.
    """
    ruled = {name: entry["rule"] for name, entry in benchmarks.items() if "rule" in entry}
    for run in runs if ruled else []:
        outcomes = read_outcomes(run.scores, without=without)
        for name, rule in sorted(ruled.items()):
            rows = outcomes[outcomes["benchmark"] == name]
            for keys, frame in rows.groupby(_PARTS, sort=True, observed=True):
                labels = dict(zip(_PARTS, map(str, keys), strict=True))
                for metric, found in _estimates(rule, labels, frame):
                    yield {
                        "cell": run.cell.name,
                        "seed": run.seed,
                        "benchmark": name,
                        "modality": benchmarks[name]["modality"],
                        **labels,
                        "metric": metric,
                        "value": found.value,
                        "standard_error": found.standard_error,
                        "n": found.n,
                        "invalid_rate": frame["invalid"].mean(),
                    }


def _estimates(
    rule: str, labels: Mapping[str, str], frame: pd.DataFrame
) -> Iterator[tuple[str, Estimate]]:
    if labels["parser"] == "official":
        for name in RULES[rule].metrics:
            if name != "accuracy":
                yield name, estimate(METRICS[name], frame)
    elif labels["scorer"] == "label_logit" and frame["yes_score"].notna().all():
        yield "auroc", auroc(frame["yes_score"], frame["gold"] == "yes", frame["cluster"])
