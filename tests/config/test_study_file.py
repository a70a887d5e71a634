"""Finding and reading a study file, and selecting from it on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlan.config import find_study, load_study
from mlan.errors import ConfigError
from tests.config.example import mistakes, plain_study, put, write


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ": a study file is a mapping of sections; it holds None"),
        ("# nothing\n", ": a study file is a mapping of sections; it holds None"),
        ("- a\n- b\n", ": a study file is a mapping of sections; it holds ['a', 'b']"),
        ("a: b: c\n", ":1: not valid YAML: mapping values are not allowed here"),
        (
            "recipe:\n\tmixture: 1\n",
            ":2: not valid YAML: found character '\\t' that cannot start any token",
        ),
        ("seeds: [0, 1\nrecipe: 1\n", ":2: not valid YAML: expected ',' or ']', but got ':'"),
        ("a: {{ share }}\n", ":1: not valid YAML: found unhashable key"),
        ("description: 2024-13-45\n", ": not valid YAML: month must be in 1..12"),
        (
            "description: a\x00b\n",
            ": not valid YAML: unacceptable character #x0000: special characters are not "
            'allowed in "<unicode string>", position 14',
        ),
        (b"description: \xe9\n", ": not UTF-8 text (invalid continuation byte at byte 13)"),
        (
            "seeds: [0]\ndata:\n  sources: {}\n  sources: {}\nseeds: [1]\n",
            ":4: 'sources' stands twice (also in line 3); each key may stand once",
        ),
    ],
)
def test_file_that_is_no_study_is_refused_in_one_line(
    tmp_path: Path, text: str | bytes, line: str
) -> None:
    assert line in mistakes(tmp_path, text)


def test_every_duplicate_key_is_one_line_with_both_places(tmp_path: Path) -> None:
    text = "seeds: [0]\ndata:\n  images: {}\n  images: {}\nseeds: [1]\n"
    assert sorted(mistakes(tmp_path, text)) == [
        ":4: 'images' stands twice (also in line 3); each key may stand once",
        ":5: 'seeds' stands twice (also in line 1); each key may stand once",
    ]


def test_merge_keys_are_no_duplicates(tmp_path: Path) -> None:
    text = yaml.safe_dump(plain_study(), sort_keys=False)
    before = "    t_define:\n      adapter: facts\n      modality: text\n"
    assert before in text
    merged = text.replace("    t_capital:\n", "    t_capital: &text\n", 1).replace(
        before, "    t_define:\n      <<: *text\n"
    )
    study = load_study(write(tmp_path, merged))
    assert study.config.data.sources["t_define"].modality == "text"


@pytest.mark.parametrize(
    ("selection", "seeds"),
    [("first", [5]), ("", [5, 3, 8]), ("8", [8]), ("8,5", [5, 8]), (" 3, 8 ", [3, 8])],
)
def test_seeds_select_in_the_order_of_the_file(
    tmp_path: Path, selection: str, seeds: list[int]
) -> None:
    path = write(tmp_path, put(plain_study(), "seeds", [5, 3, 8]))
    assert load_study(path, seeds=selection).config.seeds == seeds


@pytest.mark.parametrize("nothing", [",", " "])
def test_selecting_no_seed_is_refused(tmp_path: Path, nothing: str) -> None:
    assert mistakes(tmp_path, plain_study(), seeds=nothing) == [
        f"seeds = {nothing!r}: not a seed of the study; allowed: first, 0, 1"
    ]


def test_unknown_selections_are_one_line_each(tmp_path: Path) -> None:
    assert mistakes(tmp_path, plain_study(), seeds="0,7,last", experiments="swep,sweep") == [
        "seeds = '7': not a seed of the study; allowed: first, 0, 1",
        "seeds = 'last': not a seed of the study; allowed: first, 0, 1",
        "experiments = 'swep': unknown experiment; did you mean 'sweep'?",
    ]


def test_key_that_was_replaced_says_by_what(tmp_path: Path) -> None:
    study = put(plain_study(), "recipe.mixture.repeat", True)
    study["experiments"]["sweep"]["set"] = {"mixture.repeat": True}
    became = (
        "is now `match`: `repeat: true` is `match: up`, `repeat: false` is `match: refuse`, "
        "the default"
    )
    assert mistakes(tmp_path, study) == [
        f": recipe.mixture.repeat: {became}",
        f": experiments.sweep: mixture.repeat: {became}",
    ]


@pytest.mark.parametrize(
    ("align", "lines"),
    [
        (
            {"captions": "v_objec", "method": "plain"},
            [": recipe.align.captions = 'v_objec': unknown source; did you mean 'v_object'?"],
        ),
        (
            {"captions": "t_define", "method": "plain"},
            [": recipe.align.captions = 't_define': a source of texts; captions have pictures"],
        ),
        (
            {"captions": "v_object"},
            [
                ": recipe.align.method = 'warm_start': needs names of things; captions are learnt "
                "`plain`"
            ],
        ),
        (
            {"epochs": 1, "caption_layout": "packed"},
            [
                f": recipe.align.{key}: is about captions; recipe.align.captions names none"
                for key in ("epochs", "caption_layout")
            ],
        ),
        (
            {"from": "a/mm_projector.pt"},
            [": recipe.align.from = 'a/mm_projector.pt': not a .safetensors or .bin file"],
        ),
        (
            {"from": "hub:acme/llava"},
            [
                ": recipe.align.from = 'hub:acme/llava': names no file of a repository; write "
                "hub:org/name/file"
            ],
        ),
        (
            {"from": "hub:acme/llava@main/mm_projector.bin"},
            [
                ": recipe.align.from = 'hub:acme/llava@main/mm_projector.bin': 'main' is not a "
                "commit: a pin has 40 hex digits, a branch or a tag moves; leave out '@main' and "
                "let `mlan lock` find the commit"
            ],
        ),
        ({"from": "a/mm_projector.bin"}, None),
        ({"from": f"hub:acme/llava@{'0' * 40}/stage1/mm_projector.bin"}, None),
        (
            {"from": "a.safetensors", "captions": "v_object", "method": "plain"},
            [
                ": recipe.align.from: is used in place of training; recipe.align.captions = "
                "'v_object' would not be read"
            ],
        ),
        ({"from": "a.safetensors", "images": "none"}, None),
        ({"captions": "v_object", "method": "plain", "images": "none"}, None),
        ({"naming_images": None}, None),
    ],
)
def test_captions_of_stage_1_fit_the_data(
    tmp_path: Path, align: dict[str, Any], lines: list[str] | None
) -> None:
    study = put(plain_study(), "recipe.align", align)
    if lines is None:
        load_study(write(tmp_path, study))
    else:
        assert mistakes(tmp_path, study) == lines


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("train {data} {model} {images} {seed} --to {out} ${{HOME}}", None),
        ("train {data} {outt}", "{outt} is not one of {data}, {images}, {model}, {out}, {seed}"),
        ("train {data}", "{out} is missing; allowed are {data}, {images}, {model}, {out}, {seed}"),
        ("train {data} {out} }", "a brace of the command itself is doubled"),
        ("train {data} {out} {}", "{} is not one of"),
    ],
)
def test_command_names_what_it_is_given(tmp_path: Path, command: str, said: str | None) -> None:
    study = put(plain_study(), "recipe.tune.command", command)
    if said is None:
        load_study(write(tmp_path, study))
    else:
        [line] = mistakes(tmp_path, study)
        assert line.startswith(": recipe.tune.command = ")
        assert said in line


def test_experiments_select_and_make_default_what_they_name(tmp_path: Path) -> None:
    study = put(plain_study(), "experiments.plain", {"default": False})
    path = write(tmp_path, study)
    selected = load_study(path, experiments="plain").config.experiments
    assert {name: e.default for name, e in selected.items()} == {"sweep": False, "plain": True}
    assert set(load_study(path).config.experiments) == {"sweep", "plain"}


def test_study_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    path = Path(write(tmp_path, plain_study()))
    assert find_study("mine", tmp_path) == path
    assert find_study(str(path)) == path


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("mien", "study = 'mien': unknown study; did you mean 'mine'?"),
        ("zzz", "study = 'zzz': unknown study; allowed: mine"),
        ("other.yaml", "study = 'other.yaml': no such file"),
    ],
)
def test_unknown_study_is_one_line(tmp_path: Path, asked: str, line: str) -> None:
    write(tmp_path, plain_study())
    with pytest.raises(ConfigError) as caught:
        find_study(asked, tmp_path)
    assert caught.value.lines == (line,)
