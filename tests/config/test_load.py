"""Every mistake in a study file is one line: key, value, what is allowed, the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlan.config import load_study
from tests.config.example import mistakes, plain_study, put, write

RELATIONS = (
    "capital, country, continent, demonym, language, category, define, object, flag, colour, "
    "position"
)


def test_right_study_loads_with_name_path_and_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, plain_study())
    study = load_study(path)
    assert (study.name, study.path) == ("mine", Path(path))
    assert study.config.seeds == [0, 1]
    assert study.config.recipe.tune.lora.rank == 2
    assert study.config.recipe.tune.lora.alpha == 32.0
    assert study.resolve("data/x.json") == tmp_path / "data" / "x.json"


ONE_WRONG_VALUE = {
    "share": (
        "recipe.mixture.text_share",
        1.5,
        ": recipe.mixture.text_share = 1.5: input should be less than or equal to 1",
    ),
    "negative share": (
        "recipe.mixture.text_share",
        -0.1,
        ": recipe.mixture.text_share = -0.1: input should be greater than or equal to 0",
    ),
    "share is no number": (
        "recipe.mixture.text_share",
        float("nan"),
        ": recipe.mixture.text_share = nan: input should be a finite number",
    ),
    "infinite weight": (
        "recipe.mixture.text.t_capital",
        float("inf"),
        ": recipe.mixture.text.t_capital = inf: input should be a finite number",
    ),
    "weight of zero": (
        "recipe.mixture.text.t_capital",
        0,
        ": recipe.mixture.text.t_capital = 0: input should be greater than 0",
    ),
    "unknown relation": (
        "data.sources.t_capital.relation",
        "capitol",
        f": data.sources.t_capital.relation = 'capitol': not one of {RELATIONS}; "
        "did you mean 'capital'?",
    ),
    "relation like no other": (
        "data.benchmarks.v_object.relation",
        "zzz",
        f": data.benchmarks.v_object.relation = 'zzz': not one of {RELATIONS}",
    ),
    "unknown adapter": (
        "data.sources.t_capital.adapter",
        "fact",
        ": data.sources.t_capital.adapter = 'fact': not one of facts, conversations, chat, qa, "
        "instruction_set; "
        "did you mean 'facts'?",
    ),
    "unknown source": (
        "recipe.mixture.text",
        {"t_capitol": 1},
        ": recipe.mixture.text.t_capitol: unknown source; did you mean 't_capital'?",
    ),
    "source of the other modality": (
        "recipe.mixture.text",
        {"v_object": 1},
        ": recipe.mixture.text.v_object: source 'v_object' has modality 'vision'; "
        "it must be 'text' here",
    ),
    "no text source": (
        "recipe.mixture.text",
        {},
        ": recipe.mixture.text: empty, but text_share = 0.5",
    ),
    "unknown image set": (
        "data.sources.v_object.images",
        "trian",
        ": data.sources.v_object.images = 'trian': unknown image set; did you mean 'train'?",
    ),
    "unknown image set of stage 1": (
        "recipe.align.images",
        "trian",
        ": recipe.align.images = 'trian': unknown image set; did you mean 'train'?",
    ),
    "pictures of a text source": (
        "data.sources.t_define.images",
        "train",
        ": data.sources.t_define.images = 'train': a text entry has no images",
    ),
    "conversations without pictures": (
        "data.sources.own",
        {"adapter": "conversations", "modality": "vision", "path": "own.json"},
        ": data.sources.own.image_folder: missing; a vision source names one",
    ),
    "two checksums of one file": (
        "data.sources.own",
        {"adapter": "qa", "modality": "text", "path": "a.csv", "sha256": ["0" * 64, "1" * 64]},
        ": data.sources.own.sha256: 2 checksums for 1 files; name one for each, in the order of "
        "`path`",
    ),
    "local files by a pattern": (
        "data.sources.own",
        {"adapter": "qa", "modality": "text", "path": ["a.csv", "b-*.csv"]},
        ": data.sources.own.path.1 = 'b-*.csv': `*` is for files of a repository; list local ones",
    ),
    "no file": (
        "data.sources.own",
        {"adapter": "qa", "modality": "text", "path": []},
        ": data.sources.own.path = []: list should have at least 1 item after validation, not 0",
    ),
    "choice without options": (
        "data.sources.own",
        {"adapter": "qa", "modality": "text", "path": "a.csv", "kind": "choose"},
        ": data.sources.own.options: missing; kind = 'choose' names them",
    ),
    "options of another kind": (
        "data.sources.own",
        {"adapter": "qa", "modality": "text", "path": "a.csv", "kind": "brief", "options": "o"},
        ": data.sources.own.kind = 'brief': a question with options is 'choose'",
    ),
    "unknown set": (
        "data.sources.own",
        {"adapter": "instruction_set", "set": "strategy", "path": "a.json"},
        ": data.sources.own.set = 'strategy': not one of squad, strategyqa, commonsenseqa, "
        "cosmosqa, arc, vqav2, aokvqa; did you mean 'strategyqa'?",
    ),
    "set of pictures without them": (
        "data.sources.own",
        {"adapter": "instruction_set", "set": "aokvqa", "path": "a.json"},
        ": data.sources.own.image_folder: missing; a vision source names one",
    ),
    "annotations of another set": (
        "data.sources.own",
        {"adapter": "instruction_set", "set": "arc", "path": "a.json", "annotations": "b.json"},
        ": data.sources.own.annotations: set 'arc' holds its answers itself",
    ),
    "picture names of a set of text": (
        "data.sources.own",
        {"adapter": "instruction_set", "set": "arc", "path": "a", "image_name": "{image_id}.jpg"},
        ": data.sources.own.image_name: set 'arc' has no pictures",
    ),
    "one name for all pictures": (
        "data.sources.own",
        {
            "adapter": "instruction_set",
            "set": "aokvqa",
            "path": "a",
            "image_folder": "b",
            "image_name": "{id}.jpg",
        },
        ": data.sources.own.image_name = '{id}.jpg': value error, a name holds {image_id}, e.g. "
        "{image_id:012d}.jpg",
    ),
    "nothing to train": (
        "recipe.tune",
        {"language_model": "frozen", "projector": "frozen"},
        ": recipe.tune.language_model = 'frozen': nothing would be trained",
    ),
    "bf16 weights under fp32 products": (
        "recipe.tune",
        {"weights": "bf16_stochastic"},
        ": recipe.tune.weights = 'bf16_stochastic': needs recipe.backbone.precision = 'bf16'",
    ),
    "zero seeds": (
        "seeds",
        [],
        ": seeds = []: list should have at least 1 item after validation, not 0",
    ),
    "negative seed": ("seeds", [-1], ": seeds.0 = -1: input should be greater than or equal to 0"),
    "duplicate seeds": (
        "seeds",
        [1, 0, 1],
        ": seeds = 1: named twice; each value may stand once",
    ),
    "duplicate condition": (
        "evaluate.conditions",
        [{"image": "real", "parts": ["dev", "dev"]}],
        ": evaluate.conditions = real dev: named twice; each value may stand once",
    ),
    "condition of an unknown seed": (
        "evaluate.conditions",
        [
            {"image": "real", "parts": ["dev", "test"]},
            {"image": "blank", "parts": ["dev"], "seeds": [0, 7]},
        ],
        ": evaluate.conditions.1.seeds = 7: not a seed of the study; allowed: 0, 1",
    ),
    "condition that names a seed twice": (
        "evaluate.conditions",
        [
            {"image": "real", "parts": ["dev", "test"]},
            {"image": "blank", "parts": ["dev"], "seeds": [1, 1]},
        ],
        ": evaluate.conditions.1.seeds = 1: named twice; each value may stand once",
    ),
    "condition of no seed": (
        "evaluate.conditions",
        [{"image": "real", "parts": ["test"], "seeds": []}],
        ": evaluate.conditions.0.seeds = []: list should have at least 1 item after validation, "
        "not 0",
    ),
    "condition of no number": (
        "evaluate.conditions",
        [{"image": "real", "parts": ["test"], "seeds": ["one"]}],
        ": evaluate.conditions.0.seeds.0 = 'one': input should be a valid integer, unable to "
        "parse string as an integer",
    ),
    "conditions that overlap in a seed": (
        "evaluate.conditions",
        [
            {"image": "real", "parts": ["dev", "test"]},
            {"image": "real", "parts": ["dev"], "seeds": [1]},
        ],
        ": evaluate.conditions = real dev: named twice; each value may stand once",
    ),
    "seed without a condition": (
        "evaluate.conditions",
        [{"image": "real", "parts": ["test"], "seeds": [0]}],
        ": evaluate.conditions: no condition in seed 1",
    ),
    "seed whose text benchmarks are not asked": (
        "evaluate.conditions",
        [
            {"image": "real", "parts": ["test"], "seeds": [1]},
            {"image": "blank", "parts": ["dev"]},
        ],
        ": evaluate.conditions: no condition for text benchmarks (only `real` asks them) in seed 0",
    ),
    "condition of an unknown prompt": (
        "evaluate.conditions",
        [{"image": "real", "parts": ["test"], "prompt": "shrt"}],
        ": evaluate.conditions.0.prompt = 'shrt': not one of default, before, after, short, mlan; "
        "did you mean 'short'?",
    ),
    "benchmark's unknown prompt": (
        "data.benchmarks.v_object.prompt",
        "befor",
        ": data.benchmarks.v_object.prompt = 'befor': not one of default, before, after, short, "
        "mlan; did you mean 'before'?",
    ),
    "unknown image": (
        "evaluate.conditions",
        [{"image": "others", "parts": ["dev"]}],
        ": evaluate.conditions.0.image = 'others': not one of real, blank, other; did you mean "
        "'other'?",
    ),
    "unknown scorer": (
        "evaluate.scorers",
        ["generate", "choice_logprobs"],
        ": evaluate.scorers.1 = 'choice_logprobs': not one of generate, label_logit, "
        "choice_logprob; did you mean 'choice_logprob'?",
    ),
    "scorer named twice": (
        "data.benchmarks.v_object.scorers",
        ["generate", "generate"],
        ": data.benchmarks.v_object.scorers = generate: named twice; each value may stand once",
    ),
    "free answers that nothing asks for": (
        "data.benchmarks.sight",
        {
            "adapter": "benchmark_set",
            "set": "gqa",
            "path": "a.json",
            "image_folder": "a",
            "scorers": ["label_logit"],
        },
        ": data.benchmarks.sight.scorers = label_logit: free answers of data.benchmarks.sight need "
        "`generate`",
    ),
    "more examples than a dev part has": (
        "evaluate.conditions",
        [
            {"image": "real", "parts": ["test"], "shots": 16},
            {"image": "blank", "parts": ["dev"], "shots": 16},
        ],
        ": evaluate.conditions.1.shots = 16: data.benchmarks.v_object.dev = 16 leaves 15 for "
        "examples",
    ),
    "condition of one name in two words": (
        "evaluate.conditions",
        [
            {"image": "real", "parts": ["test"], "shots": 1},
            {"image": "real", "parts": ["test"], "shots": 1, "models": "untuned"},
        ],
        ": evaluate.conditions = real+1shot test: named twice; each value may stand once",
    ),
    "condition of a seed that the untuned model has not": (
        "evaluate.conditions",
        [
            {"image": "real", "parts": ["test"]},
            {"image": "real", "parts": ["dev"], "models": "untuned", "seeds": [1]},
        ],
        ": evaluate.conditions.1.seeds = 1: not a seed of the study's untuned model; allowed: 0",
    ),
    "conditions of the untuned model alone": (
        "evaluate.conditions",
        [{"image": "real", "parts": ["test"], "models": "untuned"}],
        ": evaluate.conditions: no condition in seed 0, 1",
    ),
    "bad name": (
        "data.images.New Set",
        {"style": "noto"},
        ": data.images.New Set = 'New Set': string should match pattern '^[a-z0-9][a-z0-9_-]*$'",
    ),
    "not a section": (
        "recipe.tune",
        5,
        ": recipe.tune = 5: input should be a valid dictionary or instance of Tune",
    ),
}


@pytest.mark.parametrize("case", ONE_WRONG_VALUE)
def test_wrong_value_is_one_line(tmp_path: Path, case: str) -> None:
    key, value, line = ONE_WRONG_VALUE[case]
    assert mistakes(tmp_path, put(plain_study(), key, value)) == [line]


LIMITED = [
    {"image": "real", "parts": ["test"]},
    {"image": "real", "parts": ["dev"], "seeds": [0]},
    {"image": "real", "parts": ["dev"], "seeds": [1]},
    {"image": "blank", "parts": ["dev"], "seeds": [0]},
]


def test_other_picture_without_any_picture_is_one_line(tmp_path: Path) -> None:
    study = plain_study()
    del study["data"]["benchmarks"]["v_object"]
    conditions = [{"image": image, "parts": ["dev"]} for image in ("real", "blank", "other")]
    put(study, "evaluate.conditions", conditions)
    assert mistakes(tmp_path, study) == [
        ": evaluate.conditions.2.image = 'other': no benchmark of the study shows a picture"
    ]


@pytest.mark.parametrize("seeds", [None, "first", "1"])
def test_seeds_of_a_condition_are_those_of_the_file(tmp_path: Path, seeds: str | None) -> None:
    path = write(tmp_path, put(plain_study(), "evaluate.conditions", LIMITED))
    conditions = load_study(path, seeds=seeds).config.evaluate.conditions
    assert [c.model_dump(exclude_defaults=True) for c in conditions] == LIMITED


def test_seed_of_the_untuned_model_may_be_named(tmp_path: Path) -> None:
    study = put(plain_study(), "seeds", [1, 2])
    put(study, "evaluate.conditions", [*LIMITED[:3], {**LIMITED[3], "seeds": [0, 1]}])
    load_study(write(tmp_path, study))
    put(study, "seed_varies", ["align"])
    line = "= 0: not a seed of the study; allowed: 1, 2"
    assert mistakes(tmp_path, study) == [
        f": evaluate.conditions.1.seeds {line}",
        f": evaluate.conditions.3.seeds {line}",
    ]


UNKNOWN_KEYS = {
    "reprt": "did you mean 'report'?",
    "recipe.mixtures": "did you mean 'mixture'?",
    "recipe.mixture.share": "did you mean 'text_share'?",
    "recipe.tune.lora.rnk": "did you mean 'rank'?",
    "data.sources.t_capital.relatoin": "did you mean 'relation'?",
    "data.sources.v_object.zzz": "allowed: adapter, images, modality, relation",
    "data.benchmarks.t_capital.taughtby": "did you mean 'taught_by'?",
    "experiments.sweep.varies": "did you mean 'vary'?",
    "evaluate.conditions.0.part": "did you mean 'parts'?",
}


@pytest.mark.parametrize("key", UNKNOWN_KEYS)
def test_unknown_key_is_one_line_with_its_nearest_name(tmp_path: Path, key: str) -> None:
    study = plain_study()
    study["evaluate"] = {"conditions": [{"image": "real", "parts": ["dev"]}]}
    found = mistakes(tmp_path, put(study, key, 1))
    assert found == [f": {key}: unknown key; {UNKNOWN_KEYS[key]}"]


def test_unknown_key_of_a_conversations_source_names_that_adapters_keys(tmp_path: Path) -> None:
    own = {"adapter": "conversations", "modality": "text", "path": "own.json", "shasum": "0"}
    found = mistakes(tmp_path, put(plain_study(), "data.sources.own", own))
    assert found == [
        ": data.sources.own.shasum: unknown key; allowed: adapter, image_folder, max_rejected, "
        "modality, path, repository, sha256"
    ]


def test_set_of_pictures_is_a_vision_source(tmp_path: Path) -> None:
    own = {"adapter": "instruction_set", "set": "vqav2", "path": "q.json", "image_folder": "coco"}
    study = put(plain_study(), "data.sources.own", own)
    assert mistakes(tmp_path, put(study, "recipe.mixture.text.own", 1)) == [
        ": recipe.mixture.text.own: source 'own' has modality 'vision'; it must be 'text' here"
    ]


def test_missing_keys_are_one_line_each(tmp_path: Path) -> None:
    study = plain_study()
    del study["experiments"]
    del study["data"]["benchmarks"]["v_object"]["taught_by"]
    del study["data"]["sources"]["t_define"]["relation"]
    assert mistakes(tmp_path, study) == [
        ": data.sources.t_define.relation: missing",
        ": data.benchmarks.v_object.taught_by: missing",
        ": experiments: missing",
    ]


def test_vision_source_without_image_set_is_one_line(tmp_path: Path) -> None:
    study = plain_study()
    del study["data"]["sources"]["v_object"]["images"]
    assert mistakes(tmp_path, study) == [
        ": data.sources.v_object.images: missing; a vision entry names an image set"
    ]


def test_all_mistakes_come_at_once_those_between_sections_too(tmp_path: Path) -> None:
    study = plain_study()
    put(study, "seeds", [0, 0])
    put(study, "recipe.mixture.text_share", 1.5)
    put(study, "recipe.mixture.vision.v_flags", 1)
    put(study, "recipe.tune.lora.rnk", 4)
    put(study, "data.benchmarks.v_object.images", "evl")
    assert mistakes(tmp_path, study) == [
        ": recipe.mixture.text_share = 1.5: input should be less than or equal to 1",
        ": recipe.tune.lora.rnk: unknown key; did you mean 'rank'?",
        ": seeds = 0: named twice; each value may stand once",
        ": data.benchmarks.v_object.images = 'evl': unknown image set; did you mean 'eval'?",
        ": recipe.mixture.vision.v_flags: unknown source; did you mean 'v_flag'?",
    ]


def test_consequence_of_a_mistake_is_not_a_second_line(tmp_path: Path) -> None:
    study = plain_study()
    source = study["data"]["sources"]["v_object"]
    source["imges"] = source.pop("images")
    assert mistakes(tmp_path, study) == [
        ": data.sources.v_object.imges: unknown key; did you mean 'images'?"
    ]


def test_wrong_entry_does_not_make_its_name_unknown(tmp_path: Path) -> None:
    assert mistakes(tmp_path, put(plain_study(), "data.sources.t_capital", "facts")) == [
        ": data.sources.t_capital = 'facts': input should be a valid dictionary or object to "
        "extract fields from"
    ]


def test_long_value_is_cut_not_wrapped(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, put(plain_study(), "seeds", "no list " * 50))
    assert line.startswith(": seeds = 'no list no list")
    assert len(line) < 150


def test_source_without_adapter_is_an_embedded_one(tmp_path: Path) -> None:
    study = plain_study()
    del study["data"]["sources"]["t_capital"]["adapter"]
    assert (
        load_study(write(tmp_path, study)).config
        == load_study(write(tmp_path, plain_study())).config
    )


def test_exponent_without_point_is_a_number_though_yaml_reads_text(tmp_path: Path) -> None:
    text = yaml.safe_dump(put(plain_study(), "recipe.tune.learning_rate", "RATE"))
    study = load_study(write(tmp_path, text.replace("RATE", "1e-3")))
    assert study.config.recipe.tune.learning_rate == 1e-3


def test_best_cell_needs_dev_answers_to_real_pictures(tmp_path: Path) -> None:
    study = put(plain_study(), "keep", "best")
    put(study, "evaluate.conditions", [{"image": "real", "parts": ["test"]}])
    assert mistakes(tmp_path, study) == [
        ": keep = 'best': compares cells on the dev parts, which no condition of "
        "evaluate.conditions asks with the real picture"
    ]


def test_best_cell_needs_greedy_answers_of_every_headline_benchmark(tmp_path: Path) -> None:
    study = put(plain_study(), "keep", "best")
    put(study, "evaluate.scorers", ["label_logit"])
    put(study, "data.benchmarks.v_object.scorers", ["generate"])
    assert mistakes(tmp_path, study) == [
        ": keep = 'best': compares greedy answers, which no scorer of data.benchmarks.t_capital "
        "asks for"
    ]
    put(study, "data.benchmarks.t_capital.headline", False)
    load_study(write(tmp_path, study))


@pytest.mark.parametrize(
    ("selection", "whole"),
    [({}, True), ({"seeds": "0,1"}, True), ({"seeds": "first"}, False)],
)
def test_selection_of_all_is_the_whole_study(
    tmp_path: Path, selection: dict[str, str], whole: bool
) -> None:
    path = write(tmp_path, plain_study())
    assert load_study(path, **selection).whole is whole
