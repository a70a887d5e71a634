"""What every run took: seconds, tokens, operations, memory, from the run.json beside its data.

None of it is deterministic: it differs from machine to machine and from call to call, so it is
part of no record. Not here: what a study will take before it runs (`mlan.cost`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlan.evidence.blocks import Run
from mlan.records import read_run

STAGES = ("mixture", "weights", "predictions", "scores")
COLUMNS = [
    *("cell", "seed", "stage", "seconds", "tokens", "tokens_per_s", "tflop", "processes"),
    *("cores", "peak_mb", "peak_gpu_gb"),
]
_COPIED = ("seconds", "tokens", "tokens_per_s", "processes", "cores", "peak_mb", "peak_gpu_gb")
_OPERATIONS = ("language_model_tflop", "tower_tflop")


def compute_rows(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Yield a row a run and stage (`COLUMNS`); what was not counted is absent.

    `tflop` are 10^12 operations of the language model and a transformer tower together, as
    `mlan.flops` counts them; `processes` have one GPU each where `peak_gpu_gb` is told, memory of
    one of them; `peak_mb` is of the main memory.
    """
    for run in runs:
        for folder in STAGES:
            facts = read_run(run.scores.parent / folder)
            if facts:
                counted = [facts[name] for name in _OPERATIONS if name in facts]
                yield {
                    "cell": run.cell.name,
                    "seed": run.seed,
                    "stage": facts.get("stage", folder),
                    "tflop": sum(counted) if counted else None,
                    **{name: facts.get(name) for name in _COPIED},
                }
