"""The measurement of this machine: announced, kept, and nothing where it cannot be had."""

from __future__ import annotations

import shutil
import sys

import pytest

from mlan.cli.machine import Speedometer
from mlan.grid import Grid

_LINE = "measuring this machine; seconds, longer while it is busy\n"


def test_measurement_is_announced_and_none_where_it_fails(
    grid: Grid, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    speed = Speedometer(grid)
    speed.start()
    assert speed.read() is None
    assert capsys.readouterr() == ("", _LINE)
    assert not (grid.folder("state") / "speed.json").exists()


@pytest.mark.usefixtures("known_speed")
def test_fresh_measurement_is_used_again_without_a_word(
    grid: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    speed = Speedometer(grid)
    speed.start()
    assert speed.read() == 50.0
    assert capsys.readouterr() == ("", "")
