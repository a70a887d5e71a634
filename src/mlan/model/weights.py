"""The weights of a backbone folder: held in it, or listed there and read where they lie.

`model.safetensors` holds what mlan made itself. `weights.json` lists tensors of the model's own
files, which are linked beside it: `{"tensors": {name: [file, name in the file]}}`. So 13 GB are
not copied, and the folder's record has a digest of every file. Reading maps files into memory;
a tensor costs memory of its own only where its type changes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

HELD, LISTED = "model.safetensors", "weights.json"
# Name within a composed model -> (file, name in it).
Listing = Mapping[str, tuple[str, str]]


def load_weights(
    folder: Path, dtype: torch.dtype | None, *, halved: Collection[str] = ()
) -> dict[str, Tensor]:
    """Return all tensors of a backbone folder, those `halved` in bf16.

    `dtype` None keeps the files' own type of all others.
    """
    weights = load_file(folder / HELD) if (folder / HELD).exists() else {}
    by_file: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, (file, inside) in _listing(folder).items():
        by_file[file].append((name, inside))
    for file, names in by_file.items():
        with safe_open(folder / file, framework="pt") as opened:
            weights |= {name: opened.get_tensor(inside) for name, inside in names}
    for name, tensor in weights.items():
        own = torch.bfloat16 if name in halved else dtype
        if own is not None and tensor.is_floating_point():
            weights[name] = tensor.to(own)
    return weights


def shapes(folder: Path, listing: Listing) -> dict[str, tuple[int, ...]]:
    """Return the shape of each listed tensor from the files' headers."""
    found = {}
    for file in sorted({file for file, _ in listing.values()}):
        with safe_open(folder / file, framework="pt") as opened:
            for name, (of, inside) in listing.items():
                if of == file:
                    found[name] = tuple(opened.get_slice(inside).get_shape())
    return found


def _listing(folder: Path) -> Listing:
    if not (folder / LISTED).exists():
        return {}
    plain = json.loads((folder / LISTED).read_text(encoding="utf-8"))
    return {name: (place[0], place[1]) for name, place in plain["tensors"].items()}
