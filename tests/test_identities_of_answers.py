"""What decides the answers of a run: the evaluation's conditions, limits and prompts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.config.example import plain_study, put
from tests.identity_jobs import Plain, changed, grid_of, identities


def test_evaluation_settings_touch_predictions_only() -> None:
    touched = changed(lambda p: put(p, "evaluate", {"max_new_tokens": 9}))
    assert {job[0] for job in touched} == {"predict"}
    assert {job[1] for job in touched} == {"text0", "text50", "text100", "untuned"}


def protocol(plain: Plain, cell: str = "text50", seed: int = 0) -> Any:
    return json.loads(grid_of(plain).identity("predict", cell=cell, seed=seed))["evaluate"]


def test_evaluation_without_limits_is_that_of_every_seed() -> None:
    plain = plain_study()
    conditions = [
        {"image": "real", "parts": ["test"]},
        {"image": "blank", "parts": ["test", "dev"]},
        {"image": "real", "parts": ["dev"]},
    ]
    put(plain, "evaluate", {"conditions": conditions, "max_new_tokens": 9})
    for seed in (0, 1):
        assert protocol(plain, seed=seed) == {
            "conditions": conditions,
            "max_new_tokens": 9,
            "batch": 48,
            "batch_tokens": 32_768,
        }
    assert json.loads(grid_of(plain).identity("draw"))["limits"] == []


DEFAULT = [{"image": "real", "parts": ["dev", "test"]}, {"image": "blank", "parts": ["dev"]}]


def limited(*seeds: int) -> list[Plain]:
    """The default conditions with the dev part in some seeds only."""
    return [
        {"image": "real", "parts": ["test"]},
        {"image": "real", "parts": ["dev"], "seeds": [*seeds]},
        {"image": "blank", "parts": ["dev"], "seeds": [*seeds]},
    ]


def test_limited_condition_decides_the_runs_of_its_seeds_only() -> None:
    plain = put(plain_study(), "evaluate.conditions", limited(0))
    assert protocol(plain, "text50", 0) == protocol(plain_study(), "text50", 0)
    assert protocol(plain, "untuned", 0) == protocol(plain_study(), "untuned", 0)
    assert protocol(plain, "text50", 1)["conditions"] == [{"image": "real", "parts": ["test"]}]


def test_limiting_a_condition_touches_only_the_runs_that_lose_it() -> None:
    touched = changed(lambda p: put(p, "evaluate.conditions", limited(0)))
    cells = ("text0", "text50", "text100")
    assert touched == {("draw",), *(("predict", cell, "1") for cell in cells)}


def test_limit_as_long_as_the_study_touches_no_run() -> None:
    touched = changed(lambda p: put(p, "evaluate.conditions", limited(0, 1)))
    assert touched == {("draw",)}


def test_limits_touch_only_the_seeds_that_they_name() -> None:
    plain = put(plain_study(), "seeds", [0, 1, 2])
    before = identities(put(plain, "evaluate.conditions", limited(0)))
    after = identities(put(plain, "evaluate.conditions", limited(0, 2)))
    differ = {job for job in before if before[job] != after[job]}
    assert differ == {("draw",), *(("predict", f"text{share}", "2") for share in (0, 50, 100))}


def test_limits_apply_to_the_untuned_model_of_each_seed() -> None:
    plain = put(plain_study(), "seed_varies", ["align"])
    put(plain, "evaluate.conditions", limited(1))
    asked = {s: protocol(plain, "untuned", s)["conditions"] for s in (0, 1)}
    assert asked == {
        0: [{"image": "real", "parts": ["test"]}],
        1: [{"image": "real", "parts": ["dev", "test"]}, {"image": "blank", "parts": ["dev"]}],
    }


def test_condition_says_what_is_not_as_by_default_in_name_and_identity() -> None:
    told = {
        "image": "other",
        "parts": ["test"],
        "primer": True,
        "option_order": "shuffled",
        "shots": 2,
        "prompt": "mlan",
        "gold_prompts": True,
    }
    plain = put(plain_study(), "evaluate.conditions", [*DEFAULT, {**told, "seeds": [0]}])
    grid = grid_of(plain)
    name = grid.config.evaluate.conditions[-1].name
    assert name == "other+primer+shuffled+2shots+mlan+leaking"
    assert protocol(plain)["conditions"] == [*DEFAULT, told]
    assert protocol(plain, seed=1)["conditions"] == DEFAULT
    assert json.loads(grid.identity("draw"))["limits"] == [
        {"condition": name, "part": "test", "seeds": [0]}
    ]


def test_defaults_that_are_written_down_touch_nothing() -> None:
    def told(plain: Plain) -> None:
        written = {"option_order": "given", "primer": False, "shots": 0, "models": "all"}
        conditions = [{**c, **written, "gold_prompts": False} for c in DEFAULT]
        scorers = ["label_logit", "generate"]
        put(plain, "evaluate", {"conditions": conditions, "scorers": scorers, "seed": 5})
        put(plain, "data.benchmarks.v_object.prompt", "default")
        put(plain, "data.benchmarks.t_capital.scorers", ["generate", "label_logit"])
        put(plain, "data.benchmarks.t_capital.continuation", "text")

    assert changed(told) == set()


def test_condition_of_the_untuned_model_touches_no_other_run() -> None:
    condition = {"image": "real", "parts": ["test"], "shots": 2, "models": "untuned"}
    plain = plain_study()
    touched = changed(lambda p: put(p, "evaluate.conditions", [*DEFAULT, condition]))
    assert touched == {("predict", "untuned", "0"), ("draw",)}
    put(plain, "evaluate.conditions", [*DEFAULT, condition])
    asked = {"image": "real", "parts": ["test"], "shots": 2}
    assert protocol(plain, "untuned")["conditions"] == [*DEFAULT, asked]
    assert protocol(plain, "untuned")["seed"] == 0


@pytest.mark.parametrize(
    "condition",
    [
        {"image": "other"},
        {"image": "real", "option_order": "shuffled"},
        {"image": "real", "shots": 1},
    ],
)
def test_seed_of_the_evaluation_decides_where_something_is_drawn(condition: Plain) -> None:
    plain = put(plain_study(), "evaluate.conditions", [*DEFAULT, {**condition, "parts": ["test"]}])
    before = identities(plain)
    after = identities(put(plain, "evaluate.seed", 5))
    differ = {job for job in before if before[job] != after[job]}
    assert {job[0] for job in differ} == {"predict"}


def test_how_a_benchmark_is_asked_decides_the_predictions() -> None:
    plain = put(plain_study(), "data.benchmarks.v_object.prompt", "short")
    put(plain, "data.benchmarks.t_capital.scorers", ["generate", "choice_logprob"])
    asked = json.loads(grid_of(plain).identity("predict", cell="text50", seed=0))["benchmarks"]
    assert asked == {
        "t_capital": {
            "modality": "text",
            "scorers": ["choice_logprob", "generate"],
            "continuation": "question",
        },
        "v_object": {"modality": "vision", "prompt": "short"},
    }


def test_options_of_hellaswag_continue_its_text_unless_the_study_says_otherwise() -> None:
    own = {"adapter": "benchmark_set", "set": "hellaswag", "path": "a.jsonl"}
    for more, expected in (({}, "text"), ({"continuation": "question"}, "question")):
        plain = put(plain_study(), "data.benchmarks.endings", {**own, **more})
        put(plain, "evaluate.scorers", ["choice_logprob"])
        asked = json.loads(grid_of(plain).identity("predict", cell="text50", seed=0))["benchmarks"]
        assert asked["endings"]["continuation"] == expected
        assert asked["v_object"]["continuation"] == "question"
