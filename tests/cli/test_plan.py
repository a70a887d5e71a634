from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mlan.cli.plan import plan_cells, run
from mlan.cli.planning import Planner, shares
from mlan.cli.study import open_grid
from mlan.errors import ConfigError, DataError
from mlan.grid import Grid
from mlan.mixture.tokenizer import embedded_tokenizer, read_metadata
from mlan.preflight import preflight
from tests.cli.example import write_study


def test_plan_of_the_middle_cell_has_the_counts_worked_out_by_hand(grid: Grid) -> None:
    plans = {plan.cell.name: plan for plan in plan_cells(grid, Planner(grid, {}), 0)}

    table = plans["text50"].accounting.set_index("source")
    # 32 examples, half of them text, two sources each.
    assert table["examples"].to_dict() == dict.fromkeys(
        ("t_capital", "t_define", "v_colour", "v_object"), 8
    )
    # 16 of 40 things are taught. Text: 3 wordings x 2 styles. Pictures: 2 styles of 2 views, or
    # of one scene in each of 6 colours.
    assert table["epochs"].to_dict() == pytest.approx(
        {
            "t_capital": 8 / (16 * 3 * 2),
            "t_define": 8 / (16 * 3 * 2),
            "v_colour": 8 / (16 * 6 * 2),
            "v_object": 8 / (16 * 2 * 2),
        }
    )
    assert plans["text50"].steps == 4  # 8 examples a step
    assert plans["text50"].tokens["image"] == 16 * 9
    assert plans["text50"].shares["examples"] == 0.5
    assert plans["text0"].shares == {"examples": 0, "tokens": 0, "supervised_tokens": 0}
    assert plans["text100"].shares == {"examples": 1, "tokens": 1, "supervised_tokens": 1}


def test_cells_of_the_token_arm_are_equal_in_tokens_and_differ_in_steps(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = {"mixture.arm": "tokens", "mixture.tokens": 1600, "mixture.instances": None}
    vary = {"mixture.text_share": [0.0, 1.0]}
    write_study(project, experiments={"tokens": {"set": budget, "vary": vary}})

    run("mine", None, None, as_json=True)

    told = json.loads(capsys.readouterr().out)
    used = [cell["tokens"]["text"] + cell["tokens"]["image"] for cell in told["cells"]]
    assert used == pytest.approx([1600, 1600], abs=40)
    assert [cell["budget_tokens"] for cell in told["cells"]] == [1600, 1600]
    text0, text100 = (cell["steps"] for cell in told["cells"])
    assert text0 < text100
    run("mine", None, None, as_json=False)
    name = told["cells"][0]["cell"]
    assert f"{name}: {used[0]} tokens of a budget of 1600" in capsys.readouterr().out


def test_shares_count_examples_tokens_and_learnt_tokens() -> None:
    accounting = pd.DataFrame(
        {
            "modality": ["text", "vision"],
            "examples": [1, 3],
            "text_tokens": [60, 20],
            "image_tokens": [0, 20],
            "supervised_tokens": [9, 1],
        }
    )

    assert shares(accounting) == {"examples": 0.25, "tokens": 0.6, "supervised_tokens": 0.9}


def test_source_gone_through_more_than_four_times_is_warned_of(project: Path) -> None:
    write_study(
        project,
        recipe__mixture__instances=900,
        recipe__mixture__match="up",
        experiments__sweep__vary={"mixture.text_share": [1.0]},
    )
    grid = open_grid("mine")

    notes = preflight(grid)

    # 450 examples of 96.
    assert [line.split(";")[0] + ";" + line.split(";")[1] for line in notes] == [
        f"source {name} is gone through up to 4.7 times (cell text100; more than 4)"
        for name in ("t_capital", "t_define")
    ]


def test_captions_gone_through_more_than_four_times_are_warned_of(project: Path) -> None:
    align = {"captions": "v_object", "method": "plain", "steps": 50, "batch": 8}
    write_study(project, recipe__align=align)

    assert preflight(open_grid("mine")) == [
        "source v_object is gone through up to 6.2 times (stage 1 of base; more than 4); add "
        "data, or ask for fewer of its examples"  # 400 of 64
    ]


def test_examples_that_a_dev_part_has_not_are_one_line_before_any_job(project: Path) -> None:
    choices = {"text": ["cat", "dog"], "label": ["A", "B"]}
    rows = [
        {"id": f"q{n}", "question_stem": "What?", "choices": choices, "answerKey": "A"}
        for n in range(20)
    ]
    path = project / "config" / "quiz.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    quiz = {"adapter": "benchmark_set", "set": "openbookqa", "path": "quiz.jsonl", "dev_share": 0.1}
    conditions = [
        {"image": "real", "parts": ["test"], "shots": 2},
        {"image": "blank", "parts": ["dev"], "shots": 3},
        {"image": "real", "parts": ["dev"], "shots": 2},
    ]
    write_study(project, data__benchmarks__quiz=quiz, evaluate__conditions=conditions)
    with pytest.raises(ConfigError) as caught:
        preflight(open_grid("mine"))
    assert caught.value.lines == (
        "config/mine.yaml: evaluate.conditions.2.shots = 2: the dev part of data.benchmarks.quiz "
        "has 2 clusters, which leave 1 for examples",
    )


def test_budget_matched_down_is_lowered_for_all_cells_alike(project: Path) -> None:
    write_study(project, recipe__mixture__instances=400, recipe__mixture__match="down")
    grid = open_grid("mine")

    plans = plan_cells(grid, Planner(grid, {}), 0)

    # 64 pictures of objects, 192 of colours: 65 and 64, the first name takes the odd one.
    assert {plan.cell.name: len(plan.accounting) for plan in plans} == {
        "text0": 2,
        "text50": 4,
        "text100": 2,
    }
    assert [int(plan.accounting["examples"].sum()) for plan in plans] == [129, 129, 129]
    assert preflight(grid) == [
        "recipe.mixture.match = 'down': 129 instances in place of 400 for 3 cell(s); with one "
        "more, cell text0 asks 65 of source 'v_object', which has 64"
    ]


def test_plan_counts_your_own_conversations(project: Path) -> None:
    rows = [
        {
            "id": n,
            "conversations": [
                {"from": "human", "value": f"What is {n} + 1?"},
                {"from": "gpt", "value": str(n + 1)},
            ],
        }
        for n in range(40)
    ]
    (project / "config" / "mine.json").write_text(json.dumps(rows))
    write_study(
        project,
        data__sources__mine={"adapter": "conversations", "modality": "text", "path": "mine.json"},
        recipe__mixture__text={"mine": 3, "t_capital": 1},
        experiments__sweep__vary={"mixture.text_share": [0.5]},
    )
    grid = open_grid("mine")

    (plan,) = plan_cells(grid, Planner(grid, {}), 0)

    mine = plan.accounting.set_index("source").loc["mine"]
    assert (mine["examples"], mine["epochs"]) == (12, 12 / 40)


def test_plan_counts_files_of_every_adapter_without_torch(project: Path) -> None:
    config = project / "config"
    chat = [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "!"}]}
        for n in range(10)
    ]
    (config / "chat.jsonl").write_text("\n".join(map(json.dumps, chat)))
    (config / "quiz.tsv").write_text("".join(f"{n} + 1?\t{n + 1}\n" for n in range(20)))
    facts = [
        {"qid": str(n), "question": f"Is {n} odd?", "answer": n % 2 == 1, "facts": []}
        for n in range(30)
    ]
    (config / "strategyqa.json").write_text(json.dumps(facts))
    write_study(
        project,
        data__sources__talk={"adapter": "chat", "modality": "text", "path": "chat.jsonl"},
        data__sources__quiz={
            "adapter": "qa",
            "modality": "text",
            "path": "quiz.tsv",
            "columns": ["question", "answer"],
        },
        data__sources__sqa={
            "adapter": "instruction_set",
            "set": "strategyqa",
            "path": "strategyqa.json",
        },
        recipe__mixture__text={"talk": 1, "quiz": 1, "sqa": 2},
        experiments__sweep__vary={"mixture.text_share": [0.5]},
    )
    script = (
        "import sys; from mlan.cli import plan; plan.run('mine', None, None, True)\n"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    (cell,) = json.loads(done.stdout)["cells"]
    rows = {row["source"]: row for row in cell["sources"]}
    assert {n: (rows[n]["examples"], rows[n]["epochs"]) for n in ("talk", "quiz", "sqa")} == {
        "talk": (4, 4 / 10),
        "quiz": (4, 4 / 20),
        "sqa": (8, pytest.approx(8 / 30, abs=1e-6)),
    }


def test_missing_files_and_folders_are_one_line_each_before_any_job(project: Path) -> None:
    row = {"question_id": 1, "image_id": 2, "question": "?", "choices": ["a", "b"]}
    rows = [{**row, "correct_choice_idx": 0}]
    (project / "config" / "aokvqa.json").write_text(json.dumps(rows))
    write_study(
        project,
        data__sources__talk={"adapter": "chat", "modality": "text", "path": "none.jsonl"},
        data__sources__quiz={"adapter": "qa", "modality": "text", "path": ["a.tsv", "b.tsv"]},
        data__sources__vqa={
            "adapter": "instruction_set",
            "set": "vqav2",
            "path": "aokvqa.json",
            "annotations": "none.json",
            "image_folder": "coco",
        },
        data__sources__aok={
            "adapter": "instruction_set",
            "set": "aokvqa",
            "path": "aokvqa.json",
            "image_folder": "coco",
        },
    )

    with pytest.raises(ConfigError) as error:
        preflight(open_grid("mine"))

    start, end = "config/mine.yaml: data.sources", "; paths are relative to the study file"
    assert error.value.lines == (
        f"{start}.aok.image_folder = 'coco': no such folder{end}",
        f"{start}.quiz.path.0 = 'a.tsv': no such file{end}",
        f"{start}.talk.path = 'none.jsonl': no such file{end}",
        f"{start}.vqa.annotations = 'none.json': no such file{end}",
    )


@pytest.mark.usefixtures("known_speed")
def test_plan_command_lists_all_jobs_in_a_hundred_columns_without_torch(project: Path) -> None:
    script = (
        "import sys; from mlan.cli import plan\n"
        "for as_json in (True, False): plan.run('tiny', None, None, as_json)\n"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    told, end = json.JSONDecoder().raw_decode(done.stdout)
    jobs = {stage["stage"]: stage["jobs"] for stage in told["stages"]}
    assert (told["jobs"], sum(jobs.values())) == (44, 44)
    assert (jobs["align"], jobs["tune"], jobs["predict"]) == (1, 6, 7)
    assert [cell["cell"] for cell in told["cells"]] == ["text0", "text50", "text100"]
    lines = done.stdout[end:].splitlines()
    assert "3 tuned cells x seeds 0, 1; below: seed 0" in lines
    assert lines[-1].startswith("44 jobs, about ")
    assert max(map(len, lines)) <= 100


def test_tokenizer_read_from_the_weights_file_encodes_as_the_models_own() -> None:
    # Expected ids: tokenizer.json of a backbone prepared with transformers.
    tokenizer = embedded_tokenizer()

    assert tokenizer.encode("<image>\n1984", add_special_tokens=False).ids == [
        *(49152, 198, 33, 41, 40, 36)
    ]
    text = "User: What is the capital of Côte d'Ivoire?\nAssistant: Yamoussoukro<|im_end|>"
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert ids == [
        *(11126, 42, 1812, 314, 260, 3575, 282, 340, 21637, 676, 287, 23, 57, 16104, 609, 47),
        *(198, 9519, 9531, 42, 718, 14955, 99, 279, 91, 291, 2),
    ]
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_tokenizer_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.gguf"
    path.write_bytes(b"PK\x03\x04")

    with pytest.raises(DataError, match=r"weights\.gguf: not a GGUF file; run `make install`$"):
        read_metadata(path)
