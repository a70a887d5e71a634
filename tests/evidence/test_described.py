"""What runs leave beside their scores: losses, the look of answers, what they took."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.errors import IntegrityError
from mlan.evidence.answers import COLUMNS as ANSWERS
from mlan.evidence.answers import answer_rows, shape
from mlan.evidence.blocks import Cell, Run
from mlan.evidence.compute import COLUMNS as COMPUTE
from mlan.evidence.compute import compute_rows
from mlan.evidence.losses import COLUMNS as LOSSES
from mlan.evidence.losses import binned, loss_rows
from mlan.records import write_csv, write_json, write_parquet, write_record

CELL = Cell("share-50", "tuned", 0.5, ("sweep",), (0,))


def steps(*rows: tuple[int, str, float, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["step", "source", "loss", "tokens"])


def recorded(folder: Path, **tables: pd.DataFrame) -> Path:
    outputs = []
    for name, table in tables.items():
        kind = "csv" if name in ("losses", "accounting") else "parquet"
        outputs.append(folder / f"{name}.{kind}")
        (write_csv if kind == "csv" else write_parquet)(outputs[-1], table)
    write_record(folder, stage=folder.name, identity={}, code="0", inputs={}, outputs=outputs)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with losses of two sources, answers on two benchmarks, and what it took."""
    losses = steps((0, "null", 4.0, 1), (0, "flags", 2.0, 4), (1, "null", 2.0, 3))
    weights = recorded(tmp_path / "weights", losses=losses)
    write_json(weights / "run.json", {"stage": "tune", "seconds": 60.0, "tokens": 900,
                                      "language_model_tflop": 7.0, "tower_tflop": 0.5})  # fmt: skip
    books = pd.DataFrame({"source": ["null", "flags"], "modality": ["text", "vision"]})
    said = pd.DataFrame(
        {
            "item": ["a", "b"],
            "part": "test",
            "condition": "real",
            "text": [" Yes ", "I do not know"],
            "ended": [True, False],
        }
    )
    recorded(tmp_path / "predictions", pope=said, capital=said.assign(text=["Paris", ""]))
    items = [
        (benchmark, "test", "real", item, scorer, parser, gold, read)
        for benchmark, golds, reads in (
            ("pope", ["yes", "no"], ["yes", ""]),
            ("capital", ["Paris", "Rome"], ["Paris", ""]),
        )
        for item, gold, read in zip("ab", golds, reads, strict=True)
        for scorer, parser in (("generate", "strict"), ("generate", "lenient"))
    ]
    columns = ["benchmark", "part", "condition", "item", "scorer", "parser", "gold", "read"]
    scores = recorded(tmp_path / "scores", items=pd.DataFrame(items, columns=columns))
    return Run(CELL, 0, scores, recorded(tmp_path / "mixture", accounting=books))


def test_loss_rows_name_the_modality_and_keep_a_source_called_null(run: Run) -> None:
    rows = list(loss_rows([run]))
    assert [set(row) for row in rows] == [set(LOSSES)] * 3
    assert [(r["source"], r["modality"], r["first_step"], r["loss"]) for r in rows] == [
        ("flags", "vision", 0, 2.0),
        ("null", "text", 0, 4.0),
        ("null", "text", 1, 2.0),
    ]


def test_loss_of_a_stretch_is_the_mean_over_its_tokens() -> None:
    found = binned(steps((0, "a", 4.0, 1), (1, "a", 2.0, 3), (2, "a", 1.0, 2)), bins=2)
    assert found.to_dict("list") == {
        "source": ["a", "a"],
        "first_step": [0, 2],
        "last_step": [1, 2],
        "loss": [2.5, 1.0],
        "tokens": [4, 2],
    }


def test_losses_of_a_run_that_never_learnt_are_empty() -> None:
    assert binned(steps()).empty


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab"), st.floats(0, 9),
                       st.integers(1, 9)), min_size=1, max_size=60),
    st.integers(1, 12),
)  # fmt: skip
def test_stretches_lose_no_token_and_no_nat(
    rows: list[tuple[int, str, float, int]], bins: int
) -> None:
    found = binned(steps(*rows), bins)
    assert found["tokens"].sum() == sum(tokens for *_, tokens in rows)
    nats = sum(loss * tokens for _, _, loss, tokens in rows)
    assert (found["loss"] * found["tokens"]).sum() == pytest.approx(nats)
    assert found.groupby("source").size().max() <= bins


def test_losses_that_were_changed_are_refused(run: Run) -> None:
    path = run.scores.parent / "weights" / "losses.csv"
    path.write_text(path.read_text().replace("4", "5"))
    with pytest.raises(IntegrityError, match=r"losses\.csv: differs"):
        list(loss_rows([run]))


def test_shape_counts_words_signs_and_what_was_cut() -> None:
    found = shape(pd.Series([" Yes ", "", "I do"]), pd.Series([True, True, False]))
    assert found == {
        "n": 3,
        "words": 1.0,
        "characters": pytest.approx(7 / 3),
        "cut_rate": pytest.approx(1 / 3),
        "empty_rate": pytest.approx(1 / 3),
    }


def test_answer_rows_rate_yes_where_yes_or_no_is_asked(run: Run) -> None:
    rows = {row["benchmark"]: row for row in answer_rows([run])}
    assert set(rows["pope"]) == set(ANSWERS)
    # An answer that is neither counts as not yes; parsers count once.
    assert (rows["pope"]["yes_rate"], rows["pope"]["gold_yes_rate"]) == (0.5, 0.5)
    assert rows["pope"]["yes_no_items"] == 2
    assert math.isnan(rows["capital"]["yes_rate"])
    assert (rows["pope"]["words"], rows["capital"]["words"]) == (2.5, 0.5)
    assert rows["pope"]["cut_rate"] == 0.5


def test_rows_of_a_run_without_losses_or_answers_are_absent(run: Run, tmp_path: Path) -> None:
    bare = Run(CELL, 1, tmp_path / "elsewhere" / "scores", None)
    assert list(loss_rows([bare])) == list(answer_rows([bare])) == list(compute_rows([bare])) == []
    assert run.cell is bare.cell


def test_compute_rows_add_up_operations_and_leave_open_what_was_not_counted(run: Run) -> None:
    (row,) = compute_rows([run])
    assert list(COMPUTE) == [*COMPUTE]
    assert set(row) == set(COMPUTE)
    assert (row["stage"], row["tflop"], row["seconds"], row["tokens"]) == ("tune", 7.5, 60.0, 900)
    assert row["peak_gpu_gb"] is None
