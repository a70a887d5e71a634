"""A small valid study as plain data, for tests that spoil or vary it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlan.config import Study, StudyConfig, load_study
from mlan.errors import ConfigError

_STUDY: dict[str, Any] = {
    "description": "Two sources of each modality.",
    "seeds": [0, 1],
    "data": {
        "images": {"train": {"style": "twemoji"}, "eval": {"style": "noto"}},
        "sources": {
            "t_capital": {"adapter": "facts", "modality": "text", "relation": "capital"},
            "t_define": {"adapter": "facts", "modality": "text", "relation": "define"},
            "v_object": {
                "adapter": "facts",
                "modality": "vision",
                "relation": "object",
                "images": "train",
            },
            "v_flag": {
                "adapter": "facts",
                "modality": "vision",
                "relation": "flag",
                "images": "train",
            },
        },
        "benchmarks": {
            "t_capital": {"modality": "text", "relation": "capital", "taught_by": "text"},
            "v_object": {
                "modality": "vision",
                "relation": "object",
                "images": "eval",
                "taught_by": "pictures",
            },
        },
    },
    "recipe": {
        "backbone": {"language_model": "toy-llama", "vision_tower": "toy-tower"},
        "mixture": {
            "text_share": 0.5,
            "text": {"t_capital": 1.0, "t_define": 1.0},
            "vision": {"v_object": 1.0, "v_flag": 1.0},
        },
        "tune": {"lora": {"rank": 2}},
    },
    "experiments": {"sweep": {"vary": {"mixture.text_share": [0.0, 0.5, 1.0]}}},
}


def plain_study() -> dict[str, Any]:
    """A fresh copy of the example."""
    return copy.deepcopy(_STUDY)


def put(study: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Set a dotted key in place; steps of a list are numbers. Returns the study."""
    *path, last = key.split(".")
    place: Any = study
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    place[last] = value
    return study


def validated(plain: dict[str, Any], name: str = "example", folder: str = "config") -> Study:
    """The study as the loader would return it for `folder/name.yaml`."""
    return Study(name, Path(folder) / f"{name}.yaml", StudyConfig.model_validate(plain))


def write(folder: Path, study: Any) -> str:
    """Write a study (data, text or bytes) and return its path."""
    path = folder / "mine.yaml"
    if isinstance(study, dict):
        study = yaml.safe_dump(study, sort_keys=False)
    path.write_bytes(study if isinstance(study, bytes) else study.encode())
    return str(path)


def mistakes(folder: Path, study: Any, **selection: str) -> list[str]:
    """The lines of the error that loading raises, without the file's name in front."""
    path = write(folder, study)
    with pytest.raises(ConfigError) as caught:
        load_study(path, **selection)
    assert all("\n" not in line for line in caught.value.lines)
    assert str(caught.value).splitlines() == list(caught.value.lines)
    return [line.removeprefix(path) for line in caught.value.lines]
