"""What reruns when: one line of the table a test, asked of the real engine."""

from __future__ import annotations

import os
import time
from typing import Any

import pandas as pd
import pytest

from mlan.grid.start import read_start
from tests.workflow.engine import Engine

CELLS = 3  # tuned cells of one seed; the untuned model is one run more
REPORT = {"collect": 1, "claims": 1, "draw": 1, "page": 1}


def test_nothing_reruns_when_nothing_changed_with_a_counter_for_gpus_that_are_not_there(
    engine: Engine,
) -> None:
    assert engine.planned("--resources", "gpu=4") == {}


def test_touching_every_file_reruns_nothing(engine: Engine) -> None:
    now = time.time()
    for part in ("src", "config", "workflow", "rules", "results"):
        for path in (engine.folder / part).rglob("*"):
            os.utime(path, (now, now))
    os.utime(engine.folder / "Snakefile", (now, now))
    assert engine.planned() == {}


def test_one_cells_share_reruns_that_cell_and_the_report(
    engine: Engine, study: dict[str, Any]
) -> None:
    study["experiments"]["sweep"]["vary"]["mixture.text_share"] = [0.0, 0.25, 1.0]
    engine.write_study(study)
    assert engine.planned() == {"mix": 1, "tune": 1, "predict": 1, "score": 1, **REPORT}


def test_plotting_function_reruns_figures_only(engine: Engine) -> None:
    engine.edit(
        "src/mlan/report/style.py", "import pandas as pd\n", "import pandas as pd\n\nNEW = 1\n"
    )
    assert engine.planned() == {"draw": 1, "page": 1}


def test_markup_of_the_page_reruns_the_page_only(engine: Engine) -> None:
    engine.edit("src/mlan/report/page/template.css", "max-width: 72rem", "max-width: 70rem")
    assert engine.planned() == {"page": 1}


def test_title_reruns_figures_only(engine: Engine, study: dict[str, Any]) -> None:
    study["report"] = {"title": "Another title"}
    engine.write_study(study)
    assert engine.planned() == {"draw": 1, "page": 1}


def test_note_of_the_claims_reruns_the_page_only(engine: Engine) -> None:
    engine.edit("config/tiny.claims.yaml", "primary: {scorer", "note: Late.\nprimary: {scorer")
    assert engine.planned() == {"page": 1}
    assert read_start(engine.results()).day


def test_margin_reruns_claims_and_figures_and_is_post_hoc(engine: Engine) -> None:
    ledger = engine.results("claims.json")
    before = ledger.read_bytes()
    assert b'"after_scores": true' not in before
    first = pd.read_csv(engine.results("evidence", "claims.csv"), index_col="id")
    assert set(first["registered"]) == {"before scores"}
    engine.edit("config/tiny.claims.yaml", "margin: 0.1\n", "margin: 0.2\n")

    assert engine.planned() == {"claims": 1, "draw": 1, "page": 1}
    assert ledger.read_bytes() == before  # a dry run starts nothing
    try:
        done = engine.run("results/test/evidence/claims.csv")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "post hoc, since test scores existed before: claims on_par\n" in done.stderr
        table = pd.read_csv(engine.results("evidence", "claims.csv"))
        table["gone"] = table["verdict"] == "withdrawn"
        own = table[table["id"] == "on_par"].set_index("gone")["registered"]
        assert own.to_dict() == {False: "post hoc", True: "before scores"}
        assert b'"after_scores": true' in ledger.read_bytes()
    finally:
        ledger.write_bytes(before)
        engine.edit("config/tiny.claims.yaml", "margin: 0.2\n", "margin: 0.1\n")
        assert engine.run().returncode == 0


def test_new_benchmark_reruns_its_preparation_and_one_predict_job_a_run(
    engine: Engine, study: dict[str, Any]
) -> None:
    study["data"]["benchmarks"]["t_continent"] = {
        "modality": "text", "relation": "continent", "taught_by": "nobody", "dev": 4, "test": 8,
    }  # fmt: skip
    engine.write_study(study)
    runs = CELLS + 1
    assert engine.planned() == {
        "prepare_benchmark": 1,
        "overlap": 1,
        "predict": runs,
        "score": runs,
        **REPORT,
    }


def test_new_source_of_stage_2_is_compared_and_no_stage_1_reruns(
    engine: Engine, study: dict[str, Any]
) -> None:
    study["data"]["sources"]["t_more"] = study["data"]["sources"]["t_capital"]
    study["recipe"]["mixture"]["text"]["t_more"] = 1
    engine.write_study(study)
    runs = {"mix": CELLS, "tune": CELLS, "predict": CELLS, "score": CELLS}
    assert engine.planned() == {"prepare_source": 1, "overlap": 1, **runs, **REPORT}


def test_way_of_comparing_reruns_the_comparison_and_the_report(engine: Engine) -> None:
    engine.edit("src/mlan/data/contamination/pictures.py", "MAX_DISTANCE = 7", "MAX_DISTANCE = 6")
    assert engine.planned() == {"overlap": 1, **REPORT}


def test_new_seed_reruns_only_the_new_runs(engine: Engine, study: dict[str, Any]) -> None:
    study["seeds"] = [0, 1]
    engine.write_study(study)
    new = {"mix": CELLS, "tune": CELLS, "predict": CELLS, "score": CELLS}
    assert engine.planned() == {**new, **REPORT}


# A remark, a docstring, formatting, a description: edits that mean nothing.
MEANINGLESS = (
    ("src/mlan/train/objective.py", "    picked = ", "    # a remark\n    picked = "),
    ("src/mlan/train/objective.py", '"""The training loss:', '"""The loss in training:'),
    ("src/mlan/train/objective.py", "losses * batch.weight)", "losses  *  (batch.weight))"),
    ("src/mlan/train/tune.py", '"""Write the trained parameters', '"""'),
    ("src/mlan/config/recipe.py", "Peak rate of the projector.", "The projector's peak rate."),
    ("workflow/scripts/tune.py", '"""Stage', '"""Again: stage'),
)


def test_edits_without_meaning_and_another_order_of_keys_rerun_nothing(
    engine: Engine, study: dict[str, Any]
) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: turned(v) for k, v in reversed(value.items())}
        return value

    for file, old, new in MEANINGLESS:
        engine.edit(file, old, new)
    study["recipe"] = turned(study["recipe"])
    engine.write_study(study)
    assert engine.planned() == {}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "src/mlan/train/objective.py",
            "torch.sum(losses * batch.weight)",
            "torch.sum(losses * batch.weight * 2)",
            {"align": 1, "tune": CELLS, "predict": CELLS + 1, "score": CELLS + 1, **REPORT},
        ),
        (
            "src/mlan/mixture/draw.py",
            '_key("order", ',
            '_key("other order", ',
            {  # stage 1 lays its captions out with the same modules
                "align": 1,
                "mix": CELLS,
                "tune": CELLS,
                "predict": CELLS + 1,
                "score": CELLS + 1,
                **REPORT,
            },
        ),
        (
            "src/mlan/evaluate/engine.py",
            "2 * len(trees) <= len(self._row)",
            "3 * len(trees) <= len(self._row)",
            {"predict": CELLS + 1, "score": CELLS + 1, **REPORT},
        ),
        (
            "src/mlan/evidence/groups.py",
            "from __future__ import annotations\n",
            "from __future__ import annotations\n\nNEW = 1\n",
            REPORT,
        ),
    ],
)
def test_meaning_of_a_module_reruns_exactly_the_stages_that_use_it(
    engine: Engine, file: str, old: str, new: str, expected: dict[str, int]
) -> None:
    engine.edit(file, old, new)
    assert engine.planned() == expected


def test_figures_without_training_although_training_code_changed(engine: Engine) -> None:
    engine.edit(
        "src/mlan/train/objective.py",
        "torch.sum(losses * batch.weight)",
        "torch.sum(losses * batch.weight * 3)",
    )
    only = engine.planned(
        *("--allowed-rules", *REPORT, "all", "-R", *REPORT),
        config=("partial=true",),
    )
    assert only == REPORT


def test_one_named_run_reruns_and_nothing_else(engine: Engine) -> None:
    run = "results/test/cells/text50/seed0"
    planned = engine.planned(f"{run}/scores/record.json", "-R", f"{run}/weights/record.json")
    assert planned == {"tune": 1, "predict": 1, "score": 1}


def test_deleted_figure_is_drawn_again(engine: Engine) -> None:
    figure = engine.results("report", "figures", "sweep.png")
    content = figure.read_bytes()
    figure.unlink()
    try:
        assert engine.planned() == {"draw": 1, "page": 1}
    finally:
        figure.write_bytes(content)


def test_every_source_is_compared_with_every_benchmark(finished: Engine) -> None:
    lines = finished.results("data", "contamination", "pairs.csv").read_text().splitlines()
    # Two sources a modality and the pictures of stage 1; four benchmarks of two parts.
    assert len(lines) == 1 + 5 * 4 * 2
    clean = finished.results("summary", "scores_clean.csv").read_text().splitlines()
    assert all(line.endswith(",0") for line in clean[1:])
    assert [line.rpartition(",")[0] for line in clean] == (
        finished.results("summary", "scores.csv").read_text().splitlines()
    )
