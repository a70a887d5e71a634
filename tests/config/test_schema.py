"""What is generated from the config models equals what is in `config/`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from mlan.config import StudyConfig
from mlan.config.schema import SCHEMA, STUDIES, generated
from mlan.config.section import Relation
from mlan.data.relations import RELATIONS

CONFIG = Path(__file__).parents[2] / "config"


@pytest.mark.parametrize("name", [*STUDIES, SCHEMA])
def test_generated_file_is_up_to_date(name: str) -> None:
    path = CONFIG / name
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    wanted = generated()[name]
    diff = difflib.unified_diff(
        there.splitlines(), wanted.splitlines(), f"config/{name}", "generated", lineterm=""
    )
    shown = "\n".join(list(diff)[:60])
    if there != wanted:
        pytest.fail(f"config/{name} has drifted; `make schema` mends it\n{shown}", pytrace=False)


@pytest.mark.parametrize("name", STUDIES)
def test_generated_yaml_is_the_study(name: str) -> None:
    assert StudyConfig.model_validate(yaml.safe_load(generated()[name])) == STUDIES[name]


def test_generated_yaml_has_no_long_line_and_describes_each_key_once() -> None:
    lines = generated()["small.yaml"].splitlines()
    comments = [line.strip() for line in lines if line.strip().startswith("#")]
    assert "# Fraction of examples that are text-only." in comments
    assert comments.count("# Low-rank adapters on every linear layer of the language model.") <= 1
    assert all(len(line) <= 100 for line in lines if line.strip().startswith("#"))
    relation = "# What is asked; see `mlan.data.relations`."
    assert comments.count(relation) == 2  # of a source, of a benchmark


def _models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            yield from _models(part, seen)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def test_every_field_of_every_model_is_described() -> None:
    models = list(_models(StudyConfig, set()))
    assert len(models) > 12, "the walk over the models misses some"
    silent = [
        f"{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not (field.description or "").strip()
    ]
    assert silent == []


def test_every_model_refuses_unknown_keys() -> None:
    lax = [m.__name__ for m in _models(StudyConfig, set()) if m.model_config["extra"] != "forbid"]
    assert lax == []


def test_relation_names_equal_the_table_of_relations() -> None:
    assert get_args(Relation) == tuple(RELATIONS)
