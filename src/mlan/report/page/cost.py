"""What the study cost: jobs and time by stage, tokens trained on.

Seconds are of the machine that ran each job and differ from call to call; tokens do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from mlan.report.page.numbers import duration
from mlan.report.page.trace import Trace
from mlan.report.summary import Summary


@dataclass(frozen=True)
class StageCost:
    """One stage: how many jobs have told their time, all of it, and that of the median job.

    `seconds` and `median_seconds` are the same as numbers.
    """

    stage: str
    jobs: int
    total: str
    usual: str
    seconds: float
    median_seconds: float


@dataclass(frozen=True)
class Cost:
    """All stages, the dearest first, and two sums in words."""

    stages: tuple[StageCost, ...]
    total: str
    tokens: str


def cost(trace: Trace, summary: Summary) -> Cost:
    """Return what is known of the cost."""
    seconds: dict[str, list[float]] = {}
    for step in (*trace.steps, *trace.last):
        if step.seconds is not None:
            seconds.setdefault(step.stage, []).append(step.seconds)
    stages = [_stage(stage, found) for stage, found in seconds.items()]
    stages.sort(key=lambda stage: (-stage.seconds, stage.stage))
    return Cost(
        stages=tuple(stages),
        total=duration(sum(stage.seconds for stage in stages)),
        tokens=_tokens(summary),
    )


def _stage(stage: str, seconds: list[float]) -> StageCost:
    total, usual = sum(seconds), median(seconds)
    return StageCost(stage, len(seconds), duration(total), duration(usual), total, usual)


def _tokens(summary: Summary) -> str:
    rows = summary.tokens[summary.tokens["source"] == "total"]
    read = rows["text_tokens"].sum() + rows["image_tokens"].sum()
    return (
        f"{len(rows)} training runs read {int(read):,} tokens, "
        f"{int(rows['supervised_tokens'].sum()):,} of them supervised"
    )
