"""The paper's grid, held against a computation by hand and against the notes' round figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlan.cost.flops import align_tokens, align_work, predict_work, tune_work
from mlan.cost.gpus import Device, find_gpu
from mlan.cost.lengths import tune_tokens
from mlan.cost.memory import job_memory
from mlan.errors import MlanError
from mlan.gpus import GPUS
from tests.cost.paper import SHARES, setting

HOUR = 3600
N = 6_476_271_616  # Llama-2-7b without embeddings


def gpu_hours(flop: float, mfu: float = 0.45) -> float:
    return flop / (mfu * 989e12) / HOUR


def test_tokens_of_the_nine_cells() -> None:
    tokens = [tune_tokens(setting(share)) for share in SHARES]

    # 640 of a picture's example, 150 of a text's.
    assert tokens[0] == 80_000 * 640
    assert tokens[4] == 40_000 * 640 + 40_000 * 150
    assert tokens[8] == 80_000 * 150
    assert sum(tokens) == pytest.approx(284.4e6)


def test_tuning_nine_cells_costs_seven_gpu_hours_a_seed() -> None:
    works = [tune_work(setting(share)) for share in SHARES]
    flop = sum(work.total for work in works)

    # By hand. Weights 6N; attention 12 x 32 layers x 4096 x the example's own length.
    language = 6 * N * 284.4e6
    attention = 12 * 32 * 4096 * 360_000 * (640**2 + 150**2)
    # 360 000 pictures: tower of 24 layers, 577 positions; a projector of 1024-4096-4096.
    layer = 4 * 1024 * 1025 + 2 * 1024 * 4096 + 4096 + 1024 + 4 * 1024
    weights = 24 * layer + 3 * 14**2 * 1024
    tower = 360_000 * (2 * weights * 577 + 4 * 24 * 1024 * 577**2)
    projector = 360_000 * 6 * 576 * (1024 * 4096 + 4096**2)
    head = 720_000 * 4 * 6 * 4096 * 32_000
    assert flop == pytest.approx(language + attention + tower + projector + head, rel=1e-9)
    assert gpu_hours(flop) == pytest.approx(7.1, abs=0.1)
    # The notes' 7.1 h are 281 M tokens at 11 000 a second, 6 x 6.74e9 operations each. Here the
    # 0.26e9 embeddings are no product, and what the notes left out comes to nearly as much.
    assert language / flop == pytest.approx(0.965, abs=0.005)
    assert (attention + tower + projector + head) / flop == pytest.approx(0.035, abs=0.005)


def test_one_stage_1_costs_about_as_much_as_the_notes_say() -> None:
    work = align_work(setting(0.5))

    assert align_tokens(setting(0.5)) == 558_128 * 600  # 335 M
    assert work.language == 4 * N * 558_128 * 600
    # 5.6 h from 4 x 6.74e9 operations a token; attention and tower are counted here.
    assert gpu_hours(work.total) == pytest.approx(5.7, abs=0.1)


def test_adapters_cost_about_two_thirds_of_full_tuning() -> None:
    full, lora = (tune_work(setting(0.5, mode)).total for mode in ("full", "lora"))

    assert lora / full == pytest.approx(2 / 3, abs=0.03)


def test_gpu_divides_the_work_by_its_peak_at_the_assumed_share() -> None:
    cell = setting(0.0)
    work = tune_work(cell)

    assert Device(GPUS["h100"], 0.5).seconds("tune", work, cell, 0) == work.total / (0.5 * 989e12)
    assert Device(GPUS["a100-80g"], 0.5).seconds("tune", work, cell, 0) == work.total / 156e12


def test_questions_about_one_picture_count_it_once() -> None:
    """POPE: 9,000 questions about 500 pictures; AI2D has a picture for each of its 3,088."""
    many, one = setting(0.5, pope="pope"), setting(0.5, ai2d="ai2d")
    of_pope, of_ai2d = (predict_work(cell, 0) for cell in (many, one))

    assert of_pope.tower == pytest.approx(500 * many.tower.per_picture)
    assert of_ai2d.tower == pytest.approx(3088 * many.tower.per_picture)
    prefill = of_pope.language - (of_pope.decoding - of_pope.head)
    assert prefill == pytest.approx(2 * N * (9000 * 75 + 500 * 576))
    prefill = of_ai2d.language - (of_ai2d.decoding - of_ai2d.head)
    assert prefill == pytest.approx(2 * N * 3088 * (75 + 576))


def test_decoding_is_bound_by_reading_the_weights() -> None:
    cell = setting(0.0)
    work = predict_work(cell, 0)
    slow, fast = (
        Device(GPUS[name], 1.0).seconds("predict", work, cell, 1000) for name in ("h100", "h200")
    )

    # Equal arithmetic, memory 4.8 / 3.35 as fast.
    prefill = (work.total - work.decoding) / 989e12
    assert (slow - prefill) / (fast - prefill) == pytest.approx(4.8 / 3.35)


@pytest.mark.parametrize(
    ("name", "mfu", "reason"),
    [
        ("h1000", None, "--gpu h1000: not known; did you mean 'h100'?"),
        ("h100", 1.5, "--mfu 1.5: a share of the peak lies above 0 and is at most 1"),
    ],
)
def test_unknown_gpu_and_impossible_share_are_one_line(
    name: str, mfu: float | None, reason: str
) -> None:
    with pytest.raises(MlanError) as error:
        find_gpu(name, mfu)

    assert error.value.lines[0].startswith(reason)


def test_memory_of_full_tuning_is_16_bytes_a_weight() -> None:
    memory = job_memory("tune", setting(0.0))

    total, projector = 6_738_415_616, 1025 * 4096 + 4097 * 4096
    trained = total + projector
    assert memory.gradients == 2 * trained
    assert memory.optimiser == 12 * trained
    assert memory.weights == pytest.approx(2 * trained, rel=0.05)  # and the tower
    # 64 examples of 640 tokens at once; a block keeps 8 widths and 4 of the MLP, 2 bytes each.
    tokens, block = 64 * 640, 2 * (8 * 4096 + 4 * 11008)
    assert memory.activations == tokens * 32 * block
    assert memory.checkpointed == tokens * (32 * 4096 * 2 + block)
    # Supervised positions only, logits and their gradient in fp32.
    assert memory.logits == 64 * 4 * 32_000 * 4 * 2


def test_8_bit_moments_bring_full_tuning_below_80_gb() -> None:
    cell = setting(0.0)
    tune = {"weights": "bf16_stochastic", "pass_tokens": 8192, "activation_checkpointing": 1}
    changed = cell.recipe.tune.model_copy(update=tune)
    recipe = cell.recipe.model_copy(update={"tune": changed})
    memory = job_memory("tune", replace(cell, recipe=recipe))

    # 6 bytes a weight; one pass of 8192 tokens instead of 64 examples.
    held = memory.weights + memory.gradients + memory.optimiser
    assert held == pytest.approx(6 * 6.76e9, rel=0.02)
    assert memory.activations == memory.checkpointed
    assert memory.checkpointed == 8192 * (32 * 4096 * 2 + 2 * (8 * 4096 + 4 * 11008))
    assert memory.peak < 60e9


def test_every_second_layer_checkpointed_keeps_the_other_half() -> None:
    cell = setting(0.0)
    tune = cell.recipe.tune.model_copy(update={"activation_checkpointing": 2})
    half = replace(cell, recipe=cell.recipe.model_copy(update={"tune": tune}))

    tokens, block = 64 * 640, 2 * (8 * 4096 + 4 * 11008)
    assert job_memory("tune", half).activations == tokens * (16 * block + 16 * 8192 + block)


def test_adapters_keep_no_moments_of_the_frozen_weights() -> None:
    full, lora = (job_memory("tune", setting(0.0, mode)) for mode in ("full", "lora"))

    assert lora.optimiser < 0.02 * full.optimiser
    assert lora.weights == full.weights


def test_only_stage_2_holds_weights_in_16_bits() -> None:
    half = setting(0.0)
    assert half.recipe.tune.weights != "fp32"
    weights = {stage: job_memory(stage, half).weights for stage in ("align", "tune", "predict")}
    assert weights["align"] == weights["predict"] == 2 * weights["tune"]
    assert weights["predict"] == pytest.approx(4 * 6.74e9, rel=0.06)  # and tower and projector
