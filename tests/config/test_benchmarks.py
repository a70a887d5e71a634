"""Public benchmarks in a study: what is wrong with an entry, what its jobs depend on."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from mlan.config.data import Data
from mlan.config.hub import Revision, parse_name
from mlan.grid import Grid
from tests.config.example import mistakes, plain_study, put, validated

COMMIT = "0" * 40
QUIZ = {"adapter": "benchmark_set", "set": "openbookqa", "path": "far/quiz.parquet"}
POPE = {"adapter": "benchmark_set", "set": "pope", "path": "far/pope.parquet"}


def _with(**benchmarks: Any) -> dict[str, Any]:
    plain = plain_study()
    plain["data"]["benchmarks"] |= deepcopy(benchmarks)
    return plain


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {**QUIZ, "set": "openbook"},
            [
                ": data.benchmarks.quiz.set = 'openbook': not one of race, openbookqa, boolq, "
                "hellaswag, mmlu, arc, commonsenseqa, cosmosqa, strategyqa, scienceqa_text, "
                "scienceqa_image, gqa, pope, ai2d, realworldqa, mmmu, mme, mmbench, textvqa, "
                "vqav2; did you mean 'openbookqa'?"
            ],
        ),
        (
            {**QUIZ, "adapter": "set"},
            [": data.benchmarks.quiz.adapter = 'set': not one of facts, benchmark_set"],
        ),
        (
            {**QUIZ, "dev_shar": 0.2},
            [": data.benchmarks.quiz.dev_shar: unknown key; did you mean 'dev_share'?"],
        ),
        (
            {**QUIZ, "near": ["vqa", "arc", "t_define"]},
            [
                ": data.benchmarks.quiz.near = 'vqa': neither a source nor an instruction set; did "
                "you mean 'vqav2'?"
            ],
        ),
        (
            {**POPE, "path": "pope.jsonl"},
            [": data.benchmarks.quiz.image_folder: missing; a vision benchmark names one"],
        ),
        (
            {**POPE, "image_path": "images.parquet"},
            [": data.benchmarks.quiz.image_path: set 'pope' holds its pictures itself"],
        ),
        (
            {**POPE, "set": "gqa"},
            [
                ": data.benchmarks.quiz.image_path: missing; set 'gqa' has files of pictures, or "
                "an image_folder"
            ],
        ),
        (
            {**QUIZ, "dev_path": ["a.parquet", "b.parquet"], "dev_sha256": "0" * 64},
            [
                ": data.benchmarks.quiz.dev_sha256: 1 checksums for 2 files; name one for each, in "
                "the order of `dev_path`"
            ],
        ),
        (
            {**QUIZ, "repository": f"hub:datasets/acme/quiz@{COMMIT}", "dev_path": "../dev.jsonl"},
            [
                ": data.benchmarks.quiz.dev_path = '../dev.jsonl': not a file's path within the "
                "repository"
            ],
        ),
        (
            {
                **POPE,
                "repository": f"hub:datasets/acme/pope@{COMMIT}",
                "image_folder": "photos",
            },
            [
                ": data.benchmarks.quiz.image_folder: a repository's pictures are read from its "
                "parquet files or an archive (.zip)"
            ],
        ),
        (
            {
                **POPE,
                "repository": f"hub:datasets/acme/pope@{COMMIT}",
                "image_folder": "photos/*.zip",
            },
            [
                ": data.benchmarks.quiz.image_folder = 'photos/*.zip': not a file's path within "
                "the repository"
            ],
        ),
        (
            {
                **QUIZ,
                "path": "test-*.parquet",
                "sha256": "0" * 64,
                "repository": f"hub:datasets/acme/quiz@{COMMIT}",
            },
            [
                ": data.benchmarks.quiz.sha256: of 'test-*.parquet', which names several files; "
                "the commit pins them"
            ],
        ),
    ],
)
def test_mistake_in_a_public_benchmark_is_one_line(
    fields: dict[str, Any], lines: list[str], tmp_path: Path
) -> None:
    assert mistakes(tmp_path, _with(quiz=fields)) == lines


def test_name_may_not_be_that_of_a_source(tmp_path: Path) -> None:
    assert mistakes(tmp_path, _with(t_define=QUIZ)) == [
        ": data.benchmarks.t_define: a benchmark of files and a source may not share the name "
        "'t_define'"
    ]


def test_near_is_what_is_known_of_the_set_unless_it_is_told() -> None:
    plain = _with(quiz=QUIZ, told={**QUIZ, "near": ["squad"]}, far={**QUIZ, "near": []}, sight=POPE)
    arc = {"adapter": "instruction_set", "set": "arc", "path": "arc.jsonl"}
    plain["data"]["sources"] |= {"science": arc}
    data = Data.model_validate(plain["data"])
    near = {name: data.near(name) for name in data.benchmarks}
    assert near == {
        "t_capital": [],
        "v_object": [],
        "quiz": ["science"],
        "told": ["squad"],
        "far": [],
        "sight": [],
    }


def _grid(**benchmarks: Any) -> Grid:
    return Grid(validated(_with(**benchmarks), folder="some/where"), "cpu")


def test_embedded_benchmark_is_identified_as_ever() -> None:
    grid = _grid(quiz=QUIZ)
    assert grid.identity("prepare_benchmark", benchmark="v_object") == (
        '{"benchmark":{"dev":16,"images":"eval","modality":"vision","relation":"object",'
        '"test":80},"name":"v_object"}'
    )


def test_files_of_a_public_benchmark_are_inputs_and_their_place_decides_nothing() -> None:
    more = {"dev_path": ["far/dev.parquet", "far/more.parquet"], "image_path": "far/p.parquet"}
    grid = _grid(sight={**POPE, "set": "gqa", **more, "image_folder": None})
    files = {
        "file": Path("some/where/far/pope.parquet"),
        "file:dev": Path("some/where/far/dev.parquet"),
        "file:dev:1": Path("some/where/far/more.parquet"),
        "file:images": Path("some/where/far/p.parquet"),
    }
    images = grid.folder("data", "images", "sight")
    assert grid.inputs("prepare_images", set="sight") == files
    assert grid.inputs("prepare_benchmark", benchmark="sight") == {**files, "images": images}
    assert grid.inputs("predict", cell="untuned", seed=0)["images:sight"] == images
    identity = json.loads(grid.identity("prepare_benchmark", benchmark="sight"))
    assert identity["split_seed"] == 7
    assert identity["benchmark"]["dev_path"] == ["dev.parquet", "more.parquet"]
    assert "/" not in json.dumps(identity)


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        ("taught_by", "text", {"collect", "draw"}),
        ("headline", False, {"collect", "draw"}),
        ("near", ["arc"], {"collect", "draw"}),
        ("max_new_tokens", 4, {"predict"}),
        ("test", 50, {"prepare_images", "prepare_benchmark"}),
        ("dev_share", 0.2, {"prepare_images", "prepare_benchmark"}),
    ],
)
def test_edit_of_a_public_benchmark_touches_exactly_what_uses_it(
    key: str, value: Any, stages: set[str]
) -> None:
    def identities(plain: dict[str, Any]) -> dict[str, str]:
        grid = Grid(validated(plain), "cpu")
        run = {"cell": "untuned", "seed": 0}
        return {
            "prepare_images": grid.identity("prepare_images", set="sight"),
            "prepare_benchmark": grid.identity("prepare_benchmark", benchmark="sight"),
            "predict": grid.identity("predict", **run),
            "score": grid.identity("score", **run),
            "collect": grid.identity("collect"),
            "draw": grid.identity("draw"),
        }

    before = identities(_with(sight=POPE))
    after = identities(put(_with(sight=POPE), f"data.benchmarks.sight.{key}", value))
    assert {stage for stage in after if after[stage] != before[stage]} == stages


def test_files_on_a_hub_are_fetched_for_a_benchmark() -> None:
    name = f"hub:datasets/acme/quiz@{COMMIT}"
    study = validated(_with(quiz={**QUIZ, "repository": name, "dev_path": "far/dev.parquet"}))
    grid = Grid(study, "cpu", revisions={name: Revision(parse_name(name), pinned=True)})
    assert grid.hub_sources == ["quiz"]
    assert json.loads(grid.identity("fetch", source="quiz")) == {
        "name": "quiz",
        "section": "data.benchmarks",
        "repository": name,
        "files": ["far/dev.parquet", "far/quiz.parquet"],
    }
    assert grid.inputs("prepare_benchmark", benchmark="quiz") == {"hub": grid.hub_folder("quiz")}


def test_archive_of_a_repository_is_fetched_with_the_other_files() -> None:
    name = f"hub:datasets/acme/pope@{COMMIT}"
    study = validated(_with(sight={**POPE, "repository": name, "image_folder": "far/photos.zip"}))
    grid = Grid(study, "cpu", revisions={name: Revision(parse_name(name), pinned=True)})
    fetched = json.loads(grid.identity("fetch", source="sight"))["files"]
    assert fetched == ["far/photos.zip", "far/pope.parquet"]
    assert grid.inputs("prepare_images", set="sight") == {"hub": grid.hub_folder("sight")}
    opened = json.loads(grid.identity("prepare_images", set="sight"))["benchmark"]
    assert opened["image_folder"] == "far/photos.zip"
    assert grid.pictures("sight") == grid.hub_folder("sight") / "far" / "photos.zip"
