"""Kept and computed features are the same numbers; which of the two hangs on one picture alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from mlan.model import features
from mlan.model.compose import ImageFeatures, compose
from mlan.model.features import TowerFeatures, features_of
from mlan.model.standard_towers import tower_of
from tests.model.test_backbone import prepared
from tests.model_folders import SIDE, language_model, vision_tower
from tests.toy import write_backbone

KEYS = [f"set/{number}" for number in range(5)]


class Store:
    """Pictures that remember what was asked."""

    def __init__(self) -> None:
        draw = np.random.default_rng(0)
        self.pictures = {k: draw.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for k in KEYS}
        self.asked: list[list[str]] = []

    def __call__(self, keys: Iterable[str]) -> dict[str, np.ndarray]:
        self.asked.append(list(keys))
        return {key: self.pictures[key] for key in self.asked[-1]}


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    language_model(folder / "lm")
    vision_tower(folder / "eye")
    return prepared(folder / "made", language_model=folder / "lm", vision_tower=folder / "eye")


def test_features_are_kept_or_computed_by_the_bytes_of_one_picture(
    standard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, where = compose(standard), {"device": "cpu", "precision": "fp32"}
    kept = features_of(model, KEYS, Store(), **where)
    monkeypatch.setattr(features, "KEPT_BYTES", 4 * 16 * 24 - 1)
    store = Store()
    computed = features_of(model, KEYS, store, **where)
    assert isinstance(kept, ImageFeatures)
    assert isinstance(computed, TowerFeatures)
    assert store.asked == []
    asked = [KEYS[3], KEYS[0], KEYS[3]]
    torch.testing.assert_close(computed.of(asked), kept.of(asked), atol=1e-6, rtol=1e-6)
    assert store.asked == [[KEYS[3], KEYS[0]]]


def test_embedded_towers_are_kept_however_many_pictures(tmp_path: Path) -> None:
    assert features.KEPT_BYTES >= 4 * 9 * (9 * 32 + 1280 + 9)  # MobileNetV2
    model = compose(write_backbone(tmp_path))
    found = features_of(model, KEYS, Store(), device="cpu", precision="fp32", measure=True)
    assert isinstance(found, ImageFeatures)
    assert found.of(KEYS).mean((0, 1)).abs().max() < 1e-5
    assert found.of(KEYS).std((0, 1)).sub(1).abs().max() < 1e-4


def test_tower_without_statistics_takes_no_noise(standard: Path) -> None:
    tower, draw = tower_of(compose(standard)), torch.Generator()
    table = torch.ones(1, 16, 24)
    assert torch.equal(tower.noise(table, 0.0, draw), table)
    with pytest.raises(ValueError, match=r"noise of 0\.3 on features that are not standardised"):
        tower.noise(table, 0.3, draw)
