"""One run on several processes: each owns a part of every weight and some rows of every step.

Model: a job is N ranks (`mlan.train.launch`); rank 0 writes the results. Weights are sharded by
FSDP2 (`torch.distributed.fsdp.fully_shard`; Zhao et al. 2023, arXiv 2304.11277) per decoder
layer, the rest (embeddings, head, projector) with the root. A step's rows are dealt to the ranks
by tokens; a rank without rows runs a row of padding, one without pictures an empty table of
features, so that every rank takes part in every collective. Gradients are summed, not averaged:
a token's weight is the plan's, so the objective is that of one process whatever the number. The
frozen tower is whole on every rank.

Bits depend on the number of processes (sums are taken in another order), as on threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch import distributed as dist

from mlan.train.batches import Batch
from mlan.train.checkpoint import Checkpoint, RankCheckpoint


@dataclass(frozen=True)
class Pass:
    """Rows that go through the model together; several passes of a step add up.

    Supervised tokens and pictures are numbered over the whole step in reading order.
    """

    lines: pd.DataFrame
    supervised: Tensor  # (own S,) numbers
    pictures: list[int]


@dataclass(frozen=True)
class Share:
    """A step's lines, and the passes over them that this process makes."""

    lines: pd.DataFrame
    source: Tensor  # (S,) of the whole step
    weight: Tensor  # (S,) of the whole step
    passes: list[Pass]

    @property
    def pictures(self) -> int:
        """Pictures of the whole step."""
        return int((self.lines["image"] != "").sum())


def deal(rows: Mapping[int, int], ranks: int) -> list[set[int]]:
    """Return each rank's rows, given the tokens of each row: the longest first, to whoever
    has least (at most 4/3 of the best balance; Graham 1969). Ties go to the lower number.
    """
    dealt: list[set[int]] = [set() for _ in range(ranks)]
    load = [0] * ranks
    for row in sorted(rows, key=lambda row: (-rows[row], row)):
        lightest = load.index(min(load))
        dealt[lightest].add(row)
        load[lightest] += rows[row]
    return dealt


def passes(rows: Mapping[int, int], limit: int) -> list[set[int]]:
    """Split rows, in their order, so that rows times the longest is `limit` tokens at most.

    A row that is longer by itself is a pass of its own; 0 is no limit.
    """
    split: list[set[int]] = [set()]
    longest = 0
    for row, tokens in rows.items():
        longest = max(longest, tokens)
        if limit and split[-1] and longest * (len(split[-1]) + 1) > limit:
            split.append(set())
            longest = tokens
        split[-1].add(row)
    return split


def idle_batch(pad: int, *, packed: bool) -> Batch:
    """Return a row of one padding token without a label: its gradients are zeros."""
    none = torch.zeros(0, dtype=torch.long)
    return Batch(
        ids=torch.tensor([[pad]]),
        position_ids=torch.zeros((1, 1), dtype=torch.long) if packed else None,
        predict_at=none,
        target=none,
        weight=torch.zeros(0),
        source=none,
        images=[],
        tokens=0,
    )


class Ranks:
    """The processes of a job as one of them sees them; by default there is one.

    `devices` are the GPUs of the whole job, as CUDA_VISIBLE_DEVICES names them.
    """

    def __init__(self, number: int = 0, world: int = 1, devices: Sequence[str] = ()) -> None:
        self.number, self.world, self.devices = number, world, devices

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.number == 0

    @property
    def several(self) -> bool:
        """Whether there is more than one process."""
        return self.world > 1

    def own_folder(self, state: Path) -> Path:
        """A folder for this process's progress."""
        return state if self.first else state / f"rank{self.number}"

    def share(self, lines: pd.DataFrame, sources: list[str], limit: int = 0) -> Share:
        """Return what of a step's plan lines this process computes.

        `limit` bounds the tokens of a pass, padding included; 0 is one pass. All processes make
        as many passes, some of them perhaps without rows.
        """
        counts = lines["supervised_tokens"].to_numpy()
        places = {name: number for number, name in enumerate(sources)}
        source = torch.from_numpy(np.repeat(lines["source"].map(places).to_numpy(), counts))
        weight = torch.from_numpy(np.repeat(lines["weight"].to_numpy(np.float32), counts))
        shown = (lines["image"] != "").to_numpy()
        sums = lines.groupby("row")["tokens"].sum()
        tokens = dict(zip(sums.index.tolist(), sums.tolist(), strict=True))
        split = [
            passes({row: tokens[row] for row in sorted(rows)}, limit)
            for rows in deal(tokens, self.world)
        ]
        mine = split[self.number]
        mine += [set() for _ in range(max(map(len, split)) - len(mine))]
        found = []
        for rows in mine:
            own = lines["row"].isin(rows).to_numpy()
            supervised = torch.from_numpy(np.flatnonzero(np.repeat(own, counts)))
            found.append(Pass(lines[own], supervised, np.flatnonzero(own[shown]).tolist()))
        return Share(lines, source, weight, found)

    def sum(self, figures: Tensor) -> None:
        """Add up the processes' tensors in place."""
        if self.several:
            dist.all_reduce(figures)

    def shard(self, objective: nn.Module, trained: Mapping[str, nn.Parameter]) -> Local:
        """Leave this process its part of every weight of `objective.model`."""
        if not self.several:
            return Local(self, dict(trained), dict(trained))
        return Local.sharded(self, objective, list(trained))

    def checkpoint(self, state: Path, key: str) -> Checkpoint | RankCheckpoint:
        """The checkpoint of this process."""
        if not self.several:
            return Checkpoint(state / "checkpoint.safetensors", key)
        return RankCheckpoint(state, key, self.number, self.world)


class Local:
    """This process's part of the trained weights, as plain tensors by name.

    The optimiser works on `parameters`; sharded weights share their storage with them.
    """

    def __init__(
        self, ranks: Ranks, parameters: dict[str, nn.Parameter], whole: dict[str, nn.Parameter]
    ) -> None:
        self.parameters, self._whole, self._ranks = parameters, whole, ranks
        single = all(p.dtype == torch.float32 for p in parameters.values())
        self._plain = single and not ranks.several

    @classmethod
    def sharded(cls, ranks: Ranks, objective: nn.Module, names: list[str]) -> Local:
        """Shard the model within `objective` (FSDP2) and return the parts."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        model: Any = objective.model
        mesh = init_device_mesh(model.device.type, (ranks.world,))
        tower = set(model.model.vision_tower.parameters())
        precise = MixedPrecisionPolicy(reduce_dtype=torch.float32)
        units = [*model.model.language_model.layers, objective]
        for unit in units:
            fully_shard(unit, mesh=mesh, ignored_params=tower, mp_policy=precise)
            unit.set_gradient_divide_factor(1.0)  # sums, by an operation that gloo has as well
            unit.set_force_sum_reduction_for_comms(True)
        whole = {n: p for n, p in model.named_parameters() if n in set(names)}
        parts = {n: nn.Parameter(whole[n].data.to_local()) for n in names}
        return cls(ranks, parts, {n: whole[n] for n in names})

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        for parameter in (*self._whole.values(), *self.parameters.values()):
            parameter.grad = None

    def clip(self, limit: float) -> Tensor:
        """Scale all gradients so that their norm over all processes is `limit` at most.

        Returns the norm before. Gradients come from the backward pass just done.
        """
        if self._plain:
            return torch.nn.utils.clip_grad_norm_(self.parameters.values(), limit)
        if self._ranks.several:
            for name, parameter in self.parameters.items():
                gradient: Any = self._whole[name].grad
                parameter.grad = None if gradient is None else gradient.to_local()
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        device = next(iter(self.parameters.values())).device
        squares = torch.zeros((), device=device)
        for gradient in gradients:
            squares += torch.linalg.vector_norm(gradient, dtype=torch.float32).square()
        self._ranks.sum(squares)
        norm = squares.sqrt()
        scale = (limit / (norm + 1e-6)).clamp(max=1.0)  # as `clip_grad_norm_`
        for gradient in gradients:
            gradient.mul_(scale)
        return norm

    def gather(self) -> dict[str, Tensor]:
        """Return the whole weights on the CPU, on the first process alone (else {})."""
        found = {}
        for name, parameter in self._whole.items():
            tensor: Any = parameter.detach()
            whole = tensor.full_tensor() if self._ranks.several else tensor
            if self._ranks.first:
                found[name] = whole.cpu()
        return found
