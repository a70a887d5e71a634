from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from mlan.cli.plan import run
from mlan.cli.plan_power import claim_power, plain_power, planned, power_lines, unplanned_lines
from mlan.evidence.planned_power import Row
from mlan.grid import Grid
from mlan.grid.ledger import register
from tests.cli.example import write_study
from tests.evidence.test_finished import write_study as write_results


def row(identity: str, power: float, needed: float = math.nan) -> Row:
    """A row of power.csv."""
    numbers = {"power_at_expected": power, "seeds_needed": needed, "level": 0.01, "pooled_over": 0}
    return {"id": identity, "components": "own results", **numbers}


def test_planned_items_are_those_of_the_test_part(grid: Grid) -> None:
    found = planned(grid)
    names = {name: b.test or 0 for name, b in grid.config.data.benchmarks.items()}
    assert {name: found.items[name] for name in names} == names
    vision = [n for n, b in grid.config.data.benchmarks.items() if b.modality == "vision"]
    assert found.items["vision average"] == sum(names[name] for name in vision)
    assert found.fixed == {name for name, c in grid.cells.items() if c.kind != "tuned"}


def test_every_claim_with_a_p_value_has_a_row(grid: Grid) -> None:
    rows = {row["id"]: row for row in claim_power(grid)}
    assert "cheaper" not in rows  # a ratio of tokens is exact
    assert rows["on_par"]["components"] == "assumed"
    assert rows["on_par"]["n"] == planned(grid).items["vision average"]
    assert "elsewhere" in rows
    assert math.isnan(rows["elsewhere"]["detectable"])


@pytest.mark.usefixtures("known_speed")
def test_plan_tells_power_beside_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    run("tiny", None, None, as_json=True)
    told = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)["power"]}
    assert told["on_par"]["detectable"] > 0
    assert told["elsewhere"]["detectable"] is None

    run("tiny", None, None, as_json=False)
    shown = capsys.readouterr().out
    assert "What each claim can detect" in shown
    assert f"{100 * told['on_par']['detectable']:.1f}" in shown
    assert "not planned for: elsewhere: the study has no experiment" in shown


@pytest.mark.usefixtures("known_speed")
def test_plan_marks_claims_that_changed_after_the_first_score(
    project: Path, grid: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    register(grid)
    predicted = grid.run_folder("text0", 0, "predictions")
    predicted.mkdir(parents=True)
    (predicted / "some.parquet").write_bytes(b"x")
    claims, study = (project / "config" / name for name in ("tiny.claims.yaml", "tiny.yaml"))
    claims.write_text(claims.read_text().replace("margin: 0.1\n", "margin: 0.2\n"))
    study.write_text(study.read_text().replace("seeds: [0, 1]", "seeds: [0, 1, 2]"))

    run("tiny", None, None, as_json=True)
    told = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)["power"]}
    assert told["on_par"]["registered"] == "post hoc"
    assert told["text_rises"]["registered"] == "before scores; seeds added after"
    # One claim in its family and the one that it replaced.
    assert told["on_par"]["level"] == pytest.approx(0.025)
    run("tiny", None, None, as_json=False)
    shown = capsys.readouterr().out
    assert "on_par (post hoc)" in shown
    assert "text_rises (seeds added after)" in shown


@pytest.mark.usefixtures("known_speed")
def test_plan_of_a_study_without_claims_says_nothing_of_power(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(project)
    run("mine", None, None, as_json=False)
    assert "detect" not in capsys.readouterr().out


def test_a_finished_study_that_cannot_be_read_is_passed_over(project: Path, grid: Grid) -> None:
    write_results(Path("results/other"))
    (Path("results/other/summary") / "cells.csv").write_text("changed")
    assert claim_power(grid)[0]["components"] == "assumed"
    shutil.rmtree("results/other")


def test_warning_where_nearly_every_verdict_would_be_undecided() -> None:
    weak = [row("a", 0.1, 9), row("b", 0.2, 30), row("c", 0.05), row("d", 0.1)]
    (variances, warning) = power_lines(weak)
    assert variances == "variances: own results"
    assert "nearly every verdict would be `undecided`" in warning
    assert "of 4 claims with an expected effect about 0.5" in warning
    assert "half of them reach 80 % with 30 seeds" in warning
    assert "no 99 seeds bring half of them to 80 %" in list(power_lines(weak[1:]))[1]
    assert len(list(power_lines([*weak, row("e", 0.99, 2)]))) == 1


def test_claims_that_are_not_planned_for_are_a_line_a_reason() -> None:
    off = {"level": math.nan, "components": "not asked for; to run it: x"}
    rows = [row("a", 0.9), row("b", 0.9) | off, row("c", 0.9) | off, row("d", 0.9)]
    assert list(unplanned_lines(rows)) == ["not planned for: b, c: not asked for; to run it: x"]


def test_pooled_seed_variance_is_told_with_the_claims_it_is_planned_for() -> None:
    rows = [row("a", 0.9), row("b", 0.9) | {"pooled_over": 6}, row("c", 0.9)]
    (line,) = list(power_lines(rows))[1:]
    assert line.startswith("seed variance: pooled over the curve's cells for 1 of 3 claims")


def test_json_holds_null_for_what_is_not_known(grid: Grid) -> None:
    told = plain_power(claim_power(grid))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
