from __future__ import annotations

import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from mlan.config import StudyConfig, load_study
from mlan.cost import estimate, measured_rates, tasks
from mlan.cost.disk import kept_bytes, run_bytes, study_disk
from mlan.cost.estimate import slots, task_seconds
from mlan.cost.flops import ANSWER_STEPS, predict_tokens, predict_work, tune_work
from mlan.cost.lengths import asked_items
from mlan.cost.shapes import (
    LANGUAGE_MODELS,
    TOWERS,
    LanguageModel,
    Shapes,
    read_language_model,
    read_tower,
)
from mlan.grid import Grid
from mlan.records import write_json
from tests.cost import paper

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


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("llama-2-7b-hf", 6_738_415_616),
        ("llama-3.1-8b", 8_030_261_248),
        ("qwen2.5-0.5b", 494_032_768),
        ("qwen2.5-1.5b", 1_543_714_304),
        ("qwen2.5-3b", 3_085_938_688),
        ("qwen2.5-7b", 7_615_616_512),
        ("smollm2-135m", 134_515_008),
        ("smollm2-1.7b", 1_711_376_384),
    ],
)
def test_shapes_give_the_published_numbers_of_parameters(name: str, total: int) -> None:
    assert LANGUAGE_MODELS[name].total == total


def test_towers_have_their_published_tokens_and_parameters() -> None:
    clip, siglip = TOWERS["clip-vit-large-patch14-336"], TOWERS["siglip-so400m-patch14-384"]

    assert (clip.tokens, siglip.tokens) == (576, 729)
    assert clip.parameters == pytest.approx(303_507_456, rel=1e-3)
    assert siglip.parameters == pytest.approx(412_442_352, rel=2e-3)  # without its pooling head


def test_config_json_gives_the_shapes_of_the_table() -> None:
    language = {
        "model_type": "qwen2",
        "num_hidden_layers": 28,
        "hidden_size": 3584,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "intermediate_size": 18944,
        "vocab_size": 152_064,
    }
    vision = {
        "model_type": "clip_vision_model",
        "image_size": 336,
        "patch_size": 14,
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "intermediate_size": 4096,
    }

    assert read_language_model(language) == LANGUAGE_MODELS["qwen2.5-7b"]
    assert read_tower(vision) == TOWERS["clip-vit-large-patch14-336"]


def test_parameters_of_the_embedded_models_are_those_of_their_matrices() -> None:
    # Queries and outputs, keys and values, three of the MLP, two norms a layer; a last norm.
    smollm2 = 2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536 + 2 * 576
    toy = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32

    assert LANGUAGE_MODELS["smollm2-135m-instruct"].parameters == 30 * smollm2 + 576
    assert LANGUAGE_MODELS["toy-llama"].parameters == 2 * toy + 32


def test_unknown_backbone_is_taken_for_a_7b_and_told(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    backbone = grid.config.recipe.backbone.model_copy(update={"language_model": "hub:a/new"})
    recipe = grid.config.recipe.model_copy(update={"backbone": backbone})
    shapes = Shapes(grid)

    assert shapes.of_recipe(recipe).model == LANGUAGE_MODELS["llama-2-7b-hf"]
    assert shapes.assumed == {"hub:a/new: shape of llama-2-7b-hf until its config.json is here"}


def test_folder_of_your_own_is_read_from_its_config_json(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    shape = {
        "model_type": "llama",
        "num_hidden_layers": 2,
        "hidden_size": 8,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 12,
        "vocab_size": 100,
    }
    write_json(tmp_path / "mine" / "config.json", shape)
    own = {"language_model": str(tmp_path / "mine")}
    recipe = grid.config.recipe.model_copy(
        update={"backbone": grid.config.recipe.backbone.model_copy(update=own)}
    )
    shapes = Shapes(grid)

    assert shapes.of_recipe(recipe).model == LanguageModel(2, 8, 8, 4, 12, 100)
    assert shapes.assumed == set()


def test_training_costs_4_and_6_operations_a_parameter_and_token(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    recipe, shapes = grid.cells["text100"].recipe, Shapes(grid)
    parameters = LANGUAGE_MODELS["smollm2-135m-instruct"].parameters
    # Rank 16 on seven maps: 30 layers x 16 x (2 x 1152 + 2 x 768 + 3 x 2112).
    adapters = 30 * 16 * (2 * 1152 + 2 * 768 + 3 * 2112)

    def of(mode: str) -> float:
        tune = recipe.tune.model_copy(update={"language_model": mode})
        changed = shapes.of_recipe(recipe.model_copy(update={"tune": tune}))
        return tune_work(changed, 1000).language

    assert of("frozen") == 4e3 * parameters
    assert of("lora") == 4e3 * parameters + 6e3 * adapters
    assert of("full") == 6e3 * parameters


def test_weights_on_disk_follow_what_is_kept(tmp_path: Path) -> None:
    grid = grid_of("tiny", tmp_path)
    shapes = Shapes(grid)
    settings = {name: shapes.of_cell(cell) for name, cell in grid.cells.items()}
    # fp32: rank 2 on the toy's maps, projector 24 -> 32 -> 32, not trained without pictures.
    adapter = 2 * 2 * ((32 + 32) * 2 + (32 + 16) * 2 + (32 + 64) * 3)
    projector = 25 * 32 + 33 * 32

    def kept(keep: str) -> float:
        return kept_bytes(grid, settings, keep)  # type: ignore[arg-type]

    assert kept("all") == 2 * 4 * (3 * adapter + 2 * projector)
    assert kept("adapters") == kept("all")
    assert kept("best") == 2 * 4 * (adapter + projector)
    assert kept("scores") == 0


def test_27_full_runs_of_7b_are_365_gb() -> None:
    whole = [run_bytes(paper.setting(share)) for share in paper.SHARES for _ in range(3)]

    assert sum(whole) / 1e9 == pytest.approx(365, abs=1.5)
    assert run_bytes(paper.setting(0.5), "adapters") / 1e6 == pytest.approx(42, abs=0.5)


def test_pictures_of_tiny_are_three_bytes_a_pixel(tmp_path: Path) -> None:
    grid = grid_of("tiny", tmp_path)

    disk = study_disk(grid, Shapes(grid), {})

    # 80 things in 2 views and in 1; each object in 6 colours and 4 places in both sets.
    assert disk.pictures == (80 * 2 + 40 * 10 + 80 + 40 * 10) * 3 * 32 * 32
    assert disk.assumed == ()


def test_questions_of_tiny_are_counted_over_conditions(tmp_path: Path) -> None:
    grid = grid_of("tiny", tmp_path)

    # 4 dev and 8 test items; pictures' dev items are asked once more without the picture.
    assert asked_items(grid.config, 0) == {
        "t_capital": 12,
        "t_demonym": 12,
        "v_object": 16,
        "v_capital": 16,
    }
    known = {"t_capital": 10.0, "t_demonym": 10.0, "v_object": 20.0, "v_capital": 30.0}
    setting = Shapes(grid).of_recipe(grid.config.recipe)
    assert predict_tokens(setting, 0, known) == 12 * 10 * 2 + 16 * 20 + 16 * 30


def test_examples_continued_options_and_the_untuned_model_s_conditions_are_counted(
    tmp_path: Path,
) -> None:
    grid = grid_of("tiny", tmp_path)
    plain = grid.config.model_dump(by_alias=True, exclude_none=True)
    plain["evaluate"]["conditions"] = [
        {"image": "real", "parts": ["test"]},
        {"image": "other", "parts": ["dev"]},
        {"image": "real", "parts": ["test"], "shots": 3, "models": "untuned"},
    ]
    plain["data"]["benchmarks"]["t_capital"]["scorers"] = ["choice_logprob", "label_logit"]
    config = StudyConfig.model_validate(plain)
    setting = replace(Shapes(grid).of_recipe(config.recipe), config=config)

    assert asked_items(config, 0) == {
        "t_capital": 8,
        "t_demonym": 8,
        "v_object": 12,
        "v_capital": 12,
    }
    assert asked_items(config, 0, "untuned") == {
        "t_capital": 16,
        "t_demonym": 16,
        "v_object": 20,
        "v_capital": 20,
    }
    known = {"t_capital": 10.0, "t_demonym": 10.0, "v_object": 20.0, "v_capital": 30.0}
    tuned = 8 * 10 * 2 + 8 * 10 + 12 * 20 + 12 * 30
    assert predict_tokens(setting, 0, known) == tuned
    # Three examples make a prompt of four turns.
    more = 4 * (8 * 10 * 2 + 8 * 10 + 8 * 20 + 8 * 30)
    untuned = replace(setting, kind="untuned")
    assert predict_tokens(untuned, 0, known) == tuned + more
    # t_capital is not decoded: every item of the others takes so many steps.
    per_step = 2 * (setting.model.parameters + setting.model.width * setting.model.vocabulary)
    assert predict_work(setting, 0).decoding == 32 * ANSWER_STEPS * per_step


def test_questions_of_small_are_counted_seed_by_seed(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    setting = Shapes(grid).of_recipe(grid.config.recipe)
    asked = {seed: asked_items(grid.config, seed) for seed in (0, 1)}

    # 80 test items; in the first seed 16 dev items too, pictures' once more without the picture.
    more = {name: 16 if name.startswith("t_") else 32 for name in asked[0]}
    assert asked == {0: {name: 80 + n for name, n in more.items()}, 1: dict.fromkeys(more, 80)}

    folders = {seed: grid.run_folder("text50", seed, "predictions") for seed in (0, 1, 2)}
    jobs = {folder: tasks(grid)[folder] for folder in folders.values()}
    seconds = task_seconds(grid, 50.0, jobs)
    first, second, third = (seconds[folder] - 2.0 for folder in folders.values())  # loading
    assert second == third
    longer = predict_tokens(setting, 0) / predict_tokens(setting, 1)
    assert first / second == pytest.approx(longer, rel=0.05)


def test_measured_questions_of_one_seed_tell_how_many_another_has(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    setting = Shapes(grid).of_recipe(grid.config.recipe)
    folders = {seed: grid.run_folder("text50", seed, "predictions") for seed in (0, 1)}
    jobs = {folder: tasks(grid)[folder] for folder in folders.values()}
    tokens = {seed: predict_tokens(setting, seed) for seed in folders}
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
        "overlap": 1,
        "collect": 1,
        "claims": 1,
        "draw": 1,
        "page": 1,
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


def test_estimate_halves_the_products_on_a_machine_twice_as_fast(tmp_path: Path) -> None:
    grid = grid_of("small", tmp_path)
    folder = grid.run_folder("text50", 0, "weights")
    jobs = {folder: tasks(grid)[folder]}

    slow, fast, infinite = (
        task_seconds(grid, gflops, jobs)[folder] for gflops in (50.0, 100.0, 1e12)
    )

    assert slow - infinite == pytest.approx(2 * (fast - infinite))
    # Loading stays, and so does what is no large product: 1.4 s for 1e12 operations, of which some
    # 14,000 tokens take 4 a frozen weight and 6 one of adapters, 1.17 times as dear with these.
    operations = 1.17 * 14_000 * (4 * 106e6 + 6 * 4.9e6)
    assert infinite == pytest.approx(2.0 + 1.4 * operations / 1e12, rel=0.1)


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
    assert (whole.jobs, left.jobs) == (44, 43)
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
