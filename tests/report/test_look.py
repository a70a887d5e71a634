"""Figures survive grey print and colour blindness, and equal input gives equal bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib as mpl
import pytest

from mlan.report.style import CANVASES, PARTS, SERIES, house_style, luma, save, share_looks
from mlan.report.summary import Summary
from mlan.report.sweep import draw_sweep
from mlan.report.tokens import draw_composition

TOGETHER = [("strict", "option", "lenient"), ("real", "blank")]
SOLO = """
import json, sys
from pathlib import Path
from mlan.report.style import house_style, save
from mlan.report.summary import read_summary
from mlan.report.sweep import draw_sweep
with house_style():
    figure, _ = draw_sweep(read_summary(Path(sys.argv[1]), json.loads(sys.argv[2])))
save(figure, Path(sys.argv[3]), "sweep")
"""


def digests(folder: Path) -> dict[str, str]:
    files = sorted(folder.iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    ("colour", "grey"), [("#ffffff", 1.0), ("#000000", 0.0), ("#00ff00", 0.587)]
)
def test_luma_known_answers(colour: str, grey: float) -> None:
    assert luma(colour) == pytest.approx(grey)


@pytest.mark.parametrize("names", TOGETHER)
def test_series_drawn_together_differ_in_grey_marker_and_dash(names: tuple[str, ...]) -> None:
    for one, other in combinations([SERIES[name] for name in names], 2):
        assert abs(luma(one.colour) - luma(other.colour)) >= 0.2
        assert one.marker != other.marker
        assert one.dash != other.dash


@pytest.mark.parametrize("shares", [(0, 100), (0, 25, 50, 75, 95, 100), tuple(range(0, 101, 12))])
def test_shares_get_darker_by_rank_and_neighbours_differ_in_dash(shares: tuple[int, ...]) -> None:
    looks = share_looks(reversed(shares))
    assert [*looks] == sorted(shares)
    for (one, one_dash), (other, other_dash) in pairwise(looks.values()):
        assert luma(one) - luma(other) > 0.07
        assert one_dash != other_dash


def test_parts_of_a_bar_differ_in_grey() -> None:
    for one, other in combinations(PARTS.values(), 2):
        assert abs(luma(one) - luma(other)) >= 0.2


def test_figure_same_input_gives_same_bytes_and_no_date_whatever_the_settings(
    summary_of: Callable[..., Summary], tmp_path: Path
) -> None:
    summary = summary_of(shares=(0.0, 1.0), seeds=(0,), others=())
    for name, settings in (("plain", {}), ("large", {"font.size": 20, "svg.hashsalt": "x"})):
        with mpl.rc_context(settings):  # type: ignore[arg-type]
            with house_style():
                figure, _ = draw_composition(summary)
            save(figure, tmp_path / name, "composition")
    assert digests(tmp_path / "plain") == digests(tmp_path / "large")
    kinds = {path.suffix[1:]: path.read_bytes() for path in (tmp_path / "plain").iterdir()}
    assert set(kinds) == set(CANVASES) == {"pdf", "svg", "png"}
    assert b"CreationDate" not in kinds["pdf"]
    assert b"<dc:date>" not in kinds["svg"]
    assert b"tIME" not in kinds["png"]


def test_figure_another_process_gives_same_bytes(
    summary_of: Callable[..., Summary], summary_folder: Callable[..., Path], tmp_path: Path
) -> None:
    grid = {"benchmarks": ("capital-text", "object"), "shares": (0.0, 1.0), "seeds": (0, 1)}
    summary = summary_of(**grid)
    with house_style():
        figure, _ = draw_sweep(summary)
    save(figure, tmp_path / "here", "sweep")
    identity = {
        "title": summary.title,
        "confidence": summary.confidence,
        "limits": [],
        "order_not_controlled": [],
        "benchmarks": {benchmark.name: vars(benchmark) for benchmark in summary.benchmarks},
    }
    arguments = [str(summary_folder(**grid)), json.dumps(identity), str(tmp_path / "there")]
    subprocess.run(
        [sys.executable, "-c", SOLO, *arguments],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"},
    )
    assert digests(tmp_path / "here") == digests(tmp_path / "there")
