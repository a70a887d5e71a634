"""A model in a folder of transformers' standard layout: what it is, and what is refused.

`config.json`, weights as safetensors (`model.safetensors`, or shards with an index), else as
`pytorch_model.bin`, and, for a language model, `tokenizer.json`; for a tower
`preprocessor_config.json`. A part is a language model, a vision tower (alone, or within a full
CLIP or SigLIP) or a released LLaVA model. Read without torch, so that mistakes are found before
any job; of pickled weights only that they are there. Not here: how tensors are renamed and put
together (`mlan.model.folders`), how pickles are read (`mlan.model.pickled`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from mlan.errors import DataError

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
# The model types of `config.json` that each part may have. Towers of a pair of text and picture
# models stand in the config's `vision_config`.
TYPES: dict[str, tuple[str, ...]] = {
    "language_model": ("llama", "qwen2"),
    "vision_tower": ("clip_vision_model", "clip", "siglip_vision_model", "siglip"),
    "released": ("llava",),
}
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLED, _PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
_OTHERS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")
_SIDE = 224  # of a tower's pictures where its config leaves it out (CLIP and SigLIP alike)


@dataclass(frozen=True)
class Pixels:
    """How a tower wants its pixels: mean and deviation of the three colours, in [0, 1]."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True)
class ModelFolder:
    """A folder whose config and weights are of the kind that a part needs."""

    path: Path
    part: str
    config: Mapping[str, Any]
    tensors: Mapping[str, str]  # name -> file within the folder; none if they are pickled
    pickled: tuple[str, ...] = ()  # files of pickled weights, where there are no others
    pixels: Pixels | None = None  # None for a language model

    @property
    def side(self) -> int | None:
        """Side of the tower's pictures in pixels; None for a language model."""
        if self.part == "language_model":
            return None
        return int(self.config.get("vision_config", self.config).get("image_size", _SIDE))


def open_model(path: Path, part: str, *, own_tokenizer: bool = True) -> ModelFolder:
    """Return a folder after looking at its config and the names of its tensors.

    Without `own_tokenizer` a language model's tokenizer.json is not asked for.
    Raises DataError in one line: no such folder, not of a known kind, quantised, without
    weights, a shard missing or damaged, no tokenizer.json.
    """
    if not path.is_dir():
        raise DataError(f"{path}: no such folder")
    config = _json(path / CONFIG)
    kind = config.get("model_type")
    if kind not in TYPES[part]:
        raise DataError(
            f"{path}: config.json has model_type {kind!r}; {_WORDS[part]} is one of "
            f"{', '.join(TYPES[part])}"
        )
    if "quantization_config" in config:
        raise DataError(f"{path}: its weights are quantised; take the unquantised ones")
    if part != "vision_tower" and own_tokenizer and not (path / TOKENIZER).is_file():
        elsewhere = (
            "set recipe.backbone.tokenizer to a model of the same vocabulary that has it, or "
        )
        raise DataError(
            f"{path}: no tokenizer.json; {elsewhere if part == 'language_model' else ''}write it "
            "once with AutoTokenizer.from_pretrained(...).save_pretrained(...) of transformers"
        )
    pixels = None if part == "language_model" else _pixels(path)
    return ModelFolder(path, part, config, *_weights(path), pixels)


_WORDS = {
    "language_model": "a language model",
    "vision_tower": "a vision tower",
    "released": "a released model",
}


def _pixels(path: Path) -> Pixels:
    """Mean and deviation of `preprocessor_config.json`. Raises DataError if there are none."""
    found: dict[str, Any] = {}
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (path / name).is_file():
            whole = _json(path / name)
            found = whole.get("image_processor", whole)
            break
    try:
        mean, deviation = (tuple(map(float, found[k])) for k in ("image_mean", "image_std"))
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{path}: no preprocessor_config.json with image_mean and image_std; "
            "take it from the tower's repository"
        ) from None
    return Pixels(mean, deviation)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path.parent}: no {path.name}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable ({error})") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no mapping")
    return content


def _weights(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The file of each tensor, by the index or from the one file's header; else pickled files."""
    if (path / _SINGLE).is_file():
        return dict.fromkeys(_header(path / _SINGLE), _SINGLE), ()
    if (path / _INDEX).is_file():
        listed = _listed(path / _INDEX)
        held = {tensor: name for name in _shards(listed) for tensor in _header(path / name)}
        if lacking := sorted(set(listed) - set(held)):
            raise DataError(f"{path}: tensor {lacking[0]!r} of the index is in none of the shards")
        return held, ()
    if (path / _PICKLED).is_file():
        return {}, (_PICKLED,)
    if (path / _PICKLED_INDEX).is_file():
        return {}, _shards(_listed(path / _PICKLED_INDEX))
    raise DataError(f"{path}: {_without_weights(path)}")


def _listed(index: Path) -> dict[str, str]:
    """The shard of each tensor, all of them files of the folder."""
    listed = _json(index).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise DataError(f"{index}: has no weight_map")
    listed = {name: str(file) for name, file in listed.items()}
    shards = _shards(listed)
    if outside := [name for name in shards if Path(name).name != name]:
        raise DataError(f"{index}: names {outside[0]!r}, which is no file of the folder")
    if missing := [name for name in shards if not (index.parent / name).is_file()]:
        raise DataError(
            f"{index.parent}: {len(missing)} of {len(shards)} shards missing: {missing[0]}"
        )
    return listed


def _shards(listed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(set(listed.values())))


def _without_weights(path: Path) -> str:
    others = sorted(f.name for f in path.iterdir() if f.suffix in _OTHERS)
    if not others:
        return f"neither {_SINGLE} nor {_INDEX}, nor {_PICKLED}"
    return (
        f"weights as {others[0]}; only safetensors and {_PICKLED} are read: take a commit that has "
        "them, or convert once with from_pretrained and save_pretrained of transformers"
    )


def _header(path: Path) -> list[str]:
    try:
        with safe_open(path, framework="numpy") as weights:
            return list(weights.keys())
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: damaged, no safetensors ({error})") from None
