"""AdamW for weights that are not kept in fp32 alone.

Bytes of one trained weight, and of N = 6.74e9 of them (Llama-2-7B), activations left out:

    weights          weight  gradient  master  moments          sum        7B
    fp32                  4         4       -    4 + 4          16 B    108 GB
    fp32_master           2         2       4    4 + 4          16 B    108 GB
    bf16_stochastic       2         2       -    1 + 1 (+2/64)   6 B   40.7 GB

So with `bf16_stochastic` full fine-tuning leaves half of an 80 GB card to activations; the
others ask for a 141 GB card or for several. `fp32` and `fp32_master` cost the same memory; the
second spares the cast of every weight in every step.

Our own module, since the libraries that do this (bitsandbytes, torchao) are compiled for CUDA or
for one version of torch, draw their rounding noise from a global generator, and keep a state
that a checkpoint without pickle cannot hold: a resumed run would not end bitwise equal. Here
noise comes from a generator of the run's seed, the step and the parameter, and every state is a
plain tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from mlan.train.quantise import BLOCK, codebook, dequantise, in_blocks, quantise, round_to_bf16
from mlan.train.seeds import derive

# AdamW's usual constants (Loshchilov and Hutter 2019, arXiv 1711.05101; torch's defaults).
BETAS, EPS = (0.9, 0.999), 1e-8
# Numbers that are updated at once: bounds the fp32 copies of a large matrix to about 0.5 GB.
_CHUNK = 2**24
_STATE = ("exp_avg", "exp_avg_scale", "root_avg_sq", "root_avg_sq_scale")


def make_optimiser(
    weights: str,
    tune: Mapping[str, Any],
    language: Mapping[str, nn.Parameter],
    projector: Mapping[str, nn.Parameter],
    seed: int,
) -> torch.optim.Optimizer:
    """Return the optimiser of stage 2; each group carries its `peak` learning rate.

    `weights` is the recipe's key of that name. `seed` decides the rounding noise.
    """
    groups = [
        {"params": list(language.values()), "peak": tune["learning_rate"]},
        {"params": list(projector.values()), "peak": tune["projector_learning_rate"]},
    ]
    groups = [group for group in groups if group["params"]]
    decay = tune["weight_decay"]
    if weights == "fp32_master":
        return MasterAdamW(groups, decay)
    if weights == "bf16_stochastic":
        return StochasticAdamW(groups, decay, seed)
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=decay, fused=True)


class MasterAdamW(torch.optim.Optimizer):
    """AdamW on an fp32 copy of each parameter, which is rounded into the parameter."""

    def __init__(self, groups: Iterable[dict[str, Any]], weight_decay: float) -> None:
        super().__init__(groups, {"lr": 0.0, "weight_decay": weight_decay})
        for group in self.param_groups:
            group["fused"] = group["params"][0].is_cuda

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    gradient = parameter.grad.float()
                    self._update(parameter, gradient, group["lr"], group["weight_decay"])

    def _update(self, parameter: nn.Parameter, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["master"] = parameter.detach().float()
            state["exp_avg"] = torch.zeros_like(state["master"])
            state["exp_avg_sq"] = torch.zeros_like(state["master"])
        adamw(
            [state["master"]],
            [gradient],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [state["step"]],
            fused=parameter.is_cuda,
            foreach=False,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=decay,
            eps=EPS,
            maximize=False,
        )
        parameter.copy_(state["master"])


class StochasticAdamW(torch.optim.Optimizer):
    """AdamW whose weights (bf16) and moments (8 bits) are rounded stochastically.

    What is kept of the second moment is its root: the denominator itself, over twice the
    decades. It never rounds to zero, so that no update is divided by `EPS` alone.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], weight_decay: float, seed: int) -> None:
        super().__init__(groups, {"lr": 0.0, "weight_decay": weight_decay})
        self._seed = seed

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        place = 0
        for group in self.param_groups:
            for parameter in group["params"]:
                place += 1
                if parameter.grad is not None:
                    rate, decay = group["lr"], group["weight_decay"]
                    self._update(parameter, parameter.grad, place, rate, decay)

    def _update(
        self, parameter: nn.Parameter, gradient: Tensor, place: int, rate: float, decay: float
    ) -> None:
        state, device = self.state[parameter], parameter.device
        if not state:
            state["step"] = torch.zeros(())
            for moment in ("exp_avg", "root_avg_sq"):
                state[moment] = torch.zeros_like(in_blocks(parameter), dtype=torch.uint8)
                state[f"{moment}_scale"] = torch.zeros(len(state[moment]), device=device)
        state["step"] += 1
        step = int(state["step"])
        # As tensors: a compiled kernel would be compiled anew for every other number.
        numbers = (rate, rate * decay, 1 - BETAS[0] ** step, (1 - BETAS[1] ** step) ** 0.5)
        factors = torch.tensor(numbers, device=device)
        books = [codebook(device, signed=signed) for signed in (True, False)]
        noise = torch.Generator(device).manual_seed(derive("rounding", self._seed, step, place))
        kept = [state[name] for name in _STATE]
        update = _compiled() if parameter.is_cuda else adam_step
        weights, gradients = in_blocks(parameter), in_blocks(gradient)
        for start in range(0, len(weights), _CHUNK // BLOCK):
            part = slice(start, start + _CHUNK // BLOCK)
            shape = weights[part].shape
            draws = [torch.rand(shape, generator=noise, device=device) for _ in range(2)]
            bits = torch.randint(0, 2**16, shape, generator=noise, device=device, dtype=torch.int32)
            new, *states = update(
                weights[part], gradients[part], [k[part] for k in kept], factors, books, draws, bits
            )
            weights[part] = new
            for old, found in zip(kept, states, strict=True):
                old[part] = found
        if weights.data_ptr() != parameter.data_ptr():  # padded, hence a copy
            parameter.copy_(weights.flatten()[: parameter.numel()].view_as(parameter))


@cache
def _compiled() -> Any:
    """The step as a few kernels: single operations move more than ten times the memory, which
    at 7B takes as long as the products of a step.
    """
    return torch.compile(adam_step, dynamic=True)


def adam_step(
    weight: Tensor,
    gradient: Tensor,
    state: list[Tensor],
    factors: Tensor,
    books: list[Tensor],
    draws: list[Tensor],
    bits: Tensor,
) -> tuple[Tensor, ...]:
    """Return the new weights (B, BLOCK) bf16 and the new state, in the order of `_STATE`.

    `factors`: rate, rate times decay, and the bias corrections of mean and root; `books`: the
    codes of mean and root.
    """
    rate, shrink, of_mean, of_root = factors.unbind()
    g = gradient.float()
    mean = torch.lerp(dequantise(state[0], state[1], books[0]), g, 1 - BETAS[0])
    square = dequantise(state[2], state[3], books[1]).square()
    root = (BETAS[1] * square + (1 - BETAS[1]) * g.square()).sqrt()
    value = weight.float() * (1 - shrink) - rate / of_mean * mean / (root / of_root + EPS)
    return (
        round_to_bf16(value, bits),
        *quantise(mean, draws[0], books[0]),
        *quantise(root, draws[1], books[1], never_zero=True),
    )
