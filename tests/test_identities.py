"""What decides each job's result, and which folders it reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlan.config.hub import HubName, Revision
from mlan.errors import ConfigError
from mlan.grid import Grid
from tests.config.example import plain_study, put, validated
from tests.identity_jobs import Plain, changed, grid_of, identities, jobs

COMMIT = "0123456789" * 4


def _own_data(plain: Plain) -> Plain:
    own = {"adapter": "conversations", "modality": "text", "path": "data/own.jsonl"}
    put(plain, "data.sources.own", own)
    quiz = {"adapter": "qa", "modality": "text", "path": ["data/a.tsv", "data/b.tsv"]}
    put(plain, "data.sources.quiz", quiz)
    put(plain, "recipe.mixture.text.quiz", 1)
    return put(plain, "recipe.mixture.text.own", 1)


def test_identity_of_conversations_is_written_as_ever() -> None:
    grid = grid_of(_own_data(plain_study()))
    assert grid.identity("prepare_source", source="own") == (
        '{"name":"own","source":{"adapter":"conversations","image_folder":null,'
        '"max_rejected":0.01,"modality":"text","path":"own.jsonl","sha256":null}}'
    )


def test_identity_holds_no_name_label_or_place_of_the_study() -> None:
    one = _own_data(plain_study())
    two = _own_data(plain_study())
    two["description"] = "quite another text"
    two["report"] = {"title": "Another title"}
    two["experiments"] = {
        name: {**e, "description": "Why?"} for name, e in two["experiments"].items()
    }
    here, there = identities(one, name="one"), identities(two, name="two", folder="/far/away")
    assert here.keys() == there.keys()
    assert {job for job in here if here[job] != there[job]} == {("draw",)}


def test_figures_carry_the_name_of_the_study() -> None:
    one, two = identities(plain_study(), name="one"), identities(plain_study(), name="two")
    assert {job for job in one if one[job] != two[job]} == {("draw",)}


def test_identity_holds_no_path() -> None:
    for job, identity in identities(_own_data(plain_study())).items():
        assert "/" not in identity, job


def test_results_folder_decides_nothing() -> None:
    study = validated(plain_study())
    one, two = Grid(study, "cpu"), Grid(study, "cpu", Path("/elsewhere"))
    for stage, wildcards in jobs(one):
        assert one.identity(stage, **wildcards) == two.identity(stage, **wildcards)


def test_order_of_keys_decides_nothing() -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return value

    assert identities(turned(plain_study())) == identities(plain_study())


def test_device_is_part_of_what_a_model_computes() -> None:
    study = validated(plain_study())
    cpu, cuda = Grid(study, "cpu"), Grid(study, "cuda")
    differ = {s for s, w in jobs(cpu) if cpu.identity(s, **w) != cuda.identity(s, **w)}
    assert differ == {"align", "tune", "predict"}


def test_another_share_of_one_cell_touches_no_other_cell() -> None:
    touched = changed(
        lambda p: put(p, "experiments.sweep.vary", {"mixture.text_share": [0.0, 0.25, 1.0]})
    )
    runs = {job for job in touched if job not in {("collect",), ("claims",), ("draw",)}}
    assert {job[1] for job in runs} == {"text25"}
    assert {job[0] for job in runs} == {"mix", "tune", "predict", "score"}


def test_share_decides_the_plan_and_nothing_else() -> None:
    grid = grid_of(plain_study())
    for stage in ("tune", "predict", "score"):
        assert grid.identity(stage, cell="text0", seed=0) == grid.identity(
            stage, cell="text100", seed=0
        )
    assert grid.identity("mix", cell="text0", seed=0) != grid.identity(
        "mix", cell="text100", seed=0
    )


@pytest.mark.parametrize(("key", "value"), [("taught_by", "either"), ("headline", False)])
def test_grouping_of_benchmarks_touches_statistics_only(key: str, value: Any) -> None:
    touched = changed(lambda p: put(p, f"data.benchmarks.v_object.{key}", value))
    assert touched == {("collect",), ("claims",), ("draw",)}


def test_what_is_kept_of_weights_touches_nothing() -> None:
    assert changed(lambda p: put(p, "keep", "scores")) == set()


def test_pruning_reads_what_must_be_there_before_weights_may_go() -> None:
    grid = grid_of(put(plain_study(), "keep", "scores"))
    assert set(grid.inputs("prune", cell="text0", seed=0)) == {"weights", "predictions", "scores"}
    assert grid.identity("prune", cell="text0", seed=0) == '{"keep":"scores"}'


def test_best_cell_is_one_of_the_whole_study() -> None:
    plain = put(plain_study(), "keep", "best")
    study = validated(plain)
    assert Grid(study, "cpu").prunes
    assert not Grid(replace(study, whole=False), "cpu").prunes
    grid = grid_of(plain)
    assert grid.inputs("prune", cell="text0", seed=0)["summary"] == grid.folder("summary")
    assert grid.identity("prune", cell="text0", seed=1) == (
        '{"cell":"text0","cells":["text0","text50","text100"],"keep":"best"}'
    )


def test_title_touches_the_figures_only() -> None:
    assert changed(lambda p: put(p, "report", {"title": "New"})) == {("draw",)}


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        # The table of the recipe tells every key of it.
        ("recipe.tune.learning_rate", 0.5, {"tune", "draw"}),
        ("recipe.tune.loss_unit", "sample", {"mix", "draw"}),
        ("recipe.tune.rows", {"capacity": 64}, {"mix", "draw"}),
        ("recipe.tune.rows", {"layout": "packed"}, {"mix", "tune", "draw"}),
        ("recipe.tune.rows", {"steps": "single_modality"}, {"mix", "draw"}),
        ("recipe.tune.lora.rank", 8, {"tune", "predict", "draw"}),
        ("recipe.tune.weights", "fp32_master", {"tune", "draw"}),
        ("recipe.tune.activation_checkpointing", 2, {"tune", "draw"}),
        ("recipe.tune.pass_tokens", 512, {"tune", "draw"}),
        ("recipe.align.steps", 7, {"align", "draw"}),
        ("recipe.mixture.instances", 100, {"mix", "draw"}),
        ("data.concepts", {"objects": 20}, {"prepare_concepts"}),
        ("data.benchmarks.t_capital.test", 20, {"prepare_benchmark"}),
        ("seeds", [0, 1, 2], {"mix", "tune", "predict", "score", "collect", "claims"}),
        ("gpus", 2, set()),
        ("device", "cpu", set()),
        ("report", {"confidence": 0.9}, {"collect", "claims", "draw"}),
    ],
)
def test_edit_touches_exactly_the_stages_that_use_it(
    key: str, value: Any, stages: set[str]
) -> None:
    assert {job[0] for job in changed(lambda p: put(p, key, value))} == stages


def test_further_seed_touches_no_earlier_run() -> None:
    touched = changed(lambda p: put(p, "seeds", [0, 1, 2]))
    assert {job[2] for job in touched if len(job) == 3} == {"2"}


def test_how_a_budget_was_matched_is_no_part_of_an_identity() -> None:
    plain = grid_of(plain_study())
    down = grid_of(put(plain_study(), "recipe.mixture.match", "down"))
    down.budgets = dict.fromkeys(("text0", "text50", "text100"), 480)
    mix = {"cell": "text50", "seed": 0}
    assert json.loads(plain.identity("mix", **mix))["mixture"] == {
        "arm": "instances",
        "instances": 480,
        "repeat": False,
        "text": {"t_capital": 1, "t_define": 1},
        "text_share": 0.5,
        "vision": {"v_object": 1, "v_flag": 1},
    }
    assert plain.identity("mix", **mix) == down.identity("mix", **mix)
    down.budgets = dict.fromkeys(down.budgets, 100)
    assert json.loads(down.identity("mix", **mix))["mixture"]["instances"] == 100


def test_budget_that_waits_for_a_hub_is_one_line() -> None:
    grid = grid_of(put(plain_study(), "recipe.mixture.match", "down"))
    with pytest.raises(ConfigError, match=r"sources from a hub are not here yet; run snakemake"):
        grid.identity("mix", cell="text50", seed=0)


def _captions(plain: Plain) -> Plain:
    photos = {
        "adapter": "conversations",
        "modality": "vision",
        "path": "lcs/blip_laion_cc_sbu_558k.json",
        "image_folder": "lcs",
    }
    put(plain, "data.sources.lcs", photos)
    return put(plain, "recipe.align", {"captions": "lcs", "method": "plain", "naming_images": None})


def test_stage_1_on_captions_reads_them_and_no_concept() -> None:
    grid = grid_of(_captions(plain_study()))
    assert grid.inputs("align", stack="base") == {
        "backbone": Path("results/example/backbone/toy-llama_toy-tower"),
        "source:lcs": Path("results/example/data/sources/lcs"),
        "images": Path("results/example/data/images/lcs"),
    }
    align = json.loads(grid.identity("align", stack="base"))["align"]
    assert align["captions"] == "lcs"
    assert not {"images", "regulariser", "warm_steps", "from"} & set(align)
    assert "lcs" in grid.sources


def test_existing_projector_is_an_input_by_its_bytes_and_no_place() -> None:
    plain = put(plain_study(), "recipe.align", {"from": "far/away/mm.safetensors"})
    grid = grid_of(plain, folder="some/where")
    inputs = grid.inputs("align", stack="base")
    assert inputs["file"] == Path("some/where/far/away/mm.safetensors")
    assert set(inputs) == {"backbone", "concepts", "file", "naming_images"}
    align = json.loads(grid.identity("align", stack="base"))["align"]
    assert align == {"from": "mm.safetensors", "naming_images": "eval"}


def _of_a_hub(pinned: bool, digest: str | None = None) -> Grid:
    study = put(plain_study(), "recipe.backbone.language_model", "hub:acme/lm")
    name = HubName("model", "acme/lm", COMMIT)
    revisions = {"hub:acme/lm": Revision(name, pinned=pinned, digest=digest)}
    return Grid(validated(study), "cpu", revisions=revisions)


def test_unpinned_model_is_told_in_every_identity_and_a_pinned_one_in_none() -> None:
    for pinned in (True, False):
        grid = _of_a_hub(pinned)
        for stage, wildcards in jobs(grid):
            identity = json.loads(grid.identity(stage, **wildcards))
            marks = {key: identity.get(key) for key in ("revision", "unpinned")}
            told = {"revision": "unpinned", "unpinned": {"hub:acme/lm": COMMIT}}
            assert marks == ({"revision": None, "unpinned": None} if pinned else told), stage


def test_commit_of_a_model_decides_its_fetching_and_its_backbone() -> None:
    grid = _of_a_hub(pinned=True, digest="5" * 64)
    told = {s: grid.identity(s, **w) for s, w in jobs(grid) if COMMIT in grid.identity(s, **w)}
    assert set(told) == {"fetch_model", "prepare_backbone"}
    assert json.loads(told["fetch_model"]) == {
        "key": "recipe.backbone.language_model",
        "repository": f"hub:acme/lm@{COMMIT}",
        "digest": "5" * 64,
    }
    [model], [backbone] = grid.hub_models, grid.backbones
    assert grid.inputs("prepare_backbone", backbone=backbone) == {
        "language_model": grid.folder("models", model)
    }


def test_plan_of_an_arm_depends_on_its_own_budget_alone() -> None:
    def mixture(plain: Plain) -> Plain:
        identity = json.loads(grid_of(plain).identity("mix", cell="text50", seed=0))
        found: Plain = identity["mixture"]
        return found

    mine = mixture(plain_study())
    assert (mine["arm"], mine["instances"], "tokens" in mine) == ("instances", 480, False)
    plain = plain_study()
    put(plain, "recipe.mixture.instances", None)
    put(plain, "recipe.mixture.arm", "tokens")
    put(plain, "recipe.mixture.tokens", 9000)
    assert mixture(plain) == {
        **{key: value for key, value in mine.items() if key != "instances"},
        "arm": "tokens",
        "tokens": 9000,
    }


def test_projector_of_a_hub_is_one_file_fetched_at_the_pinned_commit() -> None:
    file = "hub:acme/llava/stage1/mm_projector.bin"
    plain = put(plain_study(), "recipe.align.from", file)
    revisions = {"hub:acme/llava": Revision(HubName("model", "acme/llava", COMMIT), pinned=True)}
    grid = Grid(validated(plain), "cpu", revisions=revisions)
    [stack], [folder] = grid.stacks, grid.hub_projectors
    assert json.loads(grid.identity("fetch_model", model=folder)) == {
        "key": "recipe.align.from",
        "file": "stage1/mm_projector.bin",
        "repository": f"hub:acme/llava@{COMMIT}",
    }
    assert grid.inputs("align", stack=stack)["projector"] == grid.folder("models", folder)
    assert json.loads(grid.identity("align", stack=stack))["align"] == {
        "from": "stage1/mm_projector.bin",
        "naming_images": "eval",
    }


def test_released_model_touches_no_other_job() -> None:
    entry = {"model": "./llava"}
    touched = changed(lambda p: put(p, "released", {"llava-1.5": entry}))
    folder = next(n for n in grid_of(put(plain_study(), "released", {"x": entry})).backbones
                  if n.startswith("released"))  # fmt: skip
    run = ("released_llava-1.5", "0")
    assert touched == {
        ("prepare_backbone", folder), ("predict", *run), ("score", *run), ("collect",),
        ("claims",),
    }  # fmt: skip


COMMAND = "./train.sh {data} {out} {seed}"


def test_external_command_decides_the_tuning_and_nothing_of_ours_does() -> None:
    plain = put(plain_study(), "recipe.tune.command", COMMAND)
    grid = grid_of(plain)
    assert json.loads(grid.identity("tune", cell="text50", seed=1)) == {
        "command": COMMAND,
        "device": "cpu",
        "seeds": {"init": 1, "order": 1},
    }
    assert json.loads(grid.identity("predict", cell="text50", seed=0))["tune"] == {
        "language_model": "full"
    }
    assert json.loads(grid.identity("predict", cell="untuned", seed=0))["tune"] is None
    before = grid.identity("tune", cell="text50", seed=0)
    other = grid_of(put(plain, "recipe.tune.learning_rate", 0.5))
    assert other.identity("tune", cell="text50", seed=0) == before
    tuned = [cell for cell in grid.cells.values() if cell.kind == "tuned"]
    assert not any(cell.order_controlled for cell in tuned)
    assert json.loads(grid.identity("draw"))["order_not_controlled"] == [c.name for c in tuned]
    assert json.loads(grid_of(plain_study()).identity("draw"))["order_not_controlled"] == []


# --- inputs ----------------------------------------------------------------------------------


def test_cell_reads_the_sources_that_it_uses() -> None:
    grid = grid_of(plain_study())
    used = {
        cell: {n for n in grid.inputs("mix", cell=cell, seed=0) if n.startswith("source:")}
        for cell in ("text0", "text100")
    }
    assert used == {
        "text0": {"source:v_object", "source:v_flag"},
        "text100": {"source:t_capital", "source:t_define"},
    }
    assert "images:train" in grid.inputs("tune", cell="text0", seed=0)
    assert "images:train" not in grid.inputs("tune", cell="text100", seed=0)


def test_untuned_run_reads_no_weights() -> None:
    grid = grid_of(plain_study())
    assert "weights" in grid.inputs("predict", cell="text50", seed=0)
    assert "weights" not in grid.inputs("predict", cell="untuned", seed=0)


def test_own_file_is_an_input_relative_to_the_study() -> None:
    grid = grid_of(_own_data(plain_study()), folder="some/where")
    assert grid.inputs("prepare_source", source="own") == {
        "file": Path("some/where/data/own.jsonl")
    }


def test_several_files_of_a_source_are_inputs_each() -> None:
    own = {
        "adapter": "instruction_set",
        "set": "vqav2",
        "path": ["far/questions.json", "far/more.json"],
        "annotations": "far/annotations.json",
        "image_folder": "coco",
    }
    grid = grid_of(put(plain_study(), "data.sources.own", own), folder="some/where")
    files = {
        "file": Path("some/where/far/questions.json"),
        "file:1": Path("some/where/far/more.json"),
        "file:annotations": Path("some/where/far/annotations.json"),
    }
    images = {"images": grid.folder("data", "images", "own")}
    assert grid.inputs("prepare_source", source="own") == {**files, **images}
    assert grid.inputs("prepare_images", set="own") == files
    fields = json.loads(grid.identity("prepare_source", source="own"))["source"]
    assert fields["path"] == ["questions.json", "more.json"]
    assert (fields["annotations"], fields["image_folder"]) == ("annotations.json", None)


def test_what_is_compared_is_what_some_cell_learns_from() -> None:
    unused = plain_study()["data"]["sources"]["t_define"]
    plain = put(plain_study(), "data.sources.t_unused", unused)
    grid = grid_of(plain)
    assert json.loads(grid.identity("overlap"))["sources"] == {
        "stage1:train": {"images": "train"},
        "t_capital": {"images": None},
        "t_define": {"images": None},
        "v_flag": {"images": "train"},
        "v_object": {"images": "train"},
    }
    inputs = grid.inputs("overlap")
    sources = ("t_capital", "t_define", "v_flag", "v_object")
    assert {n for n in inputs if n.startswith("source:")} == {f"source:{n}" for n in sources}
    assert {n for n in inputs if n.startswith("images:")} == {"images:train", "images:eval"}


def test_cell_has_seen_its_sources_and_those_of_its_stage_1() -> None:
    grid = grid_of(_captions(plain_study()))
    assert {name: grid.seen_by(name) for name in grid.cells} == {
        "text0": ["lcs", "v_flag", "v_object"],
        "text50": ["lcs", "t_capital", "t_define", "v_flag", "v_object"],
        "text100": ["lcs", "t_capital", "t_define"],
        "untuned": ["lcs"],
    }
    finished = grid_of(put(plain_study(), "recipe.align", {"from": "mine/projector.bin"}))
    assert finished.seen_by("text100") == ["t_capital", "t_define"]
    assert finished.seen_by("untuned") == []


def test_new_source_is_compared_and_changes_plans_alone() -> None:
    touched = changed(_own_data)
    assert {("overlap",), ("collect",)} < touched
    assert {job[0] for job in touched if len(job) == 3} == {"mix"}


def test_collect_of_a_partial_grid_reads_finished_runs_only(tmp_path: Path) -> None:
    grid = Grid(validated(plain_study()), "cpu", tmp_path)
    done = grid.run_folder("text50", 1, "scores")
    done.mkdir(parents=True)
    (done / "record.json").write_text("{}")
    assert grid.inputs("collect", partial=True) == {
        "scores:text50:1": done,
        "mixture:text50:1": grid.run_folder("text50", 1, "mixture"),
    }
    everything = grid.inputs("collect")
    assert everything["align:base"] == grid.folder("align", "base")
    assert len([n for n in everything if n.startswith("scores:")]) == 3 * 2 + 1
    assert len([n for n in everything if n.startswith("mixture:")]) == 3 * 2
    overlap = grid.folder("data", "contamination")
    assert everything["overlap"] == overlap
    overlap.mkdir(parents=True)
    (overlap / "record.json").write_text("{}")
    assert grid.inputs("collect", partial=True)["overlap"] == overlap


def test_own_pictures_are_named_to_the_one_stage_that_opens_them() -> None:
    own = {
        "adapter": "conversations",
        "modality": "vision",
        "path": "own.json",
        "image_folder": "photos",
    }
    grid = grid_of(put(plain_study(), "data.sources.own", own), folder="some/where")
    opened = json.loads(grid.identity("prepare_images", set="own"))["source"]
    assert opened["image_folder"] == "some/where/photos"
    assert "photos" not in grid.identity("prepare_source", source="own")
    assert grid.inputs("prepare_source", source="own") == {
        "file": Path("some/where/own.json"),
        "images": grid.folder("data", "images", "own"),
    }


def test_archive_of_pictures_is_an_input_and_its_place_decides_nothing() -> None:
    own = {"adapter": "conversations", "modality": "vision", "path": "own.json"}
    own["image_folder"] = "far/photos.zip"
    grid = grid_of(put(plain_study(), "data.sources.own", own), folder="some/where")
    opened = json.loads(grid.identity("prepare_images", set="own"))["source"]
    assert opened["image_folder"] == "photos.zip"
    files = {"file": Path("some/where/own.json")}
    archive = {"file:pictures": Path("some/where/far/photos.zip")}
    assert grid.inputs("prepare_images", set="own") == files | archive
    images = {"images": grid.folder("data", "images", "own")}
    assert grid.inputs("prepare_source", source="own") == files | images
    assert "photos" not in grid.identity("prepare_source", source="own")


def test_rule_of_a_public_benchmark_decides_its_scores() -> None:
    plain = plain_study()
    own = {"adapter": "benchmark_set", "set": "arc", "path": "arc.jsonl"}
    plain["data"]["benchmarks"]["quiz"] = own
    grid = grid_of(plain)
    judged = json.loads(grid.identity("score", cell="text0", seed=0))["benchmarks"]
    assert judged.pop("quiz") == {"modality": "text", "rule": "arc"}
    assert all(entry.keys() == {"modality"} for entry in judged.values())
    collected = json.loads(grid.identity("collect"))["benchmarks"]
    assert [name for name, entry in collected.items() if "rule" in entry] == ["quiz"]
