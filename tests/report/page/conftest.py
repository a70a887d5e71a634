"""The page of the example, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlan.report.page.stage import page
from tests.report.page.example import page_job


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the example with its page and cards; to be read only."""
    root = tmp_path_factory.mktemp("results") / "small"
    job = page_job(root)
    job.begin()
    page(job)
    return root


@pytest.fixture(scope="session")
def html(study_folder: Path) -> str:
    """The text of the page."""
    return (study_folder / "report.html").read_text(encoding="utf-8")
