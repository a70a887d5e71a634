"""Main memory by hand for Llama-2-7b with CLIP ViT-L/14-336, and never below what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlan.config import load_study
from mlan.cost.host import host_memory
from mlan.cost.shapes import Setting, Shapes
from mlan.grid import Grid
from tests.cost.paper import setting

# Of Llama-2-7b: all weights, its embeddings and as large a head, its linear maps and that head.
TOTAL, EMBEDDINGS = 6_738_415_616, 2 * 32_000 * 4096
MATRICES = TOTAL - EMBEDDINGS // 2 - (2 * 32 + 1) * 4096
PROJECTOR = 1025 * 4096 + 4097 * 4096
BASE = 3e9


def paper(**changes: Any) -> Setting:
    """A cell of the paper without text, tuned in full with an fp32 master."""
    cell = setting(0.0)
    recipe = cell.recipe
    for name, value in changes.items():
        section, _, key = name.partition("_")
        own = getattr(recipe, section).model_copy(update={key: value})
        recipe = recipe.model_copy(update={section: own})
    return replace(cell, recipe=recipe)


def others(cell: Setting) -> int:
    """Weights of tower and projector, which stay in 32 bits."""
    return cell.tower.parameters + PROJECTOR


@pytest.mark.parametrize("stage", ["align", "predict"])
def test_stages_that_read_16_bits_reserve_16_bits(stage: str) -> None:
    half, whole = paper(), paper(backbone_precision="fp32")
    growing = 4 * EMBEDDINGS
    in_32_bits = 4 * (TOTAL + others(half))
    assert host_memory(stage, half, 1) == BASE + in_32_bits - 2 * MATRICES + growing
    assert host_memory(stage, whole, 1) == BASE + in_32_bits + growing


def test_stage_2_reads_32_bits_whatever_it_then_holds() -> None:
    loading = 4 * (TOTAL + others(paper())) + 4 * EMBEDDINGS
    for weights in ("fp32", "fp32_master", "bf16_stochastic"):
        adapters = paper(tune_weights=weights, tune_language_model="lora")
        assert host_memory("tune", adapters, 1) == BASE + loading


@pytest.mark.parametrize(
    ("weights", "each"), [("fp32", 12), ("fp32_master", 14), ("bf16_stochastic", 4)]
)
def test_a_gpus_checkpoint_of_full_tuning_comes_to_main_memory(weights: str, each: int) -> None:
    # Weight and moments: 4 + 8, 2 + 12, 2 + 2 bytes of a trained weight.
    cell = paper(tune_weights=weights)
    loading = 4 * (TOTAL + others(cell)) + 4 * EMBEDDINGS
    expected = BASE + max(loading, each * (TOTAL + PROJECTOR))
    assert host_memory("tune", cell, 1) == expected


def test_every_process_of_a_run_reads_the_model_for_itself() -> None:
    cell = paper(tune_weights="bf16_stochastic")
    assert host_memory("tune", cell, 4) == 4 * host_memory("tune", cell, 1)
    assert host_memory("predict", cell, 4) == host_memory("predict", cell, 1)


def test_on_a_cpu_gradients_moments_and_activations_stay_beside_the_weights() -> None:
    cell = paper(tune_pass_tokens=8192, tune_activation_checkpointing=1)
    # bf16 weight and gradient, fp32 master and two moments; the tower in 16 bits.
    state = 16 * (TOTAL + PROJECTOR) + 2 * cell.tower.parameters
    block = 2 * (8 * 4096 + 4 * 11_008)
    activations = 8192 * (32 * 4096 * 2 + block)
    logits = 8192 * 4 / 640 * 32_000 * 8  # four tokens of an example of 640 are learnt
    work = 0.7e9 + 3 * (activations + logits)
    assert host_memory("tune", cell) == pytest.approx(state + work, rel=1e-9)


def test_an_external_commands_model_is_compared_with_the_one_it_was_given() -> None:
    cell = paper(tune_command="train {data} {out}")
    assert host_memory("tune", cell, 1) == BASE + 10 * (TOTAL + others(cell))


# Peak resident memory in MB of the jobs of `small`, three seeds, two threads; the largest of each.
MEASURED = {"align": 2368, "tune": 2954, "predict": 1465}


@pytest.mark.parametrize("stage", MEASURED)
def test_small_reserves_more_than_was_measured_and_less_than_4_gb(
    stage: str, tmp_path: Path
) -> None:
    config = Path(__file__).parents[2] / "config"
    grid = Grid(load_study("small", folder=config), "cpu", tmp_path)
    shapes = Shapes(grid)
    for cell in grid.cells.values():
        if cell.kind == "tuned":
            reserved = host_memory(stage, shapes.of_cell(cell)) / 1e6
            assert 1.2 * MEASURED[stage] < reserved < 4000
