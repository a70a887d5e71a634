"""An existing stage-1 projector in place of training one.

A file holds it under transformers' names (`[model.]multi_modal_projector.linear_1.*`), which are
ours too, or LLaVA's (`[model.]mm_projector.0.*`, `.2.*`; haotian-liu/LLaVA,
llava/model/multimodal_projector/builder.py, `mlp2x_gelu`; released as `mm_projector.bin`, which
torch's restricted reader opens). Other tensors of the file are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mlan.errors import DataError
from mlan.model.compose import PROJECTOR
from mlan.model.pickled import read_pickled

_LAYER = re.compile(
    r"(?:.*\.)?(?:multi_modal_projector\.linear_([12])|mm_projector\.([02]))\.(weight|bias)"
)
_LLAVA = {"0": "1", "2": "2"}


def read_projector(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of `expected` (by our names) from a file, as fp32.

    Raises DataError in one line for a file that cannot be read, lacks a tensor, or has one of
    another shape.
    """
    where = _where(path)
    try:
        with _opened(path) as (held, read):
            names = {_our_name(name): name for name in held}
            missing = sorted(set(expected) - set(names))
            if missing:
                raise DataError(f"{where}: {_lack(path, missing)}")
            found = {name: read(names[name]).to(torch.float32) for name in expected}
    except (SafetensorError, OSError) as error:
        raise DataError(f"{where}: not a readable safetensors file ({error})") from None
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            mine, theirs = tuple(expected[name].shape), tuple(tensor.shape)
            raise DataError(
                f"{where}: {name} is {theirs}, the backbone's is {mine}; it was made for another "
                "language model or vision tower"
            )
    return found


def _where(path: Path) -> str:
    return f"recipe.align.from = {path.name!r}"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Sequence[str], Callable[[str], Tensor]]]:
    """Names of a file's tensors and how one is read; of a model's shard only those asked for."""
    if path.suffix == ".bin":
        try:
            tensors = read_pickled(path)
        except DataError as error:
            raise DataError(f"{_where(path)}: {error.lines[0].removeprefix(f'{path}: ')}") from None
        yield list(tensors), tensors.__getitem__
    else:
        with safe_open(path, framework="pt") as file:
            yield list(file.keys()), file.get_tensor


def _our_name(name: str) -> str:
    match = _LAYER.fullmatch(name)
    if match is None:
        return name
    theirs, llava, kind = match.groups()
    return f"{PROJECTOR}linear_{theirs or _LLAVA[llava]}.{kind}"


def _lack(path: Path, missing: list[str]) -> str:
    if not any(name.startswith(PROJECTOR) for name in missing):
        return f"holds no {missing[0]}; take the projector.safetensors of a finished stage 1"
    index = path.with_name("model.safetensors.index.json")
    hint = f"; {index.name} beside it says which file does" if index.exists() else ""
    return f"holds no {missing[0]}{hint}"
