"""The facts of a model card are found in records, the study and its lock file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlan.cli.card import card_of
from mlan.cli.study import open_grid
from mlan.cost import tasks
from mlan.grid import Grid
from mlan.records import RECORD, file_digest
from mlan.report.card import Licence, Score
from mlan.report.summary import COLUMNS
from tests.cli.example import finish, finish_all, write_study

BOOKS = {
    "source": ["t_capital", "v_object"],
    "modality": ["text", "vision"],
    "examples": [8, 24],
    "unique": [8, 24],
    "epochs": [0.1, 0.4],
    "text_tokens": [200, 300],
    "image_tokens": [0, 216],
    "supervised_tokens": [20, 40],
    "padding_tokens": [4, 5],
    "steps": [4, 4],
}
WHERE = {"benchmark": "v_object", "part": "test", "condition": "real"}
STRICT = {"scorer": "generate", "parser": "strict"}


def _finished(grid: Grid) -> Grid:
    """Fabricate every job's record, and the accounting of one run."""
    mixture = grid.run_folder("text50", 0, "mixture")
    mixture.mkdir(parents=True)
    pd.DataFrame(BOOKS).to_csv(mixture / "accounting.csv", index=False)
    finish_all(grid)
    (grid.folder("summary") / RECORD).unlink()
    return grid


def _scored(grid: Grid) -> None:
    """Fabricate the summary: one benchmark, two seeds of one cell."""
    numbers = {"standard_error": 0.1, "n": 8, "invalid_rate": 0.0, "chance": 0.25}
    numbers |= {"metric": "accuracy"}
    scores = [
        {
            "cell": "text50",
            "seed": seed,
            **WHERE,
            **STRICT,
            "metric": "accuracy",
            **numbers,
            "value": value,
        }
        for seed, value in ((0, 0.5), (1, 0.75))
    ]
    bounds = {"value": 0.625, "low": 0.4, "high": 0.8, "seeds": 2, "clusters": 8, "n": 8}
    interval = {"cell": "text50", **WHERE, **STRICT, **bounds, "covers": "seeds and items"}
    cell = {"cell": "text50", "kind": "tuned", "text_share": 0.5, "experiments": "sweep"}
    tables = {
        "scores": scores,
        "intervals": [{**interval, "chance": 0.25}],
        "tokens": [],
        "cells": [{**cell, "seeds_planned": "0;1", "seeds_done": "0;1"}],
        **{name: [] for name in ("scores_clean", "contamination", "forgetting")},
    }
    folder = grid.folder("summary")
    for name, rows in tables.items():
        pd.DataFrame(rows, columns=COLUMNS[name].split()).to_csv(
            folder / f"{name}.csv", index=False
        )
    finish(grid, tasks(grid)[folder])


def test_card_has_the_runs_mixture_scores_and_provenance(grid: Grid) -> None:
    _scored(_finished(grid))
    card = card_of(grid, "text50", 0)
    assert card.accounting is not None
    assert card.accounting["examples"].to_list() == [8, 24]
    assert card.scores == [Score("v_object", "strict", 8, 0.5, 0.625, 0.4, 0.8, "seeds and items")]
    assert card.prompt == "User:<image>\n{}\nAssistant:"
    assert card.needs_mlan
    assert card.order_controlled
    assert set(card.records) == {
        *("backbone", "align", "mixture", "weights", "images:train"),
        *(f"source:{name}" for name in ("t_capital", "t_define", "v_object", "v_colour")),
    }
    mixture = grid.run_folder("text50", 0, "mixture")
    assert card.records["mixture"] == file_digest(mixture / RECORD)


def test_licences_are_of_what_went_into_the_model(grid: Grid) -> None:
    works = [one.work for one in card_of(_finished(grid), "text50", 0).licences]
    assert works[0] == "smollm2"  # the toy has its tokenizer
    assert {"twemoji", "wordnet", "country-facts", "emoji-names"} < set(works)
    assert "mobilenetv2" not in works
    assert len(works) == len(set(works))


def test_untuned_model_has_no_mixture_and_no_scores_yet(grid: Grid) -> None:
    card = card_of(_finished(grid), "untuned", 0)
    assert card.accounting is None
    assert card.scores == []
    assert set(card.records) == {"backbone", "align"}


def test_licence_of_a_hubs_work_is_the_locked_one_and_own_files_are_unknown(
    project: Path,
) -> None:
    commit = "c" * 40
    (project / "config" / "far").mkdir()
    (project / "config" / "far" / "mine.tsv").write_text("question\tanswer\n1 + 1?\t2\n")
    write_study(
        project,
        data__sources__quiz={
            "adapter": "qa",
            "modality": "text",
            "repository": "hub:datasets/org/quiz",
            "path": "quiz.tsv",
        },
        data__sources__mine={"adapter": "qa", "modality": "text", "path": "far/mine.tsv"},
        recipe__mixture__text={"quiz": 1, "mine": 1},
    )
    (project / "config" / "mine.lock.yaml").write_text(
        "format: 1\nrepositories:\n  hub:datasets/org/quiz:\n"
        f"    commit: {commit}\n    bytes: 1\n    files: 1\n    digest: {'d' * 64}\n"
        "    licence: cc-by-4.0\n"
    )
    card = card_of(_finished(open_grid("mine")), "text50", 0)
    assert Licence("hub:datasets/org/quiz", "cc-by-4.0", f"see its card; commit {commit}") in (
        card.licences
    )
    assert Licence("mine (mine.tsv)", "not known to mlan", "say whose it is") in card.licences
