"""The plan of a run, its loss weights against slow references, and its accounting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlan.errors import DataError
from mlan.mixture.accounting import COLUMNS, account
from mlan.mixture.plan import padded_tokens, padding_share, token_weights
from tests.mixture.example import IMAGE_TOKENS, SOURCES, plan

UNITS = ("token", "sample", "microbatch")
SIZES = {name: len(frame) for name, frame in SOURCES.items()}


def keys(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(zip(table["source"], table["example"], table["epoch"], strict=True))


# --- what is in it ---------------------------------------------------------------------------


def test_plan_has_a_line_per_example_in_reading_order() -> None:
    table = plan(layout="packed")
    assert list(table.columns) == [
        "step",
        "row",
        "position",
        "example",
        "source",
        "modality",
        "image",
        "epoch",
        "tokens",
        "image_tokens",
        "supervised_tokens",
        "weight",
    ]
    where = list(zip(table["step"], table["row"], table["position"], strict=True))
    assert where == sorted(set(where))
    assert table["source"].value_counts().to_dict() == {"pictures": 20, "words": 13, "facts": 7}
    assert table.groupby("step").size().tolist() == [8] * 5
    assert list(table.index) == list(range(40))


def test_lengths_are_those_of_the_template() -> None:
    table = plan()
    for line in table.itertuples():
        (turn,) = SOURCES[line.source].set_index("id").loc[line.example, "turns"]
        answer = len(" " + turn["assistant"]) + 1
        picture = IMAGE_TOKENS if line.source == "pictures" else 0
        around = len("User: " + turn["user"] + "\nAssistant:")
        assert line.supervised_tokens == answer
        assert line.image_tokens == picture
        assert line.tokens == around + picture + answer
        assert (line.image != "") == (line.source == "pictures")
        assert line.modality == ("vision" if line.image else "text")


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_cells_have_equally_many_steps_at_any_share(share: float) -> None:
    table = plan(share)
    assert table["step"].max() + 1 == 5
    assert (table["modality"] == "text").mean() == share


def test_neighbouring_cells_share_all_but_the_difference() -> None:
    few, many = set(keys(plan(0.25))), set(keys(plan(0.5)))
    assert len(few & many) == 30
    assert {source for source, _, _ in few - many} == {"pictures"}
    assert {source for source, _, _ in many - few} == {"words", "facts"}


def test_seed_changes_the_draw_and_equal_seeds_give_equal_plans() -> None:
    pd.testing.assert_frame_equal(plan(seed=1), plan(seed=1))
    assert set(keys(plan(seed=1))) != set(keys(plan(seed=2)))


def test_source_that_is_too_small_is_an_error_unless_repeated() -> None:
    with pytest.raises(DataError, match="source 'words' has 40 examples, the mixture asks for 80"):
        plan(1.0, instances=120)
    table = plan(1.0, instances=120, repeat=True)
    assert table[table["source"] == "words"].groupby("epoch").size().tolist() == [40, 40]


def test_other_columns_of_a_source_decide_nothing() -> None:
    more = {name: frame.assign(note="x") for name, frame in SOURCES.items()}
    pd.testing.assert_frame_equal(plan(sources=more), plan())


# --- loss weights ----------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["sorted", "packed"])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("instances", [40, 43])
def test_weights_of_a_step_sum_to_one(unit: str, layout: str, instances: int) -> None:
    table = plan(instances=instances, loss_unit=unit, layout=layout)
    mass = (table["weight"] * table["supervised_tokens"]).groupby(table["step"]).sum()
    np.testing.assert_allclose(mass, 1.0, rtol=1e-12)
    assert (table["weight"] > 0).all()


def losses(table: pd.DataFrame) -> dict[tuple[Any, ...], np.ndarray]:
    """A pretended loss of every supervised token of every example."""
    rng = np.random.default_rng(0)
    drawn = {k: rng.random(50) for k in sorted(keys(table))}
    sizes = zip(keys(table), table["supervised_tokens"], strict=True)
    return {key: drawn[key][:size] for key, size in sizes}


def objective(table: pd.DataFrame) -> pd.Series:
    """Each step's loss by the plan's weights."""
    each = losses(table)
    sums = [each[key].sum() for key in keys(table)]
    return (table["weight"] * sums).groupby(table["step"]).sum()


def mean_of(parts: Iterable[np.ndarray]) -> float:
    return float(np.mean(np.concatenate(list(parts))))


def reference(table: pd.DataFrame, unit: str, microbatch: int) -> list[float]:
    """The same by the definitions, for a plan of sorted rows (shortest first in a step)."""
    each = losses(table)
    values = []
    for _, lines in table.groupby("step"):
        members = [each[key] for key in keys(lines)]
        if unit == "token":
            values.append(mean_of(members))
        elif unit == "sample":
            values.append(float(np.mean([m.mean() for m in members])))
        else:
            cut = [members[i : i + microbatch] for i in range(0, len(members), microbatch)]
            values.append(float(np.mean([mean_of(batch) for batch in cut])))
    return values


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("microbatch", [1, 3, 4, 8, 100])
def test_objective_is_the_mean_that_the_unit_names(unit: str, microbatch: int) -> None:
    table = plan(instances=43, loss_unit=unit, microbatch=microbatch)
    np.testing.assert_allclose(
        objective(table).tolist(), reference(table, unit, microbatch), rtol=1e-12
    )


def test_token_weights_of_a_step_are_equal() -> None:
    table = plan(loss_unit="token")
    for _, lines in table.groupby("step"):
        assert lines["weight"].nunique() == 1
        assert lines["weight"].iloc[0] == pytest.approx(1 / lines["supervised_tokens"].sum())


def test_sample_weights_give_each_example_one_nth() -> None:
    table = plan(loss_unit="sample")
    np.testing.assert_allclose(table["weight"] * table["supervised_tokens"], 1 / 8)


def test_microbatch_of_one_is_sample_and_of_a_step_is_token() -> None:
    for microbatch, unit in ((1, "sample"), (8, "token")):
        both = [plan(loss_unit=u, microbatch=microbatch)["weight"] for u in ("microbatch", unit)]
        np.testing.assert_allclose(*both)


def test_microbatch_weights_known_answer() -> None:
    lines = pd.DataFrame(
        {"step": [0, 0, 0, 1], "tokens": [30, 10, 20, 5], "supervised_tokens": [4, 1, 3, 2]}
    )
    # Shortest first: (1, 3 tokens) and (4): two batches of weight 1/2, over 4 and 4 tokens.
    assert token_weights(lines, "microbatch", 2).tolist() == [1 / 8, 1 / 8, 1 / 8, 1 / 2]
    assert token_weights(lines, "sample", 2).tolist() == [1 / 12, 1 / 3, 1 / 9, 1 / 2]
    assert token_weights(lines, "token", 2).tolist() == [1 / 8, 1 / 8, 1 / 8, 1 / 2]


@pytest.mark.parametrize("unit", UNITS)
def test_weights_do_not_depend_on_how_rows_are_packed(unit: str) -> None:
    tables = [
        plan(
            loss_unit=unit,
            rows={"layout": layout, "steps": "mixed", "window": 1, "capacity": capacity},
        )
        for layout, capacity in (("sorted", 64), ("packed", 64), ("packed", 90), ("packed", 999))
    ]
    weights = [dict(zip(keys(t), t["weight"], strict=True)) for t in tables]
    assert all(w == weights[0] for w in weights[1:])
    rows = [t.groupby("step")["row"].nunique().tolist() for t in tables]
    assert len({str(r) for r in rows}) == 4, "the layouts are not even different"


# --- accounting ------------------------------------------------------------------------------


def dense_padding(table: pd.DataFrame) -> int:
    """Padding counted cell by cell in the batches that the model would see."""
    holes = 0
    for _, lines in table.groupby("step"):
        rows = [part["tokens"].sum() for _, part in lines.groupby("row")]
        batch = np.zeros((len(rows), max(rows)), bool)
        for row, length in enumerate(rows):
            batch[row, :length] = True
        holes += int((~batch).sum())
    return holes


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.integers(9, 45),
    st.sampled_from(["sorted", "packed"]),
    st.integers(0, 5),
)
def test_accounting_adds_up(share: float, instances: int, layout: str, seed: int) -> None:
    table = plan(share, instances, seed, layout=layout)
    books = account(table, SIZES)
    assert list(books.columns) == COLUMNS
    assert books["examples"].sum() == instances
    assert books["text_tokens"].sum() + books["image_tokens"].sum() == table["tokens"].sum()
    assert books["image_tokens"].sum() == IMAGE_TOKENS * (table["modality"] == "vision").sum()
    assert books["supervised_tokens"].sum() == table["supervised_tokens"].sum()
    assert books["padding_tokens"].sum() == dense_padding(table)
    assert (books["padding_tokens"] >= 0).all()
    assert set(books["steps"]) == {-(-instances // 8)}
    for line in books.itertuples():
        mine = table[table["source"] == line.source]
        assert line.modality == mine["modality"].iloc[0]
        assert (line.examples, line.unique) == (len(mine), mine["example"].nunique())
        assert line.supervised_tokens == mine["supervised_tokens"].sum()
        assert line.text_tokens == (mine["tokens"] - mine["image_tokens"]).sum()


def test_accounting_of_a_repeated_source_counts_uses_examples_and_epochs() -> None:
    books = account(plan(1.0, instances=90, repeat=True), SIZES).set_index("source")
    assert books.loc["words", ["examples", "unique", "epochs"]].tolist() == [60, 40, 1.5]
    assert books.loc["facts", ["examples", "unique", "epochs"]].tolist() == [30, 30, 1.0]


def test_padding_of_a_row_is_split_over_its_sources_by_tokens() -> None:
    table = pd.DataFrame(
        {
            "step": [0, 0, 0, 1],
            "row": [0, 0, 1, 0],
            "example": list("abcd"),
            "source": ["x", "y", "y", "x"],
            "modality": "text",
            "tokens": [2, 6, 20, 7],
            "image_tokens": 0,
            "supervised_tokens": 1,
        }
    )
    # Row 0 of step 0 holds 8 of 20 tokens: 12 of padding, 3 for x and 9 for y.
    assert account(table, {"x": 2, "y": 2})["padding_tokens"].tolist() == [3, 9]
    assert padded_tokens(table) == 47
    assert padding_share(table) == pytest.approx(12 / 47)
