"""The command that a reader is told: the same wherever it is told, and all that it runs."""

from __future__ import annotations

import json
from pathlib import Path

from mlan.grid.claims import resolved_claims
from tests.config.example import plain_study, put
from tests.grid.example import claim, grid

OFF = {"vary": {"mixture.text_share": [0.5]}, "set": {"tune.lora.rank": 4}, "default": False}


def test_claims_and_page_tell_one_command_that_keeps_what_is_asked_for() -> None:
    study = put(plain_study(), "experiments.rank", OFF)
    study = put(study, "experiments.low", {**OFF, "vary": {"mixture.text_share": [0.0]}})
    own = grid(Path("results"), claim(experiment="rank"), study=study)

    (one,) = resolved_claims(own)
    experiments = json.loads(own.identity("page"))["experiments"]
    (command,) = (entry["command"] for entry in experiments if entry["name"] == "rank")

    assert command == "snakemake --cores all --config study=example experiments=sweep,rank"
    assert one["why"] == f"not asked for; to run it: {command}"
