"""The stage on a summary that the collect stage would leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlan.errors import IntegrityError
from mlan.evidence.claims.stage import claims
from mlan.evidence.claims.verdicts import COLUMNS
from mlan.evidence.results import write_results
from mlan.records import read_record, write_csv, write_record
from mlan.stage import Job
from tests.evidence.claims.example import SHARES, cell, claim, difference, results

CURVE = dict(zip(SHARES, [0.45, 0.50, 0.52, 0.54, 0.40], strict=True))
BENCHMARKS = {
    name: {"modality": "vision", "taught_by": None, "headline": True} for name in ("v_a", "v_b")
}


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    """Blocks of the made-up sweep, and 100 or 80 tokens and some padding."""
    folder = tmp_path / "summary"
    found = results(CURVE)
    files = write_results(folder, list(found.runs), list(found.blocks.values()))
    rows = [
        {
            "cell": name,
            "seed": seed,
            "source": source,
            "text_tokens": 60 if source == "total" else 1,
            "image_tokens": 40 if name == "text0" else 20,
            "padding_tokens": 7,
        }
        for name, seed in found.runs
        for source in ("total", "null")
    ]
    write_csv(folder / "tokens.csv", pd.DataFrame(rows))
    files.append(folder / "tokens.csv")
    write_record(folder, stage="collect", identity={}, code="0", inputs={}, outputs=files)
    return folder


def run(summary: Path, *found: dict[str, Any], **identity: Any) -> pd.DataFrame:
    """Run the stage and return its table."""
    cells = [
        {
            "cell": cell(x),
            "kind": "tuned",
            "text_share": x,
            "experiments": ["sweep"],
            "seeds": [0, 1, 2],
            "seen": [],
            "untuned": "untuned",
        }
        for x in SHARES
    ]
    given = {
        "cells": cells,
        "benchmarks": BENCHMARKS,
        "claims": list(found),
        "post_hoc": [],
        "withdrawn": [],
        "untested": [],
        "counted": [],
        "other_seeds": [],
        "primary": {"scorer": "generate", "parser": "strict", "condition": "real"},
        "confidence": 0.95,
        "partial": False,
    }
    out = summary.parent / "evidence"
    claims(Job("claims", given | identity, "code", out, {"summary": summary}))
    return pd.read_csv(out / "claims.csv")


def test_table_has_a_row_a_claim_and_all_columns(summary: Path) -> None:
    up = claim("superiority", [difference(0.75, 0.25)], id="up", margin=0.03)
    cheap = claim("token_ratio", id="cheap", tokens=["text25", "text0"], at_most=0.75)

    table = run(summary, up, cheap, withdrawn=[["gone", "primary"]])

    assert list(table.columns) == COLUMNS
    assert list(table["id"]) == ["up", "cheap", "gone"]
    assert list(table["verdict"]) == ["supported", "contradicted", "withdrawn"]
    # Padding counts nothing: 80 of 100 tokens.
    assert list(table["value"])[:2] == pytest.approx([0.04, 0.8])
    # One withdrawn claim: Holm over two, so the 95 % interval of a one-sided test at 2.5 %.
    assert table["level"][0] == pytest.approx(0.95)


def test_study_without_claims_writes_an_empty_table(summary: Path) -> None:
    assert run(summary).empty
    written = read_record(summary.parent / "evidence")["outputs"]
    assert sorted(written) == [
        *("claims.csv", "power.csv", "recommend.csv", "recommend_otherwise.csv"),
        "sensitivity.csv",
    ]
    assert pd.read_csv(summary.parent / "evidence" / "power.csv").empty


def test_same_input_gives_same_bytes(summary: Path) -> None:
    up = claim("superiority", [difference(0.75, 0.25)])
    file = summary.parent / "evidence" / "claims.csv"

    run(summary, up)
    first = file.read_bytes()
    run(summary, up)

    assert file.read_bytes() == first


def test_changed_summary_is_refused(summary: Path) -> None:
    with (summary / "sums.parquet").open("ab") as stream:
        stream.write(b"x")

    with pytest.raises(IntegrityError, match="differs from what its record says"):
        run(summary)


def test_what_a_claim_could_see_is_told_from_the_study_itself(summary: Path) -> None:
    up = claim("superiority", [difference(0.75, 0.25)], id="up", margin=0.03, expected=0.05)

    run(summary, up)

    (row,) = pd.read_csv(summary.parent / "evidence" / "power.csv").to_dict("records")
    assert (row["id"], row["seeds"], row["components"]) == ("up", 3, "own results")
    # A margin of 3 points and what seeds and items hide behind it.
    assert row["detectable"] > 0.03


def test_averages_under_other_weights_are_told_in_the_primary_measure(summary: Path) -> None:
    run(summary, primary={"scorer": "generate", "parser": "lenient", "condition": "real"})

    table = pd.read_csv(summary.parent / "evidence" / "sensitivity.csv")
    assert set(table["parser"]) == {"lenient"}
    assert len(table) == 3 * len(SHARES)
    equal = table[table["weighting"] == "equal"]
    assert list(equal["value"]) == pytest.approx(list(CURVE.values()), abs=1e-5)
    assert list(equal["rank"]) == [4, 3, 2, 1, 5]
    # Both benchmarks are guessed in a quarter of cases.
    above = table[table["weighting"] == "chance_corrected"]
    expected = [(value - 0.25) / 0.75 for value in CURVE.values()]
    assert list(above["value"]) == pytest.approx(expected, abs=1e-5)
