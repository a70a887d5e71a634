"""Which of a run's weights are on disk, and why others are not.

A run's `weights` folder belongs to stage `tune` and keeps its record and losses for good, so that
nothing runs again because weights were dropped. What stage `prune` dropped stands in the `kept`
folder beside it. Not here: what is dropped when (`mlan.evaluate.prune`).
"""

from __future__ import annotations

import json
from pathlib import Path

from mlan.errors import DataError
from mlan.records import checked, read_record

KEPT, DROPPED = "kept", "dropped.json"
ADAPTER, LANGUAGE, PROJECTOR_FILE = (
    "adapter.safetensors",
    "language_model.safetensors",
    "projector.safetensors",
)


def dropped(weights: Path) -> dict[str, str]:
    """Return the missing files of a weights folder that were dropped, and by which `keep`."""
    try:
        told = json.loads((weights.parent / KEPT / DROPPED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: keep for name, keep in told.items() if not (weights / name).exists()}


def check_weights(weights: Path) -> None:
    """Compare all files of a weights folder with its record.

    Raises DataError if one was dropped, with the command that trains the run again;
    IntegrityError if one is missing otherwise or differs.
    """
    outputs = read_record(weights)["outputs"]
    for name, keep in sorted(dropped(weights).items()):
        if name in outputs:
            study, _, cell, seed, _ = weights.parts[-5:]
            command = f"make cell STUDY={study} CELL={cell} SEED={seed.removeprefix('seed')}"
            raise DataError(
                f"{weights / name}: dropped by `keep: {keep}`; `{command}` trains this run again"
            )
    for name in outputs:
        checked(weights / name)
