"""Features of pictures by key: kept for all pictures, or computed when they are asked for.

What is chosen depends on one picture's features alone, so that bits never hang on how many
pictures there are: up to `KEPT_BYTES` (embedded towers: 57 KB) all are computed once, in 32-bit
arithmetic, and kept; above (CLIP ViT-L/14-336: 2.4 MB, against 0.3 MB of its uint8 copy) the
tower runs on the stored pictures of each batch, in the arithmetic of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.model.compose import ImageFeatures, arithmetic, raw_features
from mlan.model.standard_towers import tower_of

KEPT_BYTES = 128 * 1024
# Uint8 pictures (H, W, 3) by key, such as `Pictures.get`.
Store = Callable[[Iterable[str]], Mapping[str, np.ndarray]]


class Features(Protocol):
    """Features of pictures, whichever way they come about."""

    def of(self, keys: list[str]) -> Tensor:
        """Return the features of pictures in the order of `keys`, (len(keys), T, D)."""


class TowerFeatures:
    """Runs the tower on the pictures that are asked for; equal keys of a call share a run."""

    def __init__(
        self, model: LlavaForConditionalGeneration, store: Store, *, device: str, precision: str
    ) -> None:
        self._model, self._store = model, store
        self._device, self._precision = device, precision

    @torch.no_grad()
    def of(self, keys: list[str]) -> Tensor:
        """Return the features of pictures in the order of `keys`, (len(keys), T, D) float32."""
        distinct = list(dict.fromkeys(keys))
        with arithmetic(self._device, self._precision):
            raw = raw_features(self._model, _tensors(self._store, distinct))
        table = tower_of(self._model).standardise(raw).float()
        place = {key: row for row, key in enumerate(distinct)}
        return table[[place[key] for key in keys]]


def features_of(
    model: LlavaForConditionalGeneration,
    keys: Sequence[str],
    store: Store,
    *,
    device: str,
    precision: str,
    measure: bool = False,
) -> Features:
    """Return a provider of the features of all pictures in `keys`.

    With `measure` the statistics of the tower's standardisation are taken from these pictures,
    once each in the order of `keys`.
    """
    width = model.model.vision_tower.config.hidden_size
    if 4 * model.config.image_seq_length * width > KEPT_BYTES:
        return TowerFeatures(model, store, device=device, precision=precision)
    raw, tower = raw_features(model, _tensors(store, keys)), tower_of(model)
    if measure:
        tower.measure(raw)
    return ImageFeatures(tower.standardise(raw), {key: row for row, key in enumerate(keys)})


def _tensors(store: Store, keys: Sequence[str]) -> list[Tensor]:
    found = store(keys)
    return [torch.from_numpy(found[key]) for key in keys]
