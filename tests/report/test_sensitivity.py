"""Averages under other weights: the table as it stands in the file, and its sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from mlan.report.sensitivity import robustness, sensitivity_table
from mlan.report.summary import Summary

Told = Callable[..., Summary]
SHARES = (0.0, 0.5, 1.0)
START, END = "With benchmarks weighed ", ", the text average is highest at "
WAYS = f"{START}equally, above chance or by signal{END}"
UNDEFINED = "text average weighed by signal is undefined: one seed"


@pytest.fixture
def summary(told: Told) -> Summary:
    return told(shares=SHARES, others=())


def rows(**ranks: tuple[int, ...]) -> list[Mapping[str, Any]]:
    """The text average of three cells with their ranks under each weighting; none: undefined."""
    found: list[Mapping[str, Any]] = []
    for weighting, own in ranks.items():
        for cell, rank in zip(("share-0", "share-50", "share-100"), own or (0, 0, 0), strict=True):
            numbers = dict.fromkeys(("value", "low", "high"), "0.5" if own else "")
            found.append(
                {
                    "score": "text average",
                    "weighting": weighting,
                    "cell": cell,
                    **numbers,
                    "rank": str(rank) if own else "",
                    "benchmarks": "a;b" if own else "",
                    "weights": "0.5;0.5" if own else "",
                    "why": "" if own else UNDEFINED,
                }
            )
    return found


def test_table_has_weights_then_averages_side_by_side(summary: Summary) -> None:
    table = sensitivity_table(summary)
    assert table.header == ("average", "of", "equal weights", "above chance", "by signal")
    assert table.rows[:2] == (
        ("text average", "weight of capital-text", "50.0", "60.0", "25.0"),
        ("text average", "weight of language-text", "50.0", "40.0", "75.0"),
    )
    # Half of the interval is 5 points: an error of 2.55, which bears one digit.
    assert table.rows[2:6] == (
        ("text average", "untuned", *["30.0 ± 5.0"] * 3),
        ("text average", "0 %", *["50.0 ± 5.0"] * 3),
        ("text average", "50 %", *["60.0 ± 5.0"] * 3),
        ("text average", "100 %", *["70.0 ± 5.0 *"] * 3),
    )
    assert table.rows[-3] == (
        *("vision average", "0 %", "50.0 ± 5.0", "50.0 ± 5.0", "70.0 ± 5.0 *"),
    )
    assert table.blocks == (2, 6, 8)
    assert "claims use equal weights" in table.caption


def test_sentence_tells_whether_the_best_cell_stays(summary: Summary) -> None:
    said = (
        f"{WAYS}100 %, all cells in the same order; the vision average is highest at 100 % "
        "(equal weights, above chance) or 0 % (by signal)."
    )
    assert sensitivity_table(summary).note.startswith(said)


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        ({"signal": (3, 2, 1)}, "100 %, all cells in the same order."),
        ({"signal": (2, 3, 1)}, "100 %, the others in another order."),
        ({"signal": (1, 2, 3)}, "100 % (equal weights, above chance) or 0 % (by signal)."),
        # Two that are equally good are told together.
        (
            {"signal": (1, 3, 1)},
            "100 % (equal weights, above chance) or 0 % and 100 % (by signal).",
        ),
    ],
)
def test_sentence_of_every_outcome(
    summary: Summary, ranks: dict[str, tuple[int, ...]], said: str
) -> None:
    every = {"equal": (3, 2, 1), "chance_corrected": (3, 2, 1), **ranks}
    assert robustness(rows(**every), summary) == f"{WAYS}{said}"


@pytest.mark.parametrize(
    ("undefined", "ways", "said"),
    [
        (("signal",), "equally or above chance", "100 %, all cells in the same order."),
        (("signal", "chance_corrected"), "equally", "100 %."),
    ],
)
def test_sentence_names_only_weights_that_are_defined(
    summary: Summary, undefined: tuple[str, ...], ways: str, said: str
) -> None:
    every = {"equal": (3, 2, 1), "chance_corrected": (3, 2, 1), "signal": (3, 2, 1)}
    found = rows(**every | dict.fromkeys(undefined, ()))
    assert robustness(found, summary) == f"{START}{ways}{END}{said}"
    # Undefined for one average alone.
    other = [dict(row) | {"score": "vision average"} for row in rows(**every)]
    assert robustness([*found, *other], summary).startswith(
        f"{WAYS}{said.removesuffix('.')} (undefined: "
    )


def test_undefined_weighting_has_no_number_and_its_reason(summary: Summary) -> None:
    table = pd.DataFrame(rows(equal=(3, 2, 1), chance_corrected=(3, 2, 1), signal=()))
    table = table.replace("", float("nan"))
    evidence = replace(summary.evidence, sensitivity=table.astype({"value": float}))
    found = sensitivity_table(replace(summary, evidence=evidence))
    assert {row[-1] for row in found.rows} == {"–"}
    assert found.note.endswith(f" {UNDEFINED}.")


def test_study_without_it_says_so(summary_of: Callable[..., Summary]) -> None:
    lacking = summary_of(shares=SHARES, others=())
    table = sensitivity_table(lacking)
    assert (table.rows, table.note) == (
        (),
        "Empty: averages under other weights were not computed.",
    )
    assert robustness([], lacking) == ""
