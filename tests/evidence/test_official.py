"""Official metrics of runs as rows of scores.csv, against numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlan.evidence.clean import PAIRS
from mlan.evidence.collect import COLUMNS, collect
from mlan.records import write_csv, write_parquet, write_record
from mlan.score.score import COLUMNS as OUTCOMES
from mlan.stage import Job

CELLS = [
    {"cell": "untuned", "kind": "untuned", "text_share": None, "experiments": [], "seeds": [0]}
    | {"seen": ["captions"], "untuned": None}
]
PLAIN = {"taught_by": None, "headline": True, "near": []}
BENCHMARKS = {
    "sight": {"modality": "vision", **PLAIN, "rule": "pope"},
    "reading": {"modality": "vision", **PLAIN, "rule": "textvqa"},
    "fact": {"modality": "text", **PLAIN},
}
# Split, gold, said, log P(yes) - log P(no); a picture each two rows.
ANSWERS = [
    ("random", "yes", "yes", 2.0),
    ("random", "no", "no", -1.0),
    ("popular", "yes", "yes", -1.0),
    ("popular", "no", "yes", -2.0),
]


def sight() -> list[dict[str, Any]]:
    rows = []
    for n, (split, gold, said, score) in enumerate(ANSWERS):
        own = {"item": f"s{n}", "cluster": f"c{n // 2}", "category": split, "gold": gold}
        for scorer, parser in (("generate", "strict"), ("generate", "official")):
            right = float(said == gold)
            read = {"read": said, "correct": right, "chance": 0.5, "yes_score": math.nan}
            rows.append({**own, "scorer": scorer, "parser": parser, **read})
        likely = "yes" if score > 0 else "no"
        read = {"read": likely, "correct": float(likely == gold), "chance": 0.5}
        argmax = {"scorer": "label_logit", "parser": "argmax", "yes_score": score}
        rows.append({**own, **argmax, **read})
    return [{"benchmark": "sight", "modality": "vision", **row} for row in rows]


def free(name: str, modality: str, parsers: list[str], chance: float) -> list[dict[str, Any]]:
    return [
        {
            "benchmark": name,
            "modality": modality,
            "item": f"{name}{n}",
            "cluster": f"{n}",
            "category": "",
            "gold": "",
            "scorer": "generate",
            "parser": parser,
            "read": "red",
            "correct": credit,
            "chance": chance,
            "yes_score": math.nan,
        }
        for n, credit in enumerate((0.9, 0.3))
        for parser in parsers
    ]


def overlap(folder: Path) -> Path:
    """The captions of stage 1 hold the picture of the last item of `sight`."""
    match = {"benchmark": "sight", "item": "s3", "source": "captions"}
    write_parquet(folder / "items.parquet", pd.DataFrame([match]))
    write_csv(folder / "pairs.csv", pd.DataFrame(columns=PAIRS))
    files = [folder / "items.parquet", folder / "pairs.csv"]
    write_record(folder, stage="overlap", identity={}, code="", inputs={}, outputs=files)
    return folder


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    rows = [
        *sight(),
        *free("reading", "vision", ["strict", "official"], math.nan),
        *free("fact", "text", ["strict", "lenient"], 0.25),
    ]
    frame = pd.DataFrame(rows).assign(part="test", condition="real", invalid=False, pair="")
    path = folder / "scores" / "items.parquet"
    write_parquet(path, frame[OUTCOMES])
    write_record(path.parent, stage="score", identity={}, code="", inputs={}, outputs=[path])
    identity = {"cells": CELLS, "benchmarks": BENCHMARKS, "confidence": 0.95}
    inputs = {"scores:untuned:0": path.parent, "overlap": overlap(folder / "overlap")}
    job = Job("collect", identity, "0", folder / "summary", inputs)
    job.begin()
    collect(job)
    return folder / "summary"


@pytest.fixture(scope="module")
def scores(summary: Path) -> pd.DataFrame:
    return pd.read_csv(summary / "scores.csv")


def test_official_metrics_are_computed_without_what_the_captions_hold(summary: Path) -> None:
    clean = pd.read_csv(summary / "scores_clean.csv")
    rows = clean[(clean["benchmark"] == "sight") & (clean["parser"] == "official")]
    found = dict(zip(rows["metric"], rows["value"], strict=True))
    # Without s3: of three answers `yes, no, yes` the golds are `yes, no, yes`.
    assert (found["accuracy"], found["f1_yes"], found["f1_yes_mean"]) == (1, 1, 1)
    assert set(rows["n"]) == {3}
    assert set(rows["removed"]) == {1}
    assert set(clean.loc[clean["benchmark"] == "reading", "removed"]) == {0}


def test_official_metrics_are_rows_beside_accuracy(scores: pd.DataFrame) -> None:
    assert [*scores.columns] == COLUMNS["scores"]
    rows = scores[(scores["benchmark"] == "sight") & (scores["parser"] == "official")]
    found = dict(zip(rows["metric"], rows["value"], strict=True))
    # random: F1 1; popular: precision 1/2, recall 1, F1 2/3. Pooled: 2 of 3, 2 of 2, F1 4/5.
    assert found == {
        "accuracy": 0.75,
        "f1_yes_mean": pytest.approx(5 / 6, rel=1e-5),
        "f1_yes": pytest.approx(0.8),
        "precision_yes": pytest.approx(2 / 3, rel=1e-5),
        "recall_yes": 1,
        "yes_rate": 0.75,
        "gold_yes_rate": 0.5,
        "balanced_accuracy": 0.75,
    }
    assert set(rows["n"]) == {4}
    assert rows["chance"].notna().sum() == 1  # of accuracy alone


def test_likelihoods_of_yes_give_the_area_under_the_curve(scores: pd.DataFrame) -> None:
    row = scores[scores["metric"] == "auroc"].iloc[0]
    assert (row["benchmark"], row["scorer"], row["parser"]) == ("sight", "label_logit", "argmax")
    # Of the pairs 2 > -1, 2 > -2, -1 = -1, -1 > -2 three are won and one is tied.
    assert row["value"] == pytest.approx(3.5 / 4)
    assert (scores["metric"] == "auroc").sum() == 1


def test_partial_credit_is_averaged(scores: pd.DataFrame) -> None:
    rows = scores[(scores["benchmark"] == "reading") & (scores["parser"] == "official")]
    assert rows["metric"].to_list() == ["accuracy"]
    assert rows["value"].to_list() == pytest.approx([0.6])


def test_benchmark_without_a_rule_has_accuracy_alone(scores: pd.DataFrame) -> None:
    rows = scores[scores["benchmark"].isin(["fact", "text average"])]
    assert rows[["benchmark", "parser", "metric"]].to_numpy().tolist() == [
        ["fact", "strict", "accuracy"],
        ["fact", "lenient", "accuracy"],
        ["text average", "strict", "accuracy"],
        ["text average", "lenient", "accuracy"],
    ]


def test_block_of_the_official_parser_has_the_rules_own_metric(summary: Path) -> None:
    intervals = pd.read_csv(summary / "intervals.csv")
    rows = intervals.set_index(["benchmark", "parser"])
    row = rows.loc[("sight", "official")]
    assert (row["metric"], row["value"]) == ("f1_yes_mean", pytest.approx(5 / 6, rel=1e-5))
    assert math.isnan(row["chance"])
    assert rows.loc[("sight", "strict"), "metric"] == "accuracy"
    # An average of an F1 and an accuracy has no one metric.
    mean = rows.loc[("vision average", "official")]
    assert (mean["metric"], mean["value"]) == ("mixed", pytest.approx((5 / 6 + 0.6) / 2, rel=1e-5))


def test_undefined_metric_has_a_row_that_says_so(tmp_path: Path) -> None:
    rows = [row | {"gold": "no", "read": "no"} for row in sight()]
    frame = pd.DataFrame(rows).assign(part="test", condition="real", invalid=False, pair="")
    path = tmp_path / "scores" / "items.parquet"
    write_parquet(path, frame[OUTCOMES])
    write_record(path.parent, stage="score", identity={}, code="", inputs={}, outputs=[path])
    benchmarks = {"sight": BENCHMARKS["sight"]}
    identity = {"cells": CELLS, "benchmarks": benchmarks, "confidence": 0.95}
    job = Job("collect", identity, "0", tmp_path / "summary", {"scores:untuned:0": path.parent})
    job.begin()
    collect(job)
    found = pd.read_csv(tmp_path / "summary" / "scores.csv").set_index(["parser", "metric"])
    # Nothing is yes and nobody says it: no F1, but an accuracy.
    assert math.isnan(found.loc[("official", "f1_yes_mean"), "value"])
    assert found.loc[("official", "accuracy"), "value"] == 0.75
    intervals = pd.read_csv(tmp_path / "summary" / "intervals.csv")
    assert set(intervals["parser"]) == {"strict", "argmax"}
