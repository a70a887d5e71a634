"""Towers of transformers (CLIP, SigLIP) with what the embedded towers offer (`towers`).

Their features are used as they are, as LLaVA does: nothing is measured or standardised, so noise
in units of standardised features has no meaning and a study may not ask for it.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
from torch import Tensor
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.model.towers import IMAGENET_MEAN, IMAGENET_STD, normalise


class Tower(Protocol):
    """What stage 1, stage 2 and evaluation ask of a tower."""

    def raw_features(self, pixel_values: Tensor) -> Tensor:
        """Return features before standardisation, (B, T, D)."""

    def standardise(self, raw: Tensor) -> Tensor:
        """Return features as the projector reads them, (B, T, D)."""

    def measure(self, raw: Tensor) -> None:
        """Set the statistics of standardisation from raw features, (N, T, D)."""

    def noise(self, features: Tensor, std: float, generator: torch.Generator) -> Tensor:
        """Return features plus noise, (B, T, D)."""


class StandardTower:
    """The tower of a composed model, read at the layer that the model's config names."""

    def __init__(self, model: LlavaForConditionalGeneration) -> None:
        self._tower, self._config = model.model.vision_tower, model.config

    def raw_features(self, pixel_values: Tensor) -> Tensor:
        """Return the patches' hidden states, (B, T, D)."""
        out = self._tower(pixel_values, output_hidden_states=True)
        hidden: Tensor = out.hidden_states[self._config.vision_feature_layer]
        return hidden[:, 1:] if self._config.vision_feature_select_strategy == "default" else hidden

    def standardise(self, raw: Tensor) -> Tensor:
        """Return the features as they are."""
        return raw

    def measure(self, raw: Tensor) -> None:
        """Nothing: there are no statistics."""

    def noise(self, features: Tensor, std: float, generator: torch.Generator) -> Tensor:
        """Return the features as they are. Raises ValueError if noise is asked for."""
        if std:
            raise ValueError(f"noise of {std} on features that are not standardised")
        return features


def tower_of(model: LlavaForConditionalGeneration) -> Tower:
    """Return the tower of a composed model."""
    own: Any = model.model.vision_tower
    return cast(Tower, own) if hasattr(own, "raw_features") else StandardTower(model)


def pixel_values(model: LlavaForConditionalGeneration, pictures: list[Tensor]) -> Tensor:
    """Return uint8 pictures (H, W, 3) as the model's tower wants them, on its device.

    The result is (B, 3, H, W).
    """
    config = model.config.vision_config
    mean = getattr(config, "image_mean", IMAGENET_MEAN)
    deviation = getattr(config, "image_std", IMAGENET_STD)
    return normalise(torch.stack(pictures).to(model.device), mean, deviation)
