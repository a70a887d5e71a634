"""A toy backbone folder, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.toy import write_backbone


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random backbone folder."""
    torch.set_num_threads(1)
    return write_backbone(tmp_path_factory.mktemp("backbone"))
