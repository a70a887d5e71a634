"""Mistakes in experiments: found on loading, with all others, and each told once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlan.config import load_study
from mlan.config.expand import expand
from mlan.config.fit import misfits
from mlan.config.mend import read
from tests.config.example import mistakes, plain_study, put, write

Plain = dict[str, Any]


def experiments(**named: Plain) -> Plain:
    return put(plain_study(), "experiments", named)


def shares(*values: Any, **more: Any) -> Plain:
    return {"vary": {"mixture.text_share": list(values)}, **more}


# --- one mistake -----------------------------------------------------------------------------

ONE_MISTAKE: dict[str, tuple[Plain, str]] = {
    "unknown key": (
        {"vary": {"mixture.text_shar": [0]}},
        ": mixture.text_shar: unknown recipe key 'text_shar'; did you mean 'text_share'?",
    ),
    "unknown section": (
        {"vary": {"mixtures.text_share": [0]}},
        ": mixtures.text_share: unknown recipe key 'mixtures'; did you mean 'mixture'?",
    ),
    "key below a value": (
        {"set": {"tune.lora.rank.value": 1}},
        ": tune.lora.rank.value: unknown recipe key 'value'; none is defined",
    ),
    "unknown key within a section": (
        {"set": {"tune.lora": {"rnk": 4}}},
        ": recipe.tune.lora.rnk: unknown key; did you mean 'rank'?",
    ),
    "value out of range": (
        {"vary": {"mixture.text_share": [0.5, 1.5]}},
        ": recipe.mixture.text_share = 1.5: input should be less than or equal to 1",
    ),
    "value that is no choice": (
        {"set": {"align.method": "plane"}},
        ": recipe.align.method = 'plane': not one of warm_start, plain; did you mean 'plain'?",
    ),
    "unknown source": (
        {"vary": {"mixture.text.t_capitol": [1]}},
        ": recipe.mixture.text.t_capitol: unknown source; did you mean 't_capital'?",
    ),
    "source of the other modality": (
        {"set": {"mixture.vision": {"t_define": 1}}},
        ": recipe.mixture.vision.t_define: source 't_define' has modality 'text'; "
        "it must be 'vision' here",
    ),
    "unknown image set": (
        {"set": {"align.images": "trian"}},
        ": recipe.align.images = 'trian': unknown image set; did you mean 'train'?",
    ),
    "no source for a share": (
        {"set": {"mixture.text": {}}},
        ": recipe.mixture.text: empty, but text_share = 0.5",
    ),
    "arm without its budget": (
        {"set": {"mixture.arm": "tokens", "mixture.instances": None}},
        ": recipe.mixture.tokens: missing; recipe.mixture.arm = 'tokens' needs it",
    ),
    "budget of another arm": (
        {"set": {"mixture.arm": "tokens", "mixture.tokens": 9000}},
        ": recipe.mixture.instances = 480: is not what recipe.mixture.arm = 'tokens' holds equal; "
        "set it to null",
    ),
    "tokens in the arm of instances": (
        {"set": {"mixture.tokens": 9000}},
        ": recipe.mixture.tokens = 9000: is not what recipe.mixture.arm = 'instances' holds equal; "
        "set it to null",
    ),
    "tokens matched down": (
        {
            "set": {
                "mixture": {
                    "arm": "tokens",
                    "tokens": 9,
                    "instances": None,
                    "match": "down",
                    "text": {"t_capital": 1},
                    "vision": {"v_object": 1},
                }
            }
        },
        ": recipe.mixture.match = 'down': lowers instances; with recipe.mixture.arm = 'tokens' it "
        "is refuse or up",
    ),
    "nothing to train": (
        {"set": {"tune.language_model": "frozen", "tune.projector": "frozen"}},
        ": recipe.tune.language_model = 'frozen': nothing would be trained",
    ),
    "duplicate value": (
        shares(0.5, 1, 0.5),
        ".vary.mixture.text_share = 0.5: stands twice; cells would be duplicates",
    ),
    "duplicate cell": (
        shares(0.5, "0.5"),
        ": cell text50 stands twice; each value may stand once",
    ),
    "axis without values": (
        shares(),
        ".vary.mixture.text_share: empty; give at least one value",
    ),
    "axis that is no list": (
        {"vary": {"mixture.text_share": 0.5}},
        ".vary.mixture.text_share = 0.5: input should be a valid list",
    ),
    "key both set and varied": (
        shares(0, 1, set={"mixture.text_share": 0.5}),
        ".set.mixture.text_share: also in vary; it may stand in one",
    ),
}


@pytest.mark.parametrize("case", ONE_MISTAKE)
def test_mistake_is_one_line_with_the_experiments_name(tmp_path: Path, case: str) -> None:
    experiment, line = ONE_MISTAKE[case]
    found = mistakes(tmp_path, experiments(good=shares(0, 1), sweep=experiment))
    assert found == [f": experiments.sweep{line}"]


@pytest.mark.parametrize("case", ONE_MISTAKE)
def test_mistake_is_told_beside_those_of_all_other_sections(tmp_path: Path, case: str) -> None:
    experiment, line = ONE_MISTAKE[case]
    study = experiments(good=shares(0, 1), sweep=experiment)
    put(study, "data.benchmarks.v_object.relation", "objct")
    put(study, "recipe.tune.clip_norm", -1)
    put(study, "evaluate.batch", 0)
    found = mistakes(tmp_path, study)
    assert f": experiments.sweep{line}" in found
    assert len(found) == 4


def test_different_cells_of_one_name_are_refused_also_where_one_is_off(tmp_path: Path) -> None:
    study = experiments(sweep=shares(0.12345678), fine=shares(0.12345679, default=False))
    assert mistakes(tmp_path, study) == [
        ": experiments.fine: cell text12p3457 would name two different recipes; "
        "values that differ less than names show need another spacing"
    ]


def test_experiment_off_by_default_or_not_selected_is_checked_too(tmp_path: Path) -> None:
    study = experiments(sweep=shares(0.5), extra=shares(7, default=False))
    line = (
        ": experiments.extra: recipe.mixture.text_share = 7: "
        "input should be less than or equal to 1"
    )
    assert mistakes(tmp_path, study) == [line]
    assert mistakes(tmp_path, study, experiments="sweep") == [line]


def test_study_without_default_experiment_runs_only_by_name(tmp_path: Path) -> None:
    study = experiments(sweep=shares(0, default=False))
    assert mistakes(tmp_path, study) == [
        ": experiments: none is part of the default targets; name one to run"
    ]
    assert load_study(write(tmp_path, study), experiments="sweep").config.experiments


# --- all at once -----------------------------------------------------------------------------


def test_mistakes_of_data_recipe_and_two_experiments_come_at_once(tmp_path: Path) -> None:
    study = experiments(
        one={"vary": {"mixture.text_share": [0, 2], "tune.lora.rnk": [2]}},
        two={"set": {"align.images": "evl"}, "vary": {"mixture.vision.v_flagg": [1, 2]}},
    )
    put(study, "data.sources.t_capital.relation", "capitol")
    put(study, "data.benchmarks.v_object.imges", "eval")
    put(study, "recipe.mixture.instances", 0)
    put(study, "recipe.mixture.text.t_defin", 1)
    put(study, "seeds", [3, 3])
    relation, *others = mistakes(tmp_path, study)
    assert relation.startswith(": data.sources.t_capital.relation = 'capitol': not one of ")
    assert others == [
        ": data.benchmarks.v_object.imges: unknown key; did you mean 'images'?",
        ": recipe.mixture.instances = 0: input should be greater than or equal to 1",
        ": seeds = 3: named twice; each value may stand once",
        ": recipe.mixture.text.t_defin: unknown source; did you mean 't_define'?",
        ": experiments.one: tune.lora.rnk: unknown recipe key 'rnk'; did you mean 'rank'?",
        ": experiments.one: recipe.mixture.text_share = 2: input should be less than or equal to 1",
        ": experiments.two: recipe.align.images = 'evl': unknown image set; did you mean 'eval'?",
        ": experiments.two: recipe.mixture.vision.v_flagg: unknown source; did you mean 'v_flag'?",
    ]


def test_mistakes_of_one_experiment_come_at_once(tmp_path: Path) -> None:
    wrong = {"tune.lora.rnk": 4, "tune.clip_norm": -1, "mixture.text": {"t_capitol": 1}}
    assert sorted(mistakes(tmp_path, experiments(sweep=shares(0.5, 0.5, set=wrong)))) == [
        ": experiments.sweep.vary.mixture.text_share = 0.5: stands twice; "
        "cells would be duplicates",
        ": experiments.sweep: recipe.mixture.text.t_capitol: unknown source; "
        "did you mean 't_capital'?",
        ": experiments.sweep: recipe.tune.clip_norm = -1: input should be greater than 0",
        ": experiments.sweep: tune.lora.rnk: unknown recipe key 'rnk'; did you mean 'rank'?",
    ]


@pytest.mark.parametrize("lost", ["data", "data.sources", "recipe.mixture.text", "recipe.mixture"])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_section_that_says_nothing_does_not_hide_mistakes_in_experiments(
    tmp_path: Path, lost: str, how: str
) -> None:
    study = experiments(one={"vary": {"mixture.text_shar": [0]}}, two={"set": {"tune.batch": 0}})
    *path, last = lost.split(".")
    section: Any = study
    for part in path:
        section = section[part]
    section[last] = None
    if how == "missing":
        del section[last]
    first, *others = mistakes(tmp_path, study)
    assert first.startswith(f": {lost}")
    assert [line.split(": unknown")[0] for line in others] == [
        ": experiments.one: mixture.text_shar",
        ": experiments.two: tune.batch",
    ]


# --- consequences ----------------------------------------------------------------------------


def test_mistake_of_the_base_recipe_is_not_told_again_for_its_cells(tmp_path: Path) -> None:
    study = experiments(sweep=shares(0, 0.5), rank={"vary": {"tune.lora.rank": [2, 4]}})
    put(study, "recipe.mixture.text", {})
    put(study, "recipe.align.images", "trian")
    assert mistakes(tmp_path, study) == [
        ": recipe.align.images = 'trian': unknown image set; did you mean 'train'?",
        ": recipe.mixture.text: empty, but text_share = 0.5",
    ]


def test_mistake_that_an_experiment_makes_anew_is_told_for_both(tmp_path: Path) -> None:
    study = experiments(sweep=shares(0, 0.5, set={"mixture.text": {"t_defin": 1}}))
    put(study, "recipe.mixture.text", {"t_defin": 1})
    assert mistakes(tmp_path, study) == [
        ": recipe.mixture.text.t_defin: unknown source; did you mean 't_define'?",
        ": experiments.sweep: recipe.mixture.text.t_defin: unknown source; "
        "did you mean 't_define'?",
    ]


@pytest.mark.parametrize(
    ("share", "line"),
    [
        (
            {"vary": {"mixture.text_shar": [1]}},
            ": mixture.text_shar: unknown recipe key 'text_shar'; did you mean 'text_share'?",
        ),
        (
            {"vary": {"mixture.text_share": [-1]}},
            ": recipe.mixture.text_share = -1: input should be greater than or equal to 0",
        ),
        (
            {"vary": {"mixture.text_share": 1}},
            ".vary.mixture.text_share = 1: input should be a valid list",
        ),
        ({"vry": {"mixture.text_share": [1]}}, ".vry: unknown key; did you mean 'vary'?"),
    ],
)
def test_share_that_was_not_understood_leaves_no_modality_empty(
    tmp_path: Path, share: Plain, line: str
) -> None:
    study = experiments(text_only={"set": {"mixture.vision": {}}, **share})
    assert mistakes(tmp_path, study) == [f": experiments.text_only{line}"]


def test_wrong_value_anywhere_has_no_consequences_and_hides_no_experiment() -> None:
    told = [
        "experiments.bad_key: mixture.text_shar: unknown recipe key 'text_shar'; "
        "did you mean 'text_share'?",
        "experiments.bad_value: recipe.tune.lora.rank = 0: "
        "input should be greater than or equal to 1",
    ]
    spoilt = 0
    for study in _spoilt():
        study["experiments"]["bad_key"] = {"vary": {"mixture.text_shar": [0]}}
        study["experiments"]["bad_value"] = {"set": {"tune.lora.rank": 0}}
        reading = read(study)
        if not reading.mistakes:
            continue  # such as another name for a source: right by itself
        spoilt += 1
        assert reading.config is not None
        problems = [*misfits(reading.config), *expand(reading.config).problems]
        lines = [p.line for p in problems if not p.rests_on_any(reading.lost)]
        assert lines == told, reading.mistakes
    assert spoilt > 300


def _spoilt() -> Iterator[Plain]:
    """A study in which much depends on much, with each of its values spoilt in turn."""
    for path in list(_paths(_entangled())):
        for wrong in (-1, "zzz", None, [], ["zzz"]):
            study = _entangled()
            _at(study, path[:-1])[path[-1]] = wrong
            yield from _with_experiments(study)
        study = _entangled()
        holder = _at(study, path[:-1])
        value = holder.pop(path[-1])
        yield from _with_experiments(study)
        for name in (f"x{path[-1]}", "Bad Name", 7) if isinstance(holder, dict) else ():
            study = _entangled()
            holder = _at(study, path[:-1])
            del holder[path[-1]]
            holder[name] = value
            yield from _with_experiments(study)


def _with_experiments(study: Plain) -> Iterator[Plain]:
    if isinstance(study.get("experiments"), dict):
        yield study


def _entangled() -> Plain:
    study = experiments(
        sweep=shares(0.0, 0.5),
        text_only=shares(1.0, set={"mixture.vision": {}, "tune.language_model": "lora"}),
        vision_only=shares(0, set={"mixture.text": {}}),
        diversity={
            "vary": {"mixture.text": [{"t_capital": 1}, {"t_define": 1}]},
            "set": {"align.images": "eval", "mixture.vision.own": 2},
        },
        off={"set": {"tune.projector": "train"}, "default": False},
    )
    own = {"adapter": "conversations", "modality": "vision", "path": "a.json", "image_folder": "."}
    put(study, "data.sources.own", own)
    put(study, "recipe.mixture.vision.own", 1)
    put(study, "recipe.align", {"images": "train", "naming_images": "eval"})
    put(study, "recipe.tune.language_model", "frozen")
    put(study, "evaluate.conditions", [{"image": "real", "parts": ["dev"]}])
    return study


def _paths(plain: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = enumerate(plain) if isinstance(plain, list) else ()
    for key, value in plain.items() if isinstance(plain, dict) else entries:
        yield (*above, key)
        yield from _paths(value, (*above, key))


def _at(plain: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        plain = plain[key]
    return plain


# --- expansion -------------------------------------------------------------------------------


def test_key_inside_a_value_of_the_same_experiment_leaves_that_value_as_written(
    tmp_path: Path,
) -> None:
    both = {"tune.lora": {"rank": 4, "alpha": 8}, "tune.lora.rank": 16}
    study = load_study(write(tmp_path, experiments(sweep={"set": both})))
    (recipe,) = expand(study.config).recipes["sweep"]
    assert (recipe.tune.lora.rank, recipe.tune.lora.alpha) == (16, 8)
    assert study.config.experiments["sweep"].set == both
