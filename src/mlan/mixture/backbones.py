"""The models of a study as far as they are on this machine, looked at before a job runs.

Folders of the user's own always are; those of a hub once they were fetched. What is wrong with
one is told with the config's key; so are a template that speaks with tokens which the language
model does not have, and pictures of another size than the tower takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from mlan.config.models import is_embedded, is_hub
from mlan.data.model_folder import CONFIG, TOKENIZER, ModelFolder, open_model
from mlan.errors import ConfigError, DataError
from mlan.grid import RELEASED, Cell, Grid
from mlan.mixture.template import Template
from mlan.mixture.tokenizer import embedded_tokenizer
from mlan.mixture.vocabulary import read_vocabulary
from mlan.records import RECORD

# Files that decide what is found here; weights are looked at by their headers only.
_READ = (CONFIG, TOKENIZER, "tokenizer_config.json", "preprocessor_config.json", RECORD)


def is_here(grid: Grid, name: str) -> bool:
    """Whether a model's files are on this machine."""
    return not is_hub(name) or (grid.model_folder(name) / RECORD).exists()


def files_read(grid: Grid) -> list[Path]:
    """Return the files on which the problems found here depend."""
    folders = [grid.model_folder(name) for name in grid.models]
    own = [f for name in grid.models if not is_hub(name) for f in grid.model_files(name)]
    return [*own, *(folder / name for folder in folders for name in _READ)]


def model_problems(grid: Grid) -> Iterator[str]:
    """Yield a line for each model that is not what its place in the study asks for."""
    broken: set[str] = set()
    for parts in grid.backbones.values():
        for part, name in parts.items():
            if is_embedded(name) or not is_here(grid, name):
                continue
            key = f"{grid.models[name]} = {name!r}"
            try:
                if part == "tokenizer":
                    _check_tokenizer(grid, parts)
                    continue
                own = "tokenizer" not in parts
                folder = open_model(grid.model_folder(name), part, own_tokenizer=own)
                yield from _side_problems(grid, key, folder)
            except DataError as error:
                broken.add(name)
                yield from (f"{key}: {line}" for line in error.lines)
    yield from _template_problems(grid, broken)


def _check_tokenizer(grid: Grid, parts: Mapping[str, str]) -> None:
    """Raise DataError for a tokenizer that cannot be read or does not fit the language model."""
    try:
        plain = (grid.model_folder(parts["language_model"]) / CONFIG).read_text(encoding="utf-8")
        rows = int(json.loads(plain)["vocab_size"])
    except (OSError, ValueError, KeyError, TypeError):
        rows = None  # not here yet, or wrong, which is told of the language model
    read_vocabulary(grid.model_folder(parts["tokenizer"]), rows)


def _side_problems(grid: Grid, key: str, folder: ModelFolder) -> Iterator[str]:
    size = grid.config.data.image_size
    if folder.side not in (None, size):
        yield f"{key}: its tower takes pictures of {folder.side} pixels; data.image_size = {size}"


def _template_problems(grid: Grid, broken: set[str]) -> Iterator[str]:
    asked = {
        (speaker(cell), template, key)
        for cell in grid.cells.values()
        for key, template in templates_of(cell).items()
    }
    for name, template, key in sorted(asked):
        if name in broken or not is_here(grid, name):
            continue
        try:
            Template(template, tokenizer_of(grid, name), image_tokens=1, key=key)
        except DataError as error:
            yield from (f"{grid.models[name]} = {name!r}: {line}" for line in error.lines)
        except ConfigError as error:
            yield from error.lines


def speaker(cell: Cell) -> str:
    """Return the model whose tokenizer a cell's conversations are written with."""
    return cell.model or cell.recipe.backbone.speaker


def templates_of(cell: Cell) -> dict[str, str]:
    """Return the conversation templates that a cell uses, by the keys that name them."""
    named: dict[str, str] = {f"{cell.section}.template": cell.recipe.backbone.template}
    if cell.kind != RELEASED and cell.recipe.align.caption_template is not None:
        named["recipe.align.caption_template"] = cell.recipe.align.caption_template
    return named


def tokenizer_of(grid: Grid, name: str) -> Tokenizer:
    """Return the tokenizer of a language model or released model whose files are here.

    It has the tokens that a prepared backbone has. Raises DataError if it cannot be read.
    """
    if is_embedded(name):
        return embedded_tokenizer()
    folder = grid.model_folder(name)
    try:
        status = (folder / TOKENIZER).stat()
    except OSError:
        raise DataError(f"{folder}: no {TOKENIZER}") from None
    return _read(folder, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(folder: Path, size: int, time_ns: int) -> Tokenizer:
    """A folder's tokenizer, read once for each size and time of its file."""
    return read_vocabulary(folder).tokenizer
