"""Pickled weights (`pytorch_model.bin`) as safetensors: written once, and then only those are read.

Some well-known repositories hold nothing else. Torch's restricted reader takes a file apart
without running anything that it names; one that needs more than tensors is refused. Files are
mapped into memory, so a shard of 10 GB is copied without being held. Not here: which files a
folder has (`mlan.data.model_folder`), and what its tensors are called in a composed model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors.torch import save_file
from torch import Tensor

from mlan.data.model_folder import ModelFolder
from mlan.errors import DataError
from mlan.model.folders import is_used
from mlan.records import atomic


def as_safetensors(folder: ModelFolder, into: Path) -> ModelFolder:
    """Write the tensors that a part uses, in their own types, below `into`, a file for each one.

    Returns the folder with its tensors listed by those files. Raises DataError in one line for a
    file that is damaged or needs more than tensors by name.
    """
    files: dict[str, str] = {}
    for name in folder.pickled:
        held = read_pickled(folder.path / name)
        used = {n: tensor for n, tensor in held.items() if is_used(n, folder)}
        if not used:
            continue
        file = f"{Path(name).stem}.safetensors"
        with atomic(into / file) as path:
            save_file(_apart(used), path, metadata={"format": "pt"})
        files |= dict.fromkeys(used, file)
    return replace(folder, tensors=files, pickled=())


def read_pickled(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a pickled file, mapped where that can be; nothing in it is run.

    Raises DataError in one line for a file that is damaged or needs more than tensors by name.
    """
    try:
        # Files of torch before 1.6 are no zip archive and cannot be mapped.
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except UnpicklingError:
        raise DataError(
            f"{path}: needs more than tensors to be read, which may run code, or is damaged; take "
            "a commit that has safetensors, or convert it once where you trust it"
        ) from None
    except Exception as error:  # whatever a damaged file makes the reader raise
        reason = str(error).partition(". ")[0] or type(error).__name__
        raise DataError(f"{path}: damaged ({' '.join(reason.split())})") from None
    if not isinstance(held, Mapping) or not all(map(_is_plain, held, held.values())):
        raise DataError(
            f"{path}: holds other things than tensors by name; name the model's weights"
        )
    return {name: tensor.detach() for name, tensor in held.items()}


def _is_plain(name: Any, value: Any) -> bool:
    dense = isinstance(value, Tensor) and value.layout is torch.strided and not value.is_quantized
    return isinstance(name, str) and dense and value.device.type == "cpu"


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share memory (a tied head) as copies: safetensors has no references."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if place in seen else tensor
        apart[name] = apart[name].contiguous()
        seen.add(place)
    return apart
