"""Each warning is found where its reason is, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlan.report.page.cautions import cautions
from mlan.report.page.evidence import Evidence
from mlan.report.page.trace import Run, Step, Trace
from mlan.report.page.unrun import gaps
from mlan.report.page.verdicts import families
from mlan.report.summary import Summary
from tests.report.page.example import claim, facts

SummaryOf = Callable[..., Summary]
VARIES = ["draw", "order", "init", "align"]


def step(code: str = "c", python: str = "3.11.7") -> Step:
    """One job of stage `tune`."""
    record = {"code": code, "versions": {"mlan": "0.1.0", "python": python}, "inputs": {}}
    return Step("tune", "cells/a/seed0/weights", "d", record, 1.0)


def told(
    summary: Summary, evidence: Evidence | None = None, *steps: Step, **changes: Any
) -> dict[str, str]:
    """The warnings by topic."""
    evidence = evidence or Evidence()
    runs = tuple(Run("a", n, {"weights": one}) for n, one in enumerate(steps))
    design = facts(**{"seed_varies": VARIES, **changes})
    found = cautions(summary, design, evidence, families(evidence, {}), Trace(runs, (), ()))
    return {one.topic: one.text.replace("\xa0", " ") for one in found}


def test_example_warns_of_shared_items_and_few_items_only(summary_of: SummaryOf) -> None:
    found = told(summary_of())
    assert [*found] == ["Contamination", "Few items"]
    assert "capital-text (12.5 % in text-a)" in found["Contamination"]
    assert found["Few items"].startswith("13 of 13 benchmarks have 80 test items")


def test_missing_run_and_a_single_seed_are_named(summary_of: SummaryOf) -> None:
    found = told(summary_of(missing=frozenset({(0.5, 1), (0.5, 2)})))
    assert found["Missing runs"] == "Planned and not there: 50 %: seed 1, 2."
    assert found["One seed"].startswith("50 % ran once: intervals there cover")
    assert told(summary_of(seeds=(0,), others=()))["One seed"].startswith("every cell ran once")


def test_one_stage_1_warns_unless_seeds_vary_it(summary_of: SummaryOf) -> None:
    assert "One stage 1" in told(summary_of(), seed_varies=["draw"])


def test_mixed_code_and_versions_warn(summary_of: SummaryOf) -> None:
    same = told(summary_of(), None, step(), step())
    assert not {"Mixed code", "Mixed versions"} & set(same)
    found = told(summary_of(), None, step(), step("d", "3.12.1"))
    assert found["Mixed code"].startswith("Jobs of tune ran under more than one version")
    assert found["Mixed versions"] == "Records were written by python 3.11.7 and 3.12.1."


def test_post_hoc_claims_are_named(summary_of: SummaryOf) -> None:
    late = Evidence(claims=(claim(), claim(id="late", registered="post hoc")))
    assert told(summary_of(), late)["Post hoc"].startswith(
        "Written or changed after the first test score: late."
    )


def test_unreadable_answers_warn_by_how_much_and_where(summary_of: SummaryOf) -> None:
    summary = summary_of()
    for rows in summary.score_rows.values():
        for row in rows:
            if (row["cell"], row["benchmark"], row["parser"]) == ("share-50", "flag", "strict"):
                row["invalid_rate"] = 0.4
    found = told(summary)["Invalid answers"]
    assert found.startswith("In 1 of 104 pairs of cell and benchmark more than 5 % of the answers")
    assert "(most: flag at 50 %, 40 %)" in found


def test_benchmarks_that_cannot_decide_are_named(summary_of: SummaryOf) -> None:
    row = {"scorer": "generate", "parser": "strict", "p": "0.4", "why": ""}
    rows = [
        row | {"benchmark": n, "decides": d} for n, d in (("flag", "False"), ("object", "True"))
    ]
    groups = row | {"benchmark": "vision average", "decides": "False"}
    evidence = Evidence(signal=(*rows, groups))
    assert told(summary_of(), evidence)["Noise"] == "The shares cannot be told apart on flag."


def test_names_that_are_not_pinned_and_orders_of_others_warn(summary_of: SummaryOf) -> None:
    assert "hub:a/b: taken as" in told(summary_of(), unpinned={"hub:a/b": "c" * 40})["Not pinned"]


@pytest.mark.parametrize("missing", [frozenset(), frozenset({(0.0, 2)})])
def test_gaps_are_claims_experiments_runs_and_conditions(
    summary_of: SummaryOf, missing: frozenset[tuple[float, int]], tmp_path: Path
) -> None:
    evidence = Evidence(claims=(claim(), claim(id="x", verdict="not run", why="no seed")))
    limits = [{"condition": "blank", "part": "dev", "seeds": [0]}]
    found = gaps(summary_of(missing=missing), facts(limits=limits), families(evidence, {}))
    rows = [(gap.kind, gap.name, gap.text) for gap in found]
    assert rows == [
        ("claim, not run", "x", "Text is not worse on vision. Why: no seed."),
        ("experiment", "token_cap", "Equal tokens. Cells: capped."),
        *([("run", "share-0", "Seeds planned and not there: 2.")] if missing else []),
        ("condition", "blank pictures, dev part", "Asked in seed 0 only."),
    ]


def answered(seed: int, **flipped: int) -> Run:
    """A run whose predict job asked 100 questions again."""
    alone = {"asked": 100, "answers": 0, "labels": 0, "choices": 0, "largest_gap": 0.1, **flipped}
    record = {"code": "c", "versions": {}, "inputs": {}, "facts": {"answers": 960, "alone": alone}}
    place = f"cells/text75/seed{seed}/predictions"
    return Run("text75", seed, {"predictions": Step("predict", place, "d", record, 1.0)})


def batches(summary: Summary, *runs: Run) -> dict[str, str]:
    design, trace = facts(seed_varies=VARIES), Trace(runs, (), ())
    found = cautions(summary, design, Evidence(), (), trace)
    return {one.topic: one.text.replace("\xa0", " ") for one in found}


def test_answers_that_hang_on_their_batch_warn_with_the_worst_run(summary_of: SummaryOf) -> None:
    runs = (answered(0, answers=1), answered(1, answers=2), answered(2, labels=1))
    # 2 of 100: centre (.02 + z^2 / 200) / (1 + z^2 / 100), z = 1.96: .55 to 7.0 %.
    assert batches(summary_of(), *runs)["Batches"] == (
        "Asked once more by itself, outside its batch, another came out for the written answer of "
        "2 of 100 questions in text75, seed 1 (0.55 % to 7 % of all, at 95 %) and the likeliest "
        "label of 1 of 100 questions in text75, seed 2 (0.177 % to 5.45 % of all, at 95 %), the "
        "most of 3 runs. A run's score is no more exact than that."
    )


def test_answers_that_never_flip_or_were_not_asked_again_do_not_warn(
    summary_of: SummaryOf,
) -> None:
    assert "Batches" not in batches(summary_of(), answered(0), answered(1))
    record = {"code": "c", "versions": {}, "inputs": {}, "facts": {"answers": 960}}
    plain = Run("text75", 0, {"predictions": Step("predict", "p", "d", record, 1.0)})
    assert "Batches" not in batches(summary_of(), plain)
