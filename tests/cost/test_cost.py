from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from mlan.config import load_study
from mlan.cost import estimate, measured_rates, tasks
from mlan.cost.estimate import slots, task_seconds
from mlan.cost.flops import (
    ANSWER_STEPS,
    LANGUAGE_MODELS,
    asked_items,
    predict_tokens,
    tune_flops,
)
from mlan.grid import Grid
from mlan.records import write_json

CONFIG = Path(__file__).parents[2] / "config"


def grid_of(name: str, results: Path, device: str = "cpu") -> Grid:
    return Grid(load_study(name, folder=CONFIG), device, results)


def write_run(folder: Path, **changes: object) -> None:
    run = {
        "host": platform.node(),
        "cores": os.cpu_count(),
        "seconds": 30.0,
        "train_seconds": 24.0,
        "tokens": 12_000,
        "tokens_per_s": 500.0,
    }
    write_json(folder / "run.json", run | changes)


def test_parameters_of_smollm2_are_those_of_its_matrices() -> None:
    # 30 layers; queries and outputs 576 x 576, keys and values 576 x 192, three 576 x 1536, two
    # norms; a last norm.
    layer = 2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536 + 2 * 576

    assert LANGUAGE_MODELS["smollm2-135m-instruct"].parameters == 30 * layer + 576


def test_parameters_of_the_toy_are_those_of_its_matrices() -> None:
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32

    assert LANGUAGE_MODELS["toy-llama"].parameters == 2 * layer + 32


def test_training_costs_4_5_and_6_operations_a_parameter_and_token(tmp_path: Path) -> None:
    recipe = grid_of("small", tmp_path).cells["text100"].recipe
    parameters = LANGUAGE_MODELS["smollm2-135m-instruct"].parameters

    def of(mode: str) -> float:
        changed = recipe.model_copy(
            update={"tune": recipe.tune.model_copy(update={"language_model": mode})}
        )
        return tune_flops(changed, 2000) - tune_flops(changed, 1000)

    assert of("frozen") == pytest.approx(4e3 * parameters)
    assert of("lora") == pytest.approx(5e3 * parameters)
    assert of("full") == pytest.approx(6e3 * parameters)


def test_questions_of_tiny_are_counted_over_conditions(tmp_path: Path) -> None:
    config = grid_of("tiny", tmp_path).config

    # 4 dev and 8 test items; pictures' dev items are asked once more without the picture.
    assert asked_items(config, 0) == {
        "t_capital": 12,
        "t_demonym": 12,
        "v_object": 16,
        "v_capital": 16,
    }
    known = {"t_capital": 10.0, "t_demonym": 10.0, "v_object": 20.0, "v_capital": 30.0}
    assert predict_tokens(config, 0, known) == 12 * 10 * 2 + 16 * 20 + 16 * 30


def test_questions_of_small_are_counted_seed_by_seed(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    asked = {seed: asked_items(grid.config, seed) for seed in (0, 1)}

    # 80 test items; in the first seed 16 dev items too, pictures' once more without the picture.
    more = {name: 16 if name.startswith("t_") else 32 for name in asked[0]}
    assert asked == {0: {name: 80 + n for name, n in more.items()}, 1: dict.fromkeys(more, 80)}

    folders = {seed: grid.run_folder("text50", seed, "predictions") for seed in (0, 1, 2)}
    jobs = {folder: tasks(grid)[folder] for folder in folders.values()}
    seconds = task_seconds(grid, 50.0, jobs)
    first, second, third = (seconds[folder] - 2.0 for folder in folders.values())  # loading
    assert second == third
    longer = predict_tokens(grid.config, 0) / predict_tokens(grid.config, 1)
    assert first / second == pytest.approx(longer, rel=0.05)


def test_measured_questions_of_one_seed_tell_how_many_another_has(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    folders = {seed: grid.run_folder("text50", seed, "predictions") for seed in (0, 1)}
    jobs = {folder: tasks(grid)[folder] for folder in folders.values()}
    tokens = {seed: predict_tokens(grid.config, seed) for seed in folders}
    write_run(folders[0], tokens=1.1 * tokens[0])  # 500 tokens/s, 6 s beside them

    rates = measured_rates(grid.root)
    seconds = task_seconds(grid, 1.0, jobs, rates=rates)

    assert rates["predict"].tokens_by_seed == {0: 1.1 * tokens[0]}
    for seed, folder in folders.items():
        assert seconds[folder] == pytest.approx(6 + 1.5 + 1.1 * tokens[seed] / 500)


def test_tasks_are_the_jobs_of_the_workflow(tmp_path: Path) -> None:
    found = list(tasks(grid_of("tiny", tmp_path)).values())
    stages = [task.stage for task in found]

    counts = {stage: stages.count(stage) for stage in dict.fromkeys(stages)}
    assert counts == {
        "prepare_backbone": 1,
        "prepare_concepts": 1,
        "prepare_images": 2,
        "prepare_source": 4,
        "prepare_benchmark": 4,
        "align": 1,
        "mix": 6,
        "tune": 6,
        "predict": 7,
        "score": 7,
        "collect": 1,
        "draw": 1,
    }
    place = {task.folder: number for number, task in enumerate(found)}
    for task in found:
        assert all(place[path] < place[task.folder] for path in task.inputs.values())


def test_rates_are_medians_of_this_machines_runs(tmp_path: Path) -> None:
    for seed, rate in enumerate((400.0, 500.0, 900.0)):
        write_run(tmp_path / "cells" / "a" / f"seed{seed}" / "weights", tokens_per_s=rate)
    write_run(tmp_path / "cells" / "b" / "seed0" / "weights", host="elsewhere", tokens_per_s=1.0)
    write_run(tmp_path / "cells" / "a" / "seed0" / "predictions", restored=5)

    rates = measured_rates(tmp_path)

    assert list(rates) == ["tune"]  # answers from a journal say nothing about speed
    tune = rates["tune"]
    assert (tune.tokens_per_s, tune.overhead_s, tune.runs) == (500.0, 6.0, 3)


def test_estimate_halves_the_models_work_on_a_machine_twice_as_fast(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    folder = grid.run_folder("text50", 0, "weights")
    jobs = {folder: tasks(grid)[folder]}

    slow, fast, infinite = (
        task_seconds(grid, gflops, jobs)[folder] for gflops in (50.0, 100.0, 1e12)
    )

    assert slow - infinite == pytest.approx(2 * (fast - infinite))
    assert infinite == pytest.approx(2.0)  # loading stays


def test_estimate_prefers_the_speed_of_finished_runs(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    folder = grid.run_folder("text50", 0, "weights")
    write_run(folder)  # 500 tokens/s, 6 s beside them
    jobs = {folder: tasks(grid)[folder]}

    seconds = task_seconds(
        grid, 1.0, jobs, rates=measured_rates(grid.root), tokens={"text50": 10_000}
    )

    # The base recipe is this cell, so no scaling; 1.5 s are the engine's.
    assert seconds[folder] == pytest.approx(6 + 1.5 + 10_000 / 500, rel=0.05)


def test_estimate_of_a_stage_sums_its_jobs_and_leaves_out_finished_ones(tmp_path: Path) -> None:
    grid = grid_of("tiny", tmp_path)
    done = frozenset(f for f, task in tasks(grid).items() if task.stage == "align")

    whole = estimate(grid, 50.0, cores=2)
    left = estimate(grid, 50.0, cores=2, left_out=done)

    stages = {stage.stage: stage for stage in whole.stages}
    assert (whole.jobs, left.jobs) == (41, 40)
    assert stages["tune"].jobs == 6
    assert stages["tune"].wall_s == stages["tune"].seconds  # two threads each on two cores
    assert stages["mix"].wall_s == stages["mix"].seconds / 2
    assert whole.seconds - left.seconds == pytest.approx(stages["align"].wall_s)


@pytest.mark.parametrize(
    ("stage", "device", "cores", "side_by_side"),
    [("tune", "cpu", 8, 4), ("tune", "cpu", 1, 1), ("tune", "cuda", 16, 1), ("mix", "cpu", 8, 8)],
)
def test_slots(stage: str, device: str, cores: int, side_by_side: int) -> None:
    assert slots(stage, device, cores) == side_by_side


def test_gpu_step_has_a_floor(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path, "cuda")
    folder = grid.run_folder("text50", 0, "predictions")
    jobs = {folder: tasks(grid)[folder]}

    seconds = task_seconds(grid, 1e12, jobs)[folder]

    batches = sum(-(-n // 48) for n in asked_items(grid.config, 0).values())
    assert seconds == pytest.approx(2.0 + batches * ANSWER_STEPS * 0.05)


def test_estimate_without_speed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a machine has a positive speed"):
        estimate(grid_of("tiny", tmp_path), 0.0)
