"""Real concepts and pictures at a small size, built once."""

from __future__ import annotations

import pandas as pd
import pytest

from mlan.config.data import Concepts, ImageSet
from mlan.data.concepts import build_concepts
from mlan.data.images import build_index

SMALL = Concepts(objects=24, countries=24, words=24, train_fraction=0.4, dev_fraction=0.15)
FULL = Concepts(train_fraction=0.36, dev_fraction=0.1)


@pytest.fixture(scope="session")
def small() -> pd.DataFrame:
    return build_concepts(SMALL)


@pytest.fixture(scope="session")
def full() -> pd.DataFrame:
    return build_concepts(FULL)


@pytest.fixture(scope="session")
def image_set() -> ImageSet:
    return ImageSet(style="twemoji", views=3, scenes=2)


@pytest.fixture(scope="session")
def small_index(small: pd.DataFrame, image_set: ImageSet) -> pd.DataFrame:
    return build_index("train", image_set, small)
