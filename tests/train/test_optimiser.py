"""Fewer bits without a bias, and AdamW on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mlan.train.optimiser import MasterAdamW, StochasticAdamW, make_optimiser
from mlan.train.quantise import BLOCK, codebook, dequantise, in_blocks, quantise, round_to_bf16

CPU = torch.device("cpu")
SIGNED, UNSIGNED = codebook(CPU, signed=True), codebook(CPU, signed=False)
TUNE = {"learning_rate": 1e-2, "projector_learning_rate": 1e-3, "weight_decay": 0.1}


def _uniform(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_codebooks_are_those_of_the_paper() -> None:
    signed, unsigned = SIGNED, UNSIGNED
    assert (len(signed), len(unsigned)) == (255, 256)
    assert torch.equal(signed, -signed.flip(0))
    assert (unsigned[0], unsigned[-1]) == (0, 1)
    # One value between 1e-7 and 1e-6, in the middle; 64 in (0.1, 1], as many below zero.
    torch.testing.assert_close(signed[signed > 0][0], torch.tensor(0.55e-6))
    assert int((signed > 0.1).sum()) == 64
    assert int((unsigned > 0.1).sum()) == 128 + 1  # and the 1 itself


@settings(deadline=None, max_examples=40)
@given(
    size=st.integers(1, 3 * BLOCK),
    spread=st.floats(1e-20, 1e20),
    signed=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_code_is_a_neighbour_of_the_number(
    size: int, spread: float, signed: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(size) * spread * 10.0 ** rng.uniform(-8, 0, size)
    values = torch.tensor(values if signed else np.abs(values)).float()
    blocks = in_blocks(values)
    book = SIGNED if signed else UNSIGNED
    codes, scale = quantise(blocks, _uniform(seed, *blocks.shape), book, never_zero=not signed)
    assert codes.dtype == torch.uint8
    assert codes.shape == (-(-size // BLOCK), BLOCK)
    back = dequantise(codes, scale, book).flatten()[:size]
    code = book.numpy()
    scales = scale.repeat_interleave(BLOCK)[:size].clamp_min(1e-38).numpy()
    for unit, found in zip(values.numpy() / scales, back.numpy() / scales, strict=True):
        below = code[code <= unit + 1e-6 * abs(unit)].max()
        above = code[code >= unit - 1e-6 * abs(unit)].min()
        if not signed and unit > 0:
            below = max(below, code[1])  # a root above zero never becomes zero
            above = max(above, code[1])
        assert below - 1e-6 * abs(below) <= found <= above + 1e-6 * abs(above)


def test_quantised_number_is_right_in_expectation() -> None:
    values = torch.tensor([1.0, -1.0, 0.30, -0.02, 4e-4])
    draws = 2000
    same = in_blocks(values).repeat(draws, 1)
    codes = quantise(same, _uniform(0, *same.shape), SIGNED)
    found = dequantise(*codes, SIGNED)[:, : len(values)]
    error = found.double().mean(0) - values.double()
    assert (error.abs() < 4 * found.double().std(0) / draws**0.5 + 1e-7).all(), error


def test_bf16_rounding_of_known_bits() -> None:
    # 1 + 2^-7 is bf16's neighbour of 1; 1 + 2^-8 lies half-way: exactly half of all noise lifts it.
    half = torch.full((2**16,), 1 + 2**-8)
    noise = torch.arange(2**16, dtype=torch.int32)
    for sign in (1.0, -1.0):
        rounded = round_to_bf16(sign * half, noise).float() * sign
        assert rounded.unique().tolist() == [1.0, 1 + 2**-7]
        assert int((rounded > 1).sum()) == 2**15
    exact = torch.tensor([0.0, 1.0, -2.5, 3e38]).bfloat16()
    top = torch.full((4,), 2**16 - 1, dtype=torch.int32)
    assert torch.equal(round_to_bf16(exact.float(), top), exact)


@pytest.mark.parametrize("value", [1.0001, -0.333, 3e-5, -70000.3])
def test_bf16_rounding_over_all_noise_is_exact_in_the_mean(value: float) -> None:
    noise = torch.arange(2**16, dtype=torch.int32)
    number = torch.full((2**16,), value)
    mean = round_to_bf16(number, noise).double().mean()
    assert float(mean) == pytest.approx(float(number[0].double()), rel=1e-9)


def _regression(weights: str, rate: float = 3e-3, steps: int = 300) -> list[float]:
    """Losses of a least-squares problem, batch by batch; the answer is far from the start."""
    draw = torch.Generator().manual_seed(3)
    answer = torch.randn((32, 8), generator=draw)
    dtype = torch.float32 if weights == "fp32" else torch.bfloat16
    model = nn.Parameter(torch.zeros(32, 8, dtype=dtype))
    tune = {**TUNE, "learning_rate": rate, "weight_decay": 0.0}
    optimiser = make_optimiser(weights, tune, {"w": model}, {}, seed=0)
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        x = torch.randn((64, 32), generator=draw)
        loss = (x @ (model.float() - answer)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("weights", ["fp32_master", "bf16_stochastic"])
def test_converges_like_fp32(weights: str) -> None:
    plain, other = _regression("fp32", 2e-2), _regression(weights, 2e-2)
    assert plain[-1] < plain[0] / 100
    assert other[100] == pytest.approx(plain[100], rel=0.05)
    assert other[-1] < plain[0] / 100


def test_small_updates_of_large_weights_are_not_lost() -> None:
    # 1 - 1e-4 rounds to 1 in bf16 (half a step below 1 is 2^-9): to the nearest, none would move.
    weight = nn.Parameter(torch.ones(4096, dtype=torch.bfloat16))
    optimiser = StochasticAdamW([{"params": [weight]}], 0.0, seed=0)
    optimiser.param_groups[0]["lr"] = 1e-4
    for _ in range(100):
        weight.grad = torch.ones_like(weight)
        optimiser.step()
    assert float(weight.detach().float().mean()) == pytest.approx(1 - 100 * 1e-4, abs=4e-4)


def test_master_copy_takes_the_steps_of_fp32_adamw() -> None:
    start = _uniform(5, 7, 3) - 0.5
    plain = nn.Parameter(start.bfloat16().float())
    kept = nn.Parameter(start.bfloat16())
    reference = torch.optim.AdamW([plain], lr=1e-3, weight_decay=0.1)
    ours = MasterAdamW([{"params": [kept]}], 0.1)
    ours.param_groups[0]["lr"] = 1e-3
    for step in range(5):
        gradient = _uniform(step, 7, 3) - 0.5
        plain.grad, kept.grad = gradient.bfloat16().float(), gradient.bfloat16()
        reference.step()
        ours.step()
    torch.testing.assert_close(ours.state[kept]["master"], plain.detach())
    assert torch.equal(kept.detach(), plain.detach().bfloat16())


def test_first_stochastic_step_is_adams_sign_step() -> None:
    # After one step mean / root is the gradient's sign: every weight moves by the rate, less decay.
    weight = nn.Parameter(torch.zeros(300, dtype=torch.bfloat16))
    weight.grad = (_uniform(1, 300) - 0.5).bfloat16()
    optimiser = StochasticAdamW([{"params": [weight]}], 0.0, seed=0)
    optimiser.param_groups[0]["lr"] = 0.25  # a bf16 number: nothing is left to rounding but eps
    optimiser.step()
    torch.testing.assert_close(
        weight.detach().float(), -0.25 * weight.grad.float().sign(), atol=2**-9, rtol=0
    )


def test_no_update_is_divided_by_a_root_that_was_rounded_away() -> None:
    weight = nn.Parameter(torch.ones(256, dtype=torch.bfloat16))
    optimiser = StochasticAdamW([{"params": [weight]}], 0.0, seed=0)
    gradient = torch.full((256,), 1e-12, dtype=torch.bfloat16)
    gradient[0] = 1.0  # far above the rest of its block
    weight.grad = gradient
    optimiser.step()
    assert int(optimiser.state[weight]["root_avg_sq"].min()) > 0


def test_noise_depends_on_seed_step_and_nothing_else() -> None:
    def run(seed: int) -> torch.Tensor:
        torch.manual_seed(int(torch.randint(0, 1000, ())))  # a global state that must not matter
        weight = nn.Parameter(torch.ones(64, dtype=torch.bfloat16))
        optimiser = StochasticAdamW([{"params": [weight]}], 0.0, seed)
        optimiser.param_groups[0]["lr"] = 1e-3
        for _ in range(3):
            weight.grad = torch.ones_like(weight)
            optimiser.step()
        return weight.detach()

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def test_state_of_a_stochastic_weight_takes_two_bytes() -> None:
    weight = nn.Parameter(torch.zeros(64 * BLOCK, dtype=torch.bfloat16))
    weight.grad = torch.ones_like(weight)
    optimiser = StochasticAdamW([{"params": [weight]}], 0.0, seed=0)
    optimiser.step()
    state = [t for t in optimiser.state[weight].values() if t.dim()]
    held = sum(t.numel() * t.element_size() for t in state)
    assert held / weight.numel() == 2 + 2 / 64
