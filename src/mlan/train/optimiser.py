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
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from mlan.train.quantise import BLOCK, blocks, dequantise, quantise, round_to_bf16
from mlan.train.seeds import derive

# AdamW's usual constants (Loshchilov and Hutter 2019, arXiv 1711.05101; torch's defaults).
BETAS, EPS = (0.9, 0.999), 1e-8
# Numbers that are updated at once: bounds the fp32 copies of a large matrix to about 0.5 GB.
_CHUNK = 2**24


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
    fused = True if next(iter(groups[0]["params"])).is_cuda else None
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=decay, fused=fused)


class MasterAdamW(torch.optim.Optimizer):
    """AdamW on an fp32 copy of each parameter, which is rounded into the parameter."""

    def __init__(self, groups: Iterable[dict[str, Any]], weight_decay: float) -> None:
        super().__init__(groups, {"lr": 0.0, "weight_decay": weight_decay})

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
                    noise = self._noise(parameter, place)
                    gradient = parameter.grad.reshape(-1)
                    self._update(parameter, gradient, noise, group["lr"], group["weight_decay"])

    def _noise(self, parameter: nn.Parameter, place: int) -> torch.Generator:
        step = int(self.state[parameter].get("step", 0))
        seed = derive("rounding", self._seed, step, place)
        return torch.Generator(parameter.device).manual_seed(seed)

    def _update(
        self,
        parameter: nn.Parameter,
        gradient: Tensor,
        noise: torch.Generator,
        rate: float,
        decay: float,
    ) -> None:
        state = self.state[parameter]
        size, device = parameter.numel(), parameter.device
        if not state:
            state["step"] = torch.zeros(())
            for moment in ("exp_avg", "root_avg_sq"):
                state[moment] = torch.zeros(size, dtype=torch.uint8, device=device)
                state[f"{moment}_scale"] = torch.zeros(blocks(size), device=device)
        state["step"] += 1
        step = int(state["step"])
        flat = parameter.view(-1)
        for start in range(0, size, _CHUNK):
            part = slice(start, start + _CHUNK)
            parts = slice(start // BLOCK, blocks(min(start + _CHUNK, size)))
            moments = {k: v[parts if "scale" in k else part] for k, v in state.items() if v.dim()}
            _update_part(flat[part], gradient[part], moments, step, rate, decay, noise)


def _update_part(
    weight: Tensor,
    gradient: Tensor,
    moments: dict[str, Tensor],
    step: int,
    rate: float,
    decay: float,
    noise: torch.Generator,
) -> None:
    """Take AdamW's step `step` (from 1) on one part of a parameter, in place."""
    g = gradient.float()
    codes, scales = moments["exp_avg"], moments["exp_avg_scale"]
    roots, root_scales = moments["root_avg_sq"], moments["root_avg_sq_scale"]
    mean = dequantise(codes, scales, signed=True).lerp_(g, 1 - BETAS[0])
    square = dequantise(roots, root_scales, signed=False).square_()
    root = square.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1]).sqrt_()
    denominator = (root / (1 - BETAS[1] ** step) ** 0.5).add_(EPS)
    value = weight.float().mul_(1 - rate * decay)
    value.addcdiv_(mean, denominator, value=-rate / (1 - BETAS[0] ** step))

    def uniform() -> Tensor:
        return torch.rand(g.shape, generator=noise, device=g.device)

    new, new_scale = quantise(mean, uniform(), signed=True)
    codes.copy_(new), scales.copy_(new_scale)
    new, new_scale = quantise(root, uniform(), signed=False)
    roots.copy_(new), root_scales.copy_(new_scale)
    bits = torch.randint(0, 2**16, g.shape, generator=noise, device=g.device, dtype=torch.int32)
    weight.copy_(round_to_bf16(value, bits))
