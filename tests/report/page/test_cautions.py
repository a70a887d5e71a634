"""Each warning is found where its reason is, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlan.report.page.cautions import cautions
from mlan.report.page.evidence import Evidence
from mlan.report.page.trace import Run, Step, Trace
from mlan.report.page.unrun import gaps, untested
from mlan.report.page.verdicts import families
from mlan.report.summary import Summary
from tests.report.page.example import claim, facts

SummaryOf = Callable[..., Summary]
VARIES = ["draw", "order", "init", "align"]


def step(code: str = "c", python: str = "3.11.7") -> Step:
    """One job of stage `tune`."""
    record = {"code": code, "versions": {"mlan": "0.1.0", "python": python}, "inputs": {}}
    return Step("tune", "cells/a/seed0/weights", "d", record, 1.0)


def noise(benchmark: str, p: str, **changes: str) -> dict[str, str]:
    """A row of signal.csv: a benchmark that does not decide."""
    row = {"scorer": "generate", "parser": "strict", "p": p, "why": "", "decides": "False"}
    return row | {"benchmark": benchmark} | changes


def told(
    summary: Summary, evidence: Evidence | None = None, *steps: Step, **changes: Any
) -> dict[str, str]:
    """The warnings by topic."""
    evidence = evidence or Evidence()
    runs = tuple(Run("a", n, {"weights": one}) for n, one in enumerate(steps))
    design = facts(**{"seed_varies": VARIES, "note": "", **changes})
    found = cautions(summary, design, evidence, families(evidence, {}), Trace(runs, (), ()))
    return {one.topic: one.text.replace("\xa0", " ") for one in found}


def test_example_warns_of_shared_items_and_few_items_only(summary_of: SummaryOf) -> None:
    found = told(summary_of())
    assert [*found] == ["Contamination", "Few items"]
    assert "capital-text (12.5 % in text-a)" in found["Contamination"]
    assert found["Few items"].startswith("13 of 13 benchmarks have 80 test items")


def test_note_of_the_claims_file_is_the_first_warning(summary_of: SummaryOf) -> None:
    found = told(summary_of(), note="Margins were chosen late.")
    assert next(iter(found.items())) == ("How the claims came about", "Margins were chosen late.")


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


def test_claims_tested_on_other_seeds_than_registered_are_named(summary_of: SummaryOf) -> None:
    other = [claim(id=name, registered="before scores; on other seeds") for name in ("a", "b")]
    added = claim(id="c", registered="before scores; seeds added after")
    assert "Other seeds" not in told(summary_of(), Evidence(claims=(claim(),)))
    assert told(summary_of(), Evidence(claims=(*other, added)))["Other seeds"] == (
        "Tested on other seeds than registered: a and b. Another look, with seeds added after the "
        "first test score: c."
    )
    assert told(summary_of(), Evidence(claims=tuple(other)))["Other seeds"].endswith(
        ": all claims."
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
    rows = (noise("flag", "0.4"), noise("object", "0.01", decides="True"))
    evidence = Evidence(signal=(*rows, noise("vision average", "0.4")))
    assert told(summary_of(), evidence)["Noise"] == "The shares cannot be told apart on flag."
    none = Evidence(signal=(noise("flag", "0.4"), noise("object", "")))
    assert told(summary_of(), none)["Noise"] == (
        "No benchmark tells the shares apart (smallest p = .40)."
    )


def test_benchmarks_that_decide_with_a_reservation_are_not_called_silent(
    summary_of: SummaryOf,
) -> None:
    rows = (noise("flag", "0.0004", why="one seed"), noise("object", "0.0001", why="one seed"))
    assert told(summary_of(), Evidence(signal=rows))["Noise"] == (
        "Told apart with a reservation on every benchmark (one seed)."
    )
    mixed = Evidence(signal=(*rows, noise("capital-text", "0.2")))
    assert told(summary_of(), mixed)["Noise"] == (
        "The shares cannot be told apart on capital-text. Told apart with a reservation on flag "
        "and object (one seed)."
    )


def test_noise_items_and_unreadable_answers_are_those_of_the_studys_own_measure(
    summary_of: SummaryOf,
) -> None:
    summary = summary_of()
    for (_, key), own in summary.score_rows.items():
        for row in own:
            row |= {"n": 400 if key.scorer == "label_logit" else 80}
            row["invalid_rate"] = 0.4 if key.parser == "lenient" else 0.0
    rows = (noise("flag", "0.4"), noise("flag", "0.01", scorer="label_logit", parser="argmax"))
    evidence = Evidence(signal=rows)
    options = {"scorer": "label_logit", "parser": "argmax", "condition": "real"}
    assert [*told(summary, evidence, primary=options)] == ["Contamination", "Noise"]
    lenient = {"scorer": "generate", "parser": "lenient", "condition": "real"}
    assert (
        "could not be read leniently (most"
        in (told(summary, evidence, primary=lenient)["Invalid answers"])
    )


def test_names_that_are_not_pinned_and_orders_of_others_warn(summary_of: SummaryOf) -> None:
    assert "hub:a/b: taken as" in told(summary_of(), unpinned={"hub:a/b": "c" * 40})["Not pinned"]


@pytest.mark.parametrize("missing", [frozenset(), frozenset({(0.0, 2)})])
def test_gaps_are_claims_experiments_runs_and_conditions(
    summary_of: SummaryOf, missing: frozenset[tuple[float, int]], tmp_path: Path
) -> None:
    unrun = {"verdict": "not run", "experiment": "token_cap", "why": "not asked for"}
    claims = (
        claim(),
        claim(id="x", verdict="not run", why="no seed"),
        claim(id="y", **unrun),
        claim(id="z", **unrun | {"verdict": "withdrawn", "why": ""}),
    )
    evidence = Evidence(claims=claims)
    limits = [{"condition": "blank", "part": "dev", "seeds": [0]}]
    design = facts(limits=limits, not_shown=[["large models", "This one is small."]])
    found = gaps(summary_of(missing=missing), design, families(evidence, {}))
    rows = [(gap.kind, gap.name, gap.text) for gap in found]
    assert rows == [
        (
            "experiment",
            "token_cap",
            "Equal tokens. Cells: capped. Claims that wait for it: y. To run it: snakemake --cores "
            "all --config study=small experiments=sweep,token_cap",
        ),
        ("claim, not run", "x", "Text is not worse on vision. Why: no seed."),
        ("claim, withdrawn", "z", "Text is not worse on vision."),
        *([("run", "share-0", "Seeds planned and not there: 2.")] if missing else []),
        ("cannot be shown", "large models", "This one is small."),
        ("asked of some seeds only", "blank pictures, dev part", "Seed 0."),
    ]
    runs = "; 1 run" if missing else ""
    assert untested(found) == (
        f"Experiment token_cap; 2 further claims{runs}. It cannot show large models."
    )


def answered(seed: int, **flipped: int) -> Run:
    """A run whose predict job asked 100 questions again."""
    alone = {"asked": 100, "answers": 0, "labels": 0, "choices": 0, "largest_gap": 0.1, **flipped}
    record = {"code": "c", "versions": {}, "inputs": {}, "facts": {"answers": 960, "alone": alone}}
    place = f"cells/text75/seed{seed}/predictions"
    return Run("text75", seed, {"predictions": Step("predict", place, "d", record, 1.0)})


def batches(summary: Summary, *runs: Run) -> dict[str, str]:
    design, trace = facts(seed_varies=VARIES, note=""), Trace(runs, (), ())
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
