"""Two public benchmarks from their files to figures' tables, on a toy model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from mlan.config import Study, StudyConfig
from mlan.data.items import read_items
from mlan.data.prepare.benchmark import prepare_benchmark
from mlan.data.prepare.images import prepare_images
from mlan.errors import DataError
from mlan.evaluate.predict import check_lengths, predict
from mlan.evidence.collect import collect
from mlan.grid import Grid
from mlan.mixture.template import Template
from mlan.model.compose import compose, initialise_projector, load_stage1, stage1_tensors
from mlan.model.towers import TOKENS
from mlan.records import RECORD, read_checked, read_record, write_record
from mlan.score.score import score_benchmark, score_run
from mlan.stage import Job
from tests.config.example import plain_study, put, validated
from tests.data.public import picture, write_rows
from tests.evaluate.asking import question
from tests.toy import tokenizer, write_backbone

COLOURS = ["red", "blue", "green", "white", "black"]
CELL, SEED = "untuned", 0


def _rows(folder: Path) -> None:
    quiz = [
        {
            "id": f"q{n}",
            "question_stem": "What is it" + " ?" * (n % 3),
            "choices": {"text": ["cat", "dog", "red", "cat"], "label": ["A", "B", "C", "D"]},
            "answerKey": "ABCD"[n % 4],
        }
        for n in range(20)
    ]
    write_rows(folder / "quiz.parquet", quiz)
    pope = [
        {
            "question_id": str(n),
            "question": "Is this a dog ?",
            "answer": "yes" if n % 2 else "no",
            "image_source": f"COCO_val2014_{n // 4:012d}",
            "image": picture(COLOURS[n // 4]),
            "category": "random",
        }
        for n in range(20)
    ]
    write_rows(folder / "pope.parquet", pope)


def _study(folder: Path) -> Any:
    plain = plain_study()
    put(plain, "recipe.backbone.template", "user-assistant")
    put(plain, "data.image_size", 32)
    own = {"adapter": "benchmark_set", "dev_share": 0.3}
    plain["data"]["benchmarks"] = {
        "quiz": {**own, "set": "openbookqa", "path": "quiz.parquet", "near": ["arc"]},
        "sight": {
            **own,
            "set": "pope",
            "path": "pope.parquet",
            "test": 8,
            "max_new_tokens": 3,
            "near": ["t_define", "vqav2"],
        },
    }
    return validated(plain, "example", str(folder))


def _run(grid: Grid, stage: str, function: Any, out: Path, **wildcards: Any) -> Path:
    identity = json.loads(grid.identity(stage, **wildcards))
    inputs = grid.inputs(stage, **wildcards)
    job = Job(stage, identity, "0" * 16, out, inputs, grid.folder("state", stage))
    job.begin()
    function(job)
    return out


def _prepared(grid: Grid) -> None:
    backbone = write_backbone(grid.folder("backbone", "toy-llama_toy-tower"))
    model = compose(backbone)
    initialise_projector(model, 0)
    align = grid.folder("align", "base")
    align.mkdir(parents=True)
    save_file(stage1_tensors(model), align / "projector.safetensors")
    for path in (backbone, align):
        files = [p for p in path.iterdir() if p.name != RECORD]
        write_record(path, stage="test", identity={}, code="", inputs={}, outputs=files)
    _run(
        grid, "prepare_images", prepare_images, grid.folder("data", "images", "sight"), set="sight"
    )
    for name in ("quiz", "sight"):
        out = grid.folder("data", "benchmarks", name)
        _run(grid, "prepare_benchmark", prepare_benchmark, out, benchmark=name)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    folder = tmp_path_factory.mktemp("public")
    _rows(folder)
    grid = Grid(_study(folder), "cpu", folder / "results")
    _prepared(grid)
    run = {"cell": CELL, "seed": SEED}
    _run(grid, "predict", predict, grid.run_folder(CELL, SEED, "predictions"), **run)
    _run(grid, "score", score_run, grid.run_folder(CELL, SEED, "scores"), **run)
    identity = json.loads(grid.identity("collect"))
    inputs = {f"scores:{CELL}:{SEED}": grid.run_folder(CELL, SEED, "scores")}
    job = Job("collect", identity, "0" * 16, grid.folder("summary"), inputs)
    job.begin()
    collect(job)
    return grid


def test_pictures_are_stored_once_however_many_questions_show_them(finished: Grid) -> None:
    items = read_checked(finished.folder("data", "benchmarks", "sight") / "items.parquet")
    pictures = np.load(finished.folder("data", "images", "sight") / "images.npy")
    # Of 5 clusters of 4 items, 2 are dev and 2 of the other 3 fit into 8 test items.
    assert items["part"].value_counts().to_dict() == {"dev": 8, "test": 8}
    assert pictures.shape == (4, 32, 32, 3)
    shown = {int(c.split("/")[1]): k for c, k in zip(items["cluster"], items["image"], strict=True)}
    index = read_checked(finished.folder("data", "images", "sight") / "index.parquet")
    rows = dict(zip(index["image"], index["row"], strict=True))
    means = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0), "white": (255,) * 3}
    for cluster, key in shown.items():
        assert key == f"sight/COCO_val2014_{cluster:012d}.jpg"
        middle = pictures[rows[key]][16, 16]
        assert tuple(middle) == means.get(COLOURS[cluster], (0, 0, 0))
    facts = read_record(finished.folder("data", "benchmarks", "sight"))["facts"]
    assert facts == {"rows": 16, "rejected": 0, "left_out": 0, "clusters": 4, "dev": 8, "test": 8}


def test_letters_and_yes_no_are_asked_and_scored(finished: Grid) -> None:
    folder = finished.run_folder(CELL, SEED, "predictions")
    template = Template("user-assistant", tokenizer(), TOKENS)
    for name, options in (("quiz", 4), ("sight", 2)):
        given = read_checked(folder / f"{name}.parquet")
        assert {len(row) for row in given["label_scores"]} == {options}
    assert template.answer("A") != template.answer("B")
    rows = read_checked(finished.run_folder(CELL, SEED, "scores") / "items.parquet")
    option = rows[rows["parser"] == "argmax"]
    given = read_checked(folder / "quiz.parquet")
    items = read_checked(finished.folder("data", "benchmarks", "quiz") / "items.parquet")
    golds = dict(zip(items["id"], items["golds"], strict=True))
    likeliest = given[given["condition"] == "real"].set_index("item")["label_scores"]
    expected = {i: float("ABCD"[int(np.argmax(s))] == golds[i][0]) for i, s in likeliest.items()}
    found = option[option["benchmark"] == "quiz"].set_index("item")["correct"].to_dict()
    assert found == expected
    assert set(rows[rows["benchmark"] == "quiz"]["chance"]) == {0.25}
    assert set(rows[rows["benchmark"] == "sight"]["chance"]) == {0.5}


def test_summary_says_which_sources_a_benchmark_is_near_to(finished: Grid) -> None:
    told = pd.read_csv(finished.folder("summary") / "benchmarks.csv", keep_default_na=False)
    assert told[["benchmark", "modality", "taught_by", "near"]].to_dict("records") == [
        {"benchmark": "quiz", "modality": "text", "taught_by": "", "near": "arc"},
        {"benchmark": "sight", "modality": "vision", "taught_by": "", "near": "t_define;vqav2"},
    ]
    scores = pd.read_csv(finished.folder("summary") / "scores.csv")
    assert {"quiz", "sight", "text average", "vision average"} == set(scores["benchmark"])


def test_every_condition_and_scorer_is_answered_in_one_row_an_item(
    finished: Grid, tmp_path: Path
) -> None:
    """A further prediction of the same model: what has a default stays as it was."""
    plain = finished.study.config.model_dump(by_alias=True, exclude_none=True)
    more = {"option_order": "shuffled", "shots": 2, "prompt": "after"}
    plain["evaluate"]["conditions"] += [
        {"image": "other", "parts": ["test"]},
        {"image": "real", "parts": ["test"], **more},
    ]
    plain["evaluate"]["scorers"] = ["generate", "label_logit", "choice_logprob"]
    plain["evaluate"]["recheck"] = 5
    study = Study("example", finished.study.path, StudyConfig.model_validate(plain))
    grid = Grid(study, "cpu", finished.root.parent)
    folder = _run(grid, "predict", predict, tmp_path / "predictions", cell=CELL, seed=SEED)
    alone = read_record(folder)["facts"]["alone"]
    assert (alone["asked"], alone["answers"], alone["labels"], alone["choices"]) == (5, 0, 0, 0)
    assert 0 <= alone["largest_gap"] < 1e-4
    named = "real+shuffled+2shots+after"
    backbone = finished.folder("backbone", "toy-llama_toy-tower")
    model = compose(backbone)
    load_stage1(model, finished.folder("align", "base") / "projector.safetensors")
    template = Template("user-assistant", tokenizer(), TOKENS)
    for name in ("quiz", "sight"):
        given = read_checked(folder / f"{name}.parquet")
        keys = ["condition", "item"]
        assert not given.duplicated(keys).any()
        before = read_checked(finished.run_folder(CELL, SEED, "predictions") / f"{name}.parquet")
        both = before.merge(given, on=keys, suffixes=("", "_now"))
        assert len(both) == len(before)
        for column in ("text", "ended"):
            assert (both[column] == both[f"{column}_now"]).all()
        for row in both.itertuples():
            assert list(row.label_scores) == pytest.approx(list(row.label_scores_now), abs=1e-4)
        pictures = {"real", "blank", "other"} if name == "sight" else {"real"}
        assert set(given["condition"]) == {*pictures, named}
        items = read_checked(finished.folder("data", "benchmarks", name) / "items.parquet")
        options = dict(zip(items["id"], items["options"], strict=True))
        for row in given.itertuples():
            shown = [str(option) for option in options[row.item]]
            if name == "quiz" and row.condition == named:
                assert sorted(row.order) == [0, 1, 2, 3]
                shown = [shown[place] for place in row.order]
            else:
                assert list(row.order) == []
            assert list(row.choice_tokens) == [len(template.answer(o)) for o in shown]
            assert len(row.choice_scores) == len(row.label_scores) == len(shown)
    quiz = read_checked(folder / "quiz.parquet")
    row = quiz[quiz["condition"] == "real"].iloc[0]
    question = items_of(finished, "quiz").loc[row["item"]]
    ids = template.question(f"Question: {question['question']}\nAnswer:", picture=False)
    for option, score in zip(question["options"], row["choice_scores"], strict=True):
        whole = torch.tensor([[*ids, *template.answer(str(option))]])
        with torch.no_grad():
            logits = model.lm_head(model.model.language_model(input_ids=whole)[0])[0]
        likelihood = logits.log_softmax(-1)
        places = range(len(ids), whole.shape[1])
        expected = sum(float(likelihood[p - 1, whole[0, p]]) for p in places)
        assert score == pytest.approx(expected, abs=1e-4)


def test_choices_alone_are_scored_in_the_order_of_the_item(finished: Grid, tmp_path: Path) -> None:
    """No answer is asked for, so none is judged; shown order and tokens belong to the choices."""
    plain = finished.study.config.model_dump(by_alias=True, exclude_none=True)
    shown = [{"image": "real", "parts": ["test"]}]
    plain["evaluate"]["conditions"] = [*shown, {**shown[0], "option_order": "shuffled"}]
    plain["evaluate"]["scorers"] = ["choice_logprob"]
    study = Study("example", finished.study.path, StudyConfig.model_validate(plain))
    grid = Grid(study, "cpu", finished.root.parent)
    folder = _run(grid, "predict", predict, tmp_path / "predictions", cell=CELL, seed=SEED)
    given = read_checked(folder / "quiz.parquet")
    assert given["text"].isna().all()
    for _, both in given.groupby("item"):
        as_given, shuffled = (row for _, row in both.sort_values("condition").iterrows())
        assert (list(as_given["order"]), sorted(shuffled["order"])) == ([], [0, 1, 2, 3])
        for column in ("choice_scores", "choice_tokens"):
            own = [as_given[column][place] for place in shuffled["order"]]
            assert list(shuffled[column]) == pytest.approx(own, abs=1e-4)
    items = read_items(grid.folder("data", "benchmarks", "quiz"))
    entry = json.loads(grid.identity("score", cell=CELL, seed=SEED))["benchmarks"]["quiz"]
    outcomes = score_benchmark("quiz", entry, items, given).frame
    assert set(outcomes["parser"]) == {"sum", "per_byte", "per_token"}
    correct = outcomes.pivot(index=["item", "parser"], columns="condition", values="correct")
    assert (correct["real"] == correct["real+shuffled"]).all()


def items_of(grid: Grid, name: str) -> pd.DataFrame:
    path = grid.folder("data", "benchmarks", name) / "items.parquet"
    return read_checked(path).set_index("id")


def test_question_beyond_the_context_is_one_line() -> None:
    asked = [
        question(name, [1] * length, benchmark="race", max_new_tokens=4)
        for name, length in (("race/a", 12), ("race/b", 15))
    ]
    check_lengths(asked, 19)
    with pytest.raises(DataError) as caught:
        check_lengths(asked, 18)
    assert caught.value.lines == (
        "data.benchmarks.race: 1 questions are longer than the model's context of 18 tokens less "
        "4 for the answer, the longest has 15; the first is 'race/b'",
    )
