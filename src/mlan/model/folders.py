"""Parts of a backbone from model folders in transformers' layout, tensors renamed, not copied.

Files name their tensors after the model that was saved: a causal language model, a tower alone
or within CLIP, a whole LLaVA of an older or newer transformers. Every name is brought to the one
that `LlavaForConditionalGeneration` has; what is missing, too much or of another shape is an
error. What a tower gives: the layer before the last, as LLaVA-1.5 reads CLIP; CLIP without its
class token (`default`), SigLIP, which has none, whole (`full`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import AutoConfig, LlavaConfig, PreTrainedConfig
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.data.model_folder import ModelFolder
from mlan.errors import DataError
from mlan.hub.manifest import some
from mlan.model.weights import shapes

HEAD, EMBEDDINGS = "lm_head.weight", "model.language_model.embed_tokens.weight"
PROJECTOR = "model.multi_modal_projector."
# Strategy of `vision_feature_select_strategy` and layer of each tower's features.
FEATURES: dict[str, tuple[Literal["default", "full"], int]] = {
    "clip_vision_model": ("default", -2),
    "siglip_vision_model": ("full", -2),
}
EMBEDDED_FEATURES: tuple[Literal["default", "full"], int] = ("full", -1)
# Older files hold these tables, which a model computes itself.
_COMPUTED = ("rotary_emb.inv_freq", "position_ids")
_PREFIXES = {
    "language_model": (("lm_head.", "lm_head."), ("model.", "model.language_model."),
                       ("", "model.language_model.")),
    "vision_tower": (("vision_model.", "model.vision_tower."), ("", "model.vision_tower.")),
    "released": (
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "model.language_model."),
        ("vision_tower.vision_model.", "model.vision_tower."),
        ("vision_tower.", "model.vision_tower."),
        ("multi_modal_projector.", PROJECTOR),
        ("model.vision_tower.vision_model.", "model.vision_tower."),
        ("", ""),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One part: its config, and its tensors, held or to be listed from a folder."""

    config: PreTrainedConfig
    held: dict[str, Tensor] = field(default_factory=dict)
    folder: ModelFolder | None = None
    pad: int | None = None  # id of the padding token, where the tokenizer decides it


def config_of(folder: ModelFolder) -> Any:
    """Return the config of a folder's part, a tower's with mean and deviation of its pixels.

    Raises DataError for values that transformers does not take.
    """
    try:
        config = AutoConfig.from_pretrained(
            str(folder.path), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # whatever its validation raises
        raise DataError(f"{folder.path}: config.json: {' '.join(str(error).split())}") from None
    if folder.part == "vision_tower" and hasattr(config, "vision_config"):
        config = config.vision_config
    for part in (config, *(getattr(config, name, None) for name in ("text_config",))):
        if part is not None:
            part.dtype = None  # how the files were saved; a composed model says its own
    if folder.part != "language_model":
        tower = getattr(config, "vision_config", config)
        tower.dtype = None
        assert folder.pixels is not None, "a tower has pixels"
        tower.image_mean = list(folder.pixels.mean)
        tower.image_std = list(folder.pixels.deviation)
    return config


def image_tokens(tower: PreTrainedConfig, strategy: str) -> int:
    """Return how many tokens a picture has: one a patch, and the class token if it is kept."""
    patches = (int(tower.image_size) // int(tower.patch_size)) ** 2
    return patches + int(strategy == "full" and tower.model_type == "clip_vision_model")


def expected_shapes(config: LlavaConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a composed model."""
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def listing(
    folder: ModelFolder, expected: dict[str, tuple[int, ...]], *, tied: bool
) -> dict[str, tuple[str, str]]:
    """Return, for each tensor of a part, its file below the backbone's folder and its name there.

    Raises DataError naming what is missing, unknown or of another shape.
    """
    wanted = {_flat(name): name for name in expected if _belongs(name, folder.part, tied)}
    found: dict[str, tuple[str, str]] = {}
    unknown = []
    for name, file in folder.tensors.items():
        ours = _renamed(name, folder)
        if ours in wanted:
            found[wanted[ours]] = (f"{folder.part}/{file}", name)
        elif is_used(name, folder) and not (tied and ours == HEAD):
            unknown.append(name)
    missing = sorted(set(wanted.values()) - set(found))
    for what, names in (("lacks", missing), ("has unknown", unknown)):
        if names:
            raise DataError(f"{folder.path}: {what} tensors: {some(names, 3)}")
    return found


def check_shapes(
    backbone: Path, listed: dict[str, tuple[str, str]], expected: dict[str, tuple[int, ...]]
) -> None:
    """Raise DataError for a listed tensor that has another shape than its config says."""
    for name, shape in shapes(backbone, listed).items():
        if shape != expected[name]:
            file, inside = listed[name]
            raise DataError(
                f"{file}: {inside} has shape {list(shape)}, config.json says {list(expected[name])}"
            )


def is_used(name: str, folder: ModelFolder) -> bool:
    """Whether a part needs a tensor of its files: not a pair's texts, not what is computed."""
    ours = _renamed(name, folder)
    return ours is not None and not ours.endswith(_COMPUTED)


def _belongs(name: str, part: str, tied: bool) -> bool:
    if name == HEAD and tied:
        return False
    if part == "released":
        return True
    tower = name.startswith("model.vision_tower.")
    return not name.startswith(PROJECTOR) and tower == (part == "vision_tower")


def _flat(name: str) -> str:
    """Some versions of transformers keep a tower's modules below `vision_model`."""
    return name.replace("model.vision_tower.vision_model.", "model.vision_tower.", 1)


def _renamed(name: str, folder: ModelFolder) -> str | None:
    """The flat name within a composed model; None for what the part does not need."""
    pair = "vision_config" in folder.config and folder.part == "vision_tower"
    if pair and not name.startswith("vision_model."):
        return None
    for old, new in _PREFIXES[folder.part]:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def is_tied(config: Any, folder: ModelFolder) -> bool:
    """Whether the head is the embedding table.

    A language model's config says so. Those of released models do not always; there it is tied
    if the files hold no head.
    """
    if folder.part == "released":
        return not any(name.endswith("lm_head.weight") for name in folder.tensors)
    return bool(config.tie_word_embeddings)
