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
from torch import distributed as dist

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
        # Fused kernels count their steps on the device.
        fused = any(group.get("fused") for group in optimiser.param_groups)
        for key, tensor in tensors.items():
            part, _, name = key.partition("/")
            parameter = parameters[name]
            if part == "parameter":
                parameter.data.copy_(tensor)
            else:
                device = parameter.device if tensor.dim() or fused else "cpu"
                optimiser.state[parameter][part] = tensor.clone().to(device)
        return int(meta["step"]), json.loads(meta["facts"])

    def step(self) -> int:
        """Return the steps done at the checkpoint; 0 if there is none of this key."""
        try:
            with safe_open(self.path, framework="pt") as saved:
                meta = saved.metadata()
        except (SafetensorError, struct.error, OSError):
            return 0
        return int(meta["step"]) if meta.get("key") == self.key else 0

    def remove(self) -> None:
        """Delete the checkpoint of a finished run."""
        self.path.unlink(missing_ok=True)


class RankCheckpoint:
    """A checkpoint of each process's own part of a sharded run, in two turns of files.

    A turn is written over only after all processes have finished the other, so that whenever a
    job is killed all of them hold one step in common.
    """

    def __init__(self, state: Path, key: str, rank: int, world: int) -> None:
        name = f"checkpoint.{rank}of{world}"
        self._turns = [Checkpoint(state / f"{name}.{turn}.safetensors", key) for turn in "ab"]
        self._world = world

    def due(self) -> bool:
        """Whether enough seconds have passed since the last one was written."""
        return all(turn.due() for turn in self._turns)

    def save(
        self,
        step: int,
        parameters: Mapping[str, Tensor],
        optimiser: torch.optim.Optimizer,
        facts: Mapping[str, Any],
    ) -> None:
        """Write this process's file and wait for the others'."""
        self._turns[0].save(step, parameters, optimiser, facts)
        dist.barrier()
        self._turns.reverse()

    def load(
        self, parameters: Mapping[str, Tensor], optimiser: torch.optim.Optimizer
    ) -> tuple[int, dict[str, Any]]:
        """Restore the last step that all processes hold; (0, {}) if there is none."""
        device = next(iter(parameters.values())).device
        mine = torch.tensor([turn.step() for turn in self._turns], device=device)
        held = [torch.zeros_like(mine) for _ in range(self._world)]
        dist.all_gather(held, mine)
        common = max(set.intersection(*(set(steps.tolist()) for steps in held)))
        if common == 0:
            return 0, {}
        if int(mine[0]) == common:  # the next one goes into the other turn
            self._turns.reverse()
        return self._turns[1].load(parameters, optimiser)

    def remove(self) -> None:
        """Delete the checkpoints of a finished run."""
        for turn in self._turns:
            turn.remove()
