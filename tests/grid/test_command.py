"""The command that a reader is told: the study as the workflow finds it, what it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from mlan.grid import Grid
from mlan.grid.claims import resolved_claims
from tests.config.example import plain_study, put
from tests.grid.example import claim, grid

OFF = {"vary": {"mixture.text_share": [0.5]}, "set": {"tune.lora.rank": 4}, "default": False}


def told(path: str) -> set[str]:
    """What claims and page of the example say that runs the experiment that is off."""
    study = put(plain_study(), "experiments.rank", OFF)
    whole = grid(Path("results"), claim(experiment="rank"), study=study).study
    own = Grid(replace(whole, path=Path(path)), "cpu", Path("results"))
    (one,) = resolved_claims(own)
    experiments = json.loads(own.identity("page"))["experiments"]
    (command,) = (entry["command"] for entry in experiments if entry["name"] == "rank")
    return {command, one["why"].removeprefix("not asked for; to run it: ")}


def test_study_of_the_project_is_told_by_its_name() -> None:
    said = "snakemake --cores all --config study=example experiments=sweep,rank"
    assert told("config/example.yaml") == told(str(Path("config/example.yaml").resolve())) == {said}


def test_study_of_another_folder_is_told_by_its_file_and_not_by_where_it_lies() -> None:
    said = "snakemake --cores all --config study=PATH/example.yaml experiments=sweep,rank"
    assert told("studies/example.yaml") == told("/home/me/config/example.yaml") == {said}
