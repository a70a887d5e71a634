"""The official numbers of each run on each benchmark that has a rule, as further rows of scores.

Answers read by the official parser give the rule's metrics and accuracy, likelihoods of yes and no
the area under the curve. The metric of the block (`linear.headline`) is not repeated here, unless
it is undefined: then its row says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from typing import Any

import pandas as pd

from mlan.evidence.blocks import ACCURACY, Run
from mlan.evidence.linear import OFFICIAL, headline
from mlan.evidence.outcomes import KEYS, Name, Reader
from mlan.score.metrics import METRICS, Estimate, auroc, estimate
from mlan.score.rules import RULES


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
    reader = Reader(without, told=True)
    for run in runs if ruled else []:
        outcomes = reader.read(run.scores, run.label)
        for name in sorted(name for name in outcomes.layout if name[0] in ruled):
            frame = outcomes.frame(name)
            for metric, found in _estimates(ruled[name[0]], name, frame):
                guess = frame["chance"].mean(skipna=False) if metric == ACCURACY else math.nan
                yield {
                    "cell": run.cell.name,
                    "seed": run.seed,
                    **dict(zip(KEYS, name, strict=True)),
                    "modality": benchmarks[name[0]]["modality"],
                    "metric": metric,
                    "value": found.value,
                    "standard_error": found.standard_error,
                    "n": found.n,
                    "invalid_rate": frame["invalid"].mean(),
                    "chance": guess,
                }


def _estimates(rule: str, name: Name, frame: pd.DataFrame) -> Iterator[tuple[str, Estimate]]:
    scorer, parser = name[-2:]
    if parser == OFFICIAL:
        own = headline(rule, parser).name
        for metric in dict.fromkeys((*RULES[rule].metrics, ACCURACY)):
            found = estimate(METRICS[metric], frame)
            # The block's own is there already, unless it is undefined.
            if metric != own or math.isnan(found.value):
                yield metric, found
    elif scorer == "label_logit" and frame["yes_score"].notna().all():
        yield "auroc", auroc(frame["yes_score"], frame["gold"] == "yes", frame["cluster"])
