"""Checkpoints: everything that a step depends on, so that a killed job ends bitwise equal.

A checkpoint lies in the run's state folder, outside declared outputs, so the engine never
deletes it. It carries the key of what it belongs to (identity, code, inputs); one of another
key is ignored. Random draws need no state: each step's generator is made from its seed.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mlan.records import atomic

# At most this much work is lost to a kill; MLAN_CHECKPOINT_SECONDS overrides it.
_SECONDS = 15.0


@dataclass
class Checkpoint:
    """Saves and restores named parameters, their AdamW moments and small facts."""

    path: Path
    key: str
    _last: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether enough seconds have passed since the last one was written."""
        return time.monotonic() - self._last >= float(
            os.environ.get("MLAN_CHECKPOINT_SECONDS", _SECONDS)
        )

    def save(
        self,
        step: int,
        parameters: Mapping[str, Tensor],
        optimiser: torch.optim.Optimizer,
        facts: Mapping[str, Any],
    ) -> None:
        """Write one file atomically; the previous one stays until then."""
        tensors = {f"parameter/{n}": p.detach().contiguous() for n, p in parameters.items()}
        for name, parameter in parameters.items():
            for part, value in optimiser.state.get(parameter, {}).items():
                tensors[f"{part}/{name}"] = value.detach().contiguous()
        meta = {"key": self.key, "step": str(step), "facts": json.dumps(dict(facts))}
        with atomic(self.path) as temporary:
            save_file(tensors, temporary, metadata=meta)
        self._last = time.monotonic()

    def load(
        self, parameters: Mapping[str, Tensor], optimiser: torch.optim.Optimizer
    ) -> tuple[int, dict[str, Any]]:
        """Restore in place and return (steps done, facts); (0, {}) if there is nothing."""
        if not self.path.exists():
            return 0, {}
        try:
            with safe_open(self.path, framework="pt") as saved:
                meta = saved.metadata()
                if meta.get("key") != self.key:
                    return 0, {}
                names = list(saved.keys())
                tensors = {name: saved.get_tensor(name) for name in names}
        except (SafetensorError, struct.error, OSError):
            return 0, {}
        for name, parameter in parameters.items():
            parameter.data.copy_(tensors[f"parameter/{name}"])
            state = {
                part: tensors[f"{part}/{name}"].clone()
                for part in ("step", "exp_avg", "exp_avg_sq")
                if f"{part}/{name}" in tensors
            }
            if state:
                optimiser.state[parameter] = state
        return int(meta["step"]), json.loads(meta["facts"])

    def remove(self) -> None:
        """Delete the checkpoint of a finished run."""
        self.path.unlink(missing_ok=True)
