"""Another study's results are read from its summary folder alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlan.errors import IntegrityError
from mlan.evidence.finished import is_finished, other_studies, read_finished
from mlan.evidence.results import Key, write_results
from mlan.records import write_csv, write_record
from tests.evidence.simulated import NAMES, results


def write_study(study: Path, seeds: int = 3) -> None:
    """Write the summary folder of a simulated study as the collect stage does."""
    found, folder = results(seeds), study / "summary"
    folder.mkdir(parents=True)
    outputs = write_results(folder, list(found.runs), list(found.blocks.values()))
    cells = [
        {
            "cell": cell.name,
            "kind": cell.kind,
            "text_share": cell.text_share,
            "experiments": ";".join(cell.experiments),
            "seeds_planned": ";".join(map(str, cell.seeds)),
            "seeds_done": "",
        }
        for cell in found.cells.values()
    ]
    benchmarks = [
        {
            "benchmark": "v_object",
            "modality": "vision",
            "taught_by": None,
            "headline": True,
            "near": "",
        },
        {"benchmark": "v_apart", "modality": "vision", "headline": False, "near": ""},
    ]
    for name, rows in (("cells", cells), ("benchmarks", benchmarks)):
        outputs.append(folder / f"{name}.csv")
        write_csv(outputs[-1], pd.DataFrame(rows))
    write_record(folder, stage="collect", identity={}, code="", inputs={}, outputs=outputs)


def test_results_are_those_that_were_written(tmp_path: Path) -> None:
    write_study(tmp_path / "one")
    found, written = read_finished(tmp_path / "one"), results(3)
    assert found.cells == written.cells
    assert found.groups["vision average"].members == ("v_object",)
    for name in NAMES:
        mine = found.sample(name, "vision average", Key())
        theirs = written.sample(name, "vision average", Key())
        assert mine.values == pytest.approx(theirs.values)
        assert mine.fixed == theirs.fixed == (name == "untuned")


def test_other_studies_are_those_with_collected_scores(tmp_path: Path) -> None:
    for name in ("b", "a", "own"):
        write_study(tmp_path / name)
    (tmp_path / "unfinished" / "summary").mkdir(parents=True)
    assert not is_finished(tmp_path / "unfinished")
    assert other_studies(tmp_path / "own") == [tmp_path / "a", tmp_path / "b"]


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    write_study(tmp_path / "one")
    path = tmp_path / "one" / "summary" / "cells.csv"
    path.write_text(path.read_text().replace("sweep", "other"))
    with pytest.raises(IntegrityError):
        read_finished(tmp_path / "one")
