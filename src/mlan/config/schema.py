"""Generate `config/small.yaml`, `config/paper.yaml` and the JSON schema from the models.

`python -m mlan.config.schema` writes them; a test fails with the difference when they drift.
Every key of the YAML carries its description as a comment where it first occurs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from mlan.config.paper import PAPER
from mlan.config.small import SMALL
from mlan.config.study import StudyConfig

FOLDER = Path("config")
STUDIES = {"small.yaml": SMALL, "paper.yaml": PAPER}
SCHEMA = "study.schema.json"
_WIDTH = 98
_HEADER = (
    f"# yaml-language-server: $schema={SCHEMA}",
    "# Generated from src/mlan/config by `make schema`. To try something, copy this file to a",
    "# name of your own and run it with `--config study=NAME`. Keys with a default may be left",
    "# out.",
)


def generated() -> dict[str, str]:
    """Return the text of each generated file by name."""
    schema = StudyConfig.model_json_schema()
    schema["title"] = "mlan study"
    return {
        **{n: "\n".join([*_HEADER, *_lines(s, 0, set())]) + "\n" for n, s in STUDIES.items()},
        SCHEMA: json.dumps(schema, indent=1, sort_keys=True) + "\n",
    }


def _lines(model: BaseModel, depth: int, told: set[tuple[type, str]]) -> Iterator[str]:
    kind = type(model)
    for name, field in kind.model_fields.items():
        value = getattr(model, name)
        if value is None and field.get_default() is None:
            continue
        if depth == 0:
            yield ""
        if (kind, name) not in told and field.description:
            told.add((kind, name))
            yield from _comment(field.description, depth)
        yield from _entry(name, value, depth, told)


def _entry(name: str, value: Any, depth: int, told: set[tuple[type, str]]) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, BaseModel):
        yield f"{pad}{name}:"
        yield from _lines(value, depth + 1, told)
    elif isinstance(value, Mapping) and value:
        yield f"{pad}{name}:"
        for key, item in value.items():
            yield from _entry(str(key), item, depth + 1, told)
    else:
        yield f"{pad}{name}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        value = [item.model_dump(exclude_defaults=True) for item in value]
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _comment(text: str, depth: int) -> Iterator[str]:
    pad = "  " * depth + "# "
    line = ""
    for word in text.split():
        if line and len(pad) + len(line) + 1 + len(word) > _WIDTH:
            yield pad + line
            line = ""
        line = f"{line} {word}".strip()
    yield pad + line


def main() -> None:
    """Write the generated files."""
    for name, text in generated().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
