"""What every job of a model took: seconds, tokens, operations, memory, from its run.json.

Model: a row a run and stage, and a row a stage 1, which is computed once and shared by the cells
that stand on it (`shared_by`): each job has one row, so that sums over rows are what the grid took.
None of it is deterministic: it differs from machine to machine and from call to call, so it is
part of no record. Not here: what a study will take before it runs (`mlan.cost`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlan.evidence.blocks import Run
from mlan.records import read_run

STAGES = ("mixture", "weights", "predictions", "scores")
STAGE_1 = "align"
COLUMNS = [
    *("cell", "seed", "stage", "seconds", "tokens", "tokens_per_s", "tflop", "processes"),
    *("cores", "peak_mb", "peak_gpu_gb", "stack", "shared_by"),
]
_COPIED = ("seconds", "tokens", "tokens_per_s", "processes", "cores", "peak_mb", "peak_gpu_gb")
_OPERATIONS = ("language_model_tflop", "tower_tflop")


@dataclass(frozen=True)
class Stack:
    """A finished stage 1: its name and folder, cells and seeds of the runs that stand on it."""

    name: str
    folder: Path
    cells: tuple[str, ...]
    seeds: tuple[int, ...]


def finished_stacks(
    inputs: Mapping[str, Path], planned: Mapping[str, Mapping[str, Any]]
) -> list[Stack]:
    """Return the stage 1s among a job's inputs, `align:<stack>`, in the order of the plan."""
    return [
        Stack(name, inputs[f"{STAGE_1}:{name}"], tuple(told["cells"]), tuple(told["seeds"]))
        for name, told in planned.items()
        if f"{STAGE_1}:{name}" in inputs
    ]


def compute_rows(runs: Sequence[Run], stacks: Sequence[Stack] = ()) -> Iterator[dict[str, Any]]:
    """Yield a row a stage 1, then one a run and stage (`COLUMNS`); what was not counted is absent.

    `tflop` are 10^12 operations of the language model and a transformer tower together, as
    `mlan.flops` counts them; `processes` have one GPU each where `peak_gpu_gb` is told, memory of
    one of them; `peak_mb` is of the main memory. A stage 1 has no `cell`, and a `seed` only where
    runs of one seed share it.
    """
    for stack in stacks:
        facts = read_run(stack.folder)
        if facts:
            yield {
                **_took(facts, STAGE_1),
                "seed": stack.seeds[0] if len(stack.seeds) == 1 else None,
                "stack": stack.name,
                "shared_by": ";".join(stack.cells),
            }
    for run in runs:
        for folder in STAGES:
            facts = read_run(run.scores.parent / folder)
            if facts:
                yield {**_took(facts, folder), "cell": run.cell.name, "seed": run.seed}


def _took(facts: Mapping[str, Any], stage: str) -> dict[str, Any]:
    counted = [facts[name] for name in _OPERATIONS if name in facts]
    return {
        **dict.fromkeys(COLUMNS),
        "stage": facts.get("stage", stage),
        "tflop": sum(counted) if counted else None,
        **{name: facts.get(name) for name in _COPIED},
    }
