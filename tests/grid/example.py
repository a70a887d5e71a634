"""The example study with claims, as the loader would return it, in a results folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlan.config import Study
from mlan.config.claims import PRIMARY, RULES, Claims
from mlan.grid import Grid
from tests.config.example import plain_study, validated

Plain = dict[str, Any]


def claim(name: str = "on_par", **changes: Any) -> Plain:
    """A valid claim of the example, changed; None takes a key out."""
    found = {
        "id": name,
        "sentence": "Text is not worse.",
        "source": "ours",
        "family": "primary",
        "experiment": "sweep",
        "rule": "non_inferiority",
        "score": "vision average",
        "contrast": {"plus": {"share": 0.5}, "minus": {"share": 0.0}},
        "margin": 0.03,
        "reason": "It would not matter.",
        **changes,
    }
    return {key: value for key, value in found.items() if value is not None}


def grid(
    root: Path, *claims: Plain, study: Plain | None = None, head: Mapping[str, Any] | None = None
) -> Grid:
    """The grid of the example with claims, whose results lie below `root`."""
    families = {PRIMARY: {"description": "First."}, "secondary": {"description": "Then."}}
    file = Claims.model_validate({"families": families, **(head or {})})
    read = [RULES[one["rule"]].model_validate(one) for one in claims]
    plain = validated(plain_study() if study is None else study)
    whole = Study(
        plain.name, plain.path, plain.config, claims=file.model_copy(update={"claims": read})
    )
    return Grid(whole, "cpu", root)
