"""`mlan recommend`: the answer on planted scores, its JSON, and one line for every mistake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlan.cli.study import open_grid
from mlan.evidence import joint
from mlan.evidence.recommend import MEASURES
from mlan.evidence.results import write_results
from mlan.grid import Grid
from mlan.records import RECORD, write_record
from tests.cli.example import call, write_study
from tests.cli.planted_study import plant


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "DRAWS", 500)


def test_recommend_answers_first_then_says_what_it_stands_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(open_grid("tiny"), clusters=2000)
    assert call("recommend", "tiny") == 0
    told = capsys.readouterr().out
    flat = " ".join(told.split())
    assert flat.startswith(
        "At equal weight on vision and text, a text share of 50 % of examples (33.3 % of LM "
        "tokens, 50 % of supervised tokens) is better than the other 2 tried (score 5"
    )
    assert "95 % confidence over seeds and items; 2 seeds" in flat
    assert "Test items, label_logit read as argmax. It holds for toy-llama with toy-tower" in flat


def record(grid: Grid) -> None:
    """Vouch for the summary as it lies there."""
    folder = grid.folder("summary")
    outputs = [path for path in folder.iterdir() if path.name != RECORD]
    write_record(folder, stage="collect", identity={}, code="0", inputs={}, outputs=outputs)


def by_weight(told: str) -> dict[str, dict[str, list[str]]]:
    """The tables over weights: by price as their title tells it, then by weight."""
    head = "Text shares that may be best, by the weight on vision; "
    tables = [part.split("\n\n")[0].splitlines() for part in told.split(head)[1:]]
    return {price: {row.split()[0]: row.split()[1:] for row in rows} for price, _, *rows in tables}


def test_recommend_tells_the_set_by_weight_and_price_in_three_meanings(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(open_grid("tiny"), clusters=2000)
    assert call("recommend", "tiny") == 0
    tables = by_weight(capsys.readouterr().out)
    # Runs of 10,000 to 20,000 tokens: their range of .01 million costs 1 and 5 points.
    assert list(tables) == [
        "tokens cost nothing",
        "a million LM tokens costs 100 points",
        "a million LM tokens costs 500 points",
    ]
    free = tables["tokens cost nothing"]
    assert list(free) == ["0", *(f"0.{tenth}" for tenth in range(1, 10)), "1"]
    # Best, then the set: of examples, LM tokens, supervised tokens. A picture is as long as a text.
    assert free["0"][:5] == ["100", "%", "100", "100", "100"]
    assert free["0.5"][:5] == ["50", "%", "50", "33", "50"]
    # Vision alone cannot tell 0 from 50 % text.
    assert free["1"][2:8] == ["0,", "50", "0,", "33", "0,", "50"]
    # 10,000 tokens at 500 points a million are 5 points.
    dear = tables["a million LM tokens costs 500 points"]
    assert float(free["0"][5]) - float(dear["0"][5]) == pytest.approx(5, abs=0.11)


def test_recommend_tells_the_set_by_the_other_readings(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = open_grid("tiny")
    found = plant(grid, clusters=2000)
    likely = [
        replace(
            block,
            name=(*block.name[:-2], "label_logit", "argmax"),
            sums=np.broadcast_to(block.weights, block.sums.shape),
        )
        for block in found.blocks.values()
    ]
    folder = grid.folder("summary")
    write_results(folder, list(found.runs), [*found.blocks.values(), *likely])
    record(grid)
    assert call("recommend", "tiny", "--scorer", "generate") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "Read otherwise, the shares that cannot be told from the best: 0 to 100 % (label_logit "
        "read as argmax, all that were tried)." in told
    )
    assert call("recommend", "tiny") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "from the best: 50 % (generate read as strict)." in told


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], ("choice_logprob", "per_byte")),
        (["--scorer", "choice_logprob"], ("choice_logprob", "per_byte")),
        (["--parser", "sum"], ("choice_logprob", "sum")),
        (["--scorer", "generate"], ("generate", "strict")),
    ],
)
def test_recommend_reads_as_the_claims_do_and_otherwise_as_the_report(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], chosen: tuple[str, str]
) -> None:
    path = project / "config" / "tiny.claims.yaml"
    logits = "scorer: label_logit, parser: argmax"
    per_byte = "scorer: choice_logprob, parser: per_byte"
    path.write_text(path.read_text().replace(logits, per_byte))
    grid = open_grid("tiny")
    found = plant(grid)
    measured = [*MEASURES, ("choice_logprob", "sum"), ("choice_logprob", "per_byte")]
    strict = [block for block in found.blocks.values() if block.name[-2:] == MEASURES[0]]
    blocks = [replace(b, name=(*b.name[:-2], *key)) for b in strict for key in measured]
    write_results(grid.folder("summary"), list(found.runs), blocks)
    record(grid)

    assert call("recommend", "tiny", *words) == 0
    told = " ".join(capsys.readouterr().out.split())

    assert f"Test items, {chosen[0]} read as {chosen[1]}." in told
    otherwise = {key for key in measured if f"({key[0]} read as {key[1]}" in told}
    assert otherwise == {*MEASURES, ("choice_logprob", "per_byte")} - {chosen}


def test_recommend_weight_and_price_change_the_answer(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(open_grid("tiny"))
    assert call("recommend", "tiny", "--weight", "0.25", "--price", "50", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"].startswith(
        "At weight 0.25 on vision and 0.75 on text, a million LM tokens costing 50 points,"
    )
    assert (told["scorer"], told["parser"], told["part"]) == ("label_logit", "argmax", "test")
    assert (told["weight_vision"], told["price_points"], told["confidence"]) == (0.25, 50, 0.95)
    assert len(told["rows"]) == 12 * 3
    at = [row for row in told["rows"] if row["weight_vision"] == 0.25]
    assert [row["cell"] for row in at] == ["text0", "text50", "text100"]
    assert [row["is_best"] for row in at] == [False, False, True]
    assert at[0]["crossfitted"] is None
    assert at[2]["crossfitted"] == pytest.approx(at[2]["utility"])
    assert at[0]["price_points"] == 50
    # 100 text examples of 100 tokens; a picture doubles them.
    assert [row["lm_tokens"] for row in at] == [20_000, 15_000, 10_000]


def test_recommend_weight_shows_the_cells(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(open_grid("tiny"))
    assert call("recommend", "tiny", "--weight", "1") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = {row[0]: row[-1] for row in rows if row and row[0].startswith("text")}
    assert set(shown) == {"text0", "text50", "text100"}
    assert shown["text100"] == "no"
    assert "best" in (shown["text0"], shown["text50"])


def test_recommend_without_results_names_the_command(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("recommend", "tiny") == 1
    assert capsys.readouterr().err == (
        "mlan: study 'tiny': no scores are collected yet; make run STUDY=tiny, or make figures "
        "STUDY=tiny with what is finished\n"
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--scorer", "generates"), "scorer = 'generates': not measured; did you mean 'generate'?"),
        (
            ("--scorer", "generate", "--parser", "lenient"),
            "parser = 'lenient': generate was not read so; allowed: strict",
        ),
        (("--weight", "2"), "weight = 2: the weight on vision must lie between 0 and 1"),
        (("--price", "-1"), "price = -1: must be 0 or more, in points per million LM tokens"),
    ],
)
def test_recommend_mistake_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    plant(open_grid("tiny"), clusters=10)
    assert call("recommend", "tiny", *words) == 1
    assert capsys.readouterr().err == f"mlan: {error}\n"


def test_recommend_one_cell_cannot_be_compared(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(project, experiments={"sweep": {"vary": {"mixture.text_share": [0.5]}}})
    truth = {"text": (0.5,), "vision": (0.5,)}
    plant(open_grid("mine"), clusters=10, truth=truth)
    assert call("recommend", "mine") == 1
    assert capsys.readouterr().err == (
        "mlan: study 'mine': 1 of 1 cells of the curve have vision and text scores "
        "(generate/strict); at least two can be compared\n"
    )
