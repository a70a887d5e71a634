"""What becomes of a run's weights once it is scored, and what is said of those that are gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlan.errors import DataError, IntegrityError
from mlan.evaluate.prune import prune
from mlan.records import read_record, write_bytes, write_csv, write_json, write_record
from mlan.stage import Job
from mlan.weights import ADAPTER, LANGUAGE, PROJECTOR_FILE, check_weights, dropped

LOSSES = "losses.csv"


def finish(folder: Path, files: list[str], **more: Any) -> Path:
    """Write a folder with files and a record of them."""
    for name in files:
        write_bytes(folder / name, name.encode())
    told = {"stage": "s", "identity": {}, "code": "0", "inputs": {}, **more}
    write_record(folder, outputs=[folder / name for name in files], **told)
    return folder


def run(root: Path, cell: str = "text50", mode: str = "lora") -> dict[str, Path]:
    """A scored run below results/study/cells."""
    folder = root / "results" / "study" / "cells" / cell / "seed0"
    main = ADAPTER if mode == "lora" else LANGUAGE
    identity = {"tune": {"language_model": mode}}
    weights = finish(folder / "weights", [main, PROJECTOR_FILE, LOSSES], identity=identity)
    answers = finish(folder / "predictions", ["b.parquet"], inputs={"weights": weights})
    scores = finish(folder / "scores", ["items.parquet"], inputs={"predictions": answers})
    return {"weights": weights, "predictions": answers, "scores": scores}


def summary(root: Path, values: dict[str, tuple[float, float]], done: int = 3) -> Path:
    """A summary with the text and the vision average of each cell on dev, and test rows."""
    rows = [
        {
            "cell": cell,
            "seed": 0,
            "benchmark": f"{modality} average",
            "part": part,
            "condition": "real",
            "scorer": "generate",
            "parser": "strict",
            "metric": "accuracy",
            "value": value if part == "dev" else 1 - value,
        }
        for cell, pair in values.items()
        for modality, value in zip(("text", "vision"), pair, strict=True)
        for part in ("dev", "test")
    ]
    # An official metric that is not defined is an empty field.
    rows += [{**row, "benchmark": "mme", "metric": "mme_perception", "value": None} for row in rows]
    folder = root / "results" / "study" / "summary"
    write_csv(folder / "scores.csv", pd.DataFrame(rows))
    told = {"stage": "collect", "identity": {}, "code": "0", "inputs": {}}
    facts = {"runs_done": done, "runs_planned": 3}
    write_record(folder, outputs=[folder / "scores.csv"], facts=facts, **told)
    return folder


def drop(inputs: dict[str, Path], keep: str, **identity: Any) -> Path:
    """Run the stage as the workflow does; return the folder that it owns."""
    out = inputs["weights"].parent / "kept"
    job = Job("prune", {"keep": keep, **identity}, "0", out, inputs)
    job.begin()
    prune(job)
    return out


def left(inputs: dict[str, Path]) -> set[str]:
    return {path.name for path in inputs["weights"].iterdir()} - {"record.json"}


def test_scores_drops_all_weights_and_keeps_record_and_losses(tmp_path: Path) -> None:
    inputs = run(tmp_path)
    before = (inputs["weights"] / "record.json").read_bytes()

    out = drop(inputs, "scores")

    assert left(inputs) == {LOSSES}
    assert (inputs["weights"] / "record.json").read_bytes() == before
    assert read_record(out)["facts"] == {"keep": "scores", "dropped": [ADAPTER, PROJECTOR_FILE]}
    assert dropped(inputs["weights"]) == {ADAPTER: "scores", PROJECTOR_FILE: "scores"}


def test_adapters_drops_full_weights_alone(tmp_path: Path) -> None:
    lora, full = run(tmp_path, "a"), run(tmp_path, "b", "full")
    frozen = run(tmp_path, "c", "frozen")

    for inputs in (lora, full, frozen):
        drop(inputs, "adapters")

    assert left(lora) == {ADAPTER, PROJECTOR_FILE, LOSSES}
    assert left(full) == {PROJECTOR_FILE, LOSSES}
    assert left(frozen) == {LANGUAGE, PROJECTOR_FILE, LOSSES}


@pytest.mark.parametrize(
    ("values", "best"),
    [
        # Means of both averages on dev: .5, .55, .45; on test the order is the opposite.
        ({"a": (0.9, 0.1), "b": (0.5, 0.6), "c": (0.2, 0.7)}, "b"),
        # Equal: the first in the order of the grid.
        ({"c": (0.5, 0.5), "b": (0.4, 0.6), "a": (0.3, 0.3)}, "b"),
    ],
)
def test_best_keeps_the_weights_of_the_best_cell_on_dev(
    tmp_path: Path, values: dict[str, tuple[float, float]], best: str
) -> None:
    runs = {cell: run(tmp_path, cell) for cell in ("a", "b", "c")}
    table = summary(tmp_path, values)

    for cell, inputs in runs.items():
        drop({**inputs, "summary": table}, "best", cell=cell, cells=["a", "b", "c"])

    kept = {cell for cell, inputs in runs.items() if ADAPTER in left(inputs)}
    assert kept == {best}


def test_best_of_unfinished_runs_drops_nothing(tmp_path: Path) -> None:
    inputs = run(tmp_path, "a")
    table = summary(tmp_path, {"a": (0.1, 0.1), "b": (0.9, 0.9)}, done=2)

    with pytest.raises(DataError, match="not of all runs, so no cell is the best yet"):
        drop({**inputs, "summary": table}, "best", cell="a", cells=["a", "b"])

    assert ADAPTER in left(inputs)


@pytest.mark.parametrize(
    ("stale", "other"), [("predictions", "weights"), ("scores", "predictions")]
)
def test_weights_stay_while_what_stands_on_them_is_stale(
    tmp_path: Path, stale: str, other: str
) -> None:
    inputs = run(tmp_path)
    told = read_record(inputs[stale]) | {"inputs": {other: "0" * 64}}
    write_json(inputs[stale] / "record.json", told)
    if stale == "predictions":  # scores stand on the record just written
        finish(inputs["scores"], ["items.parquet"], inputs={"predictions": inputs["predictions"]})

    with pytest.raises(DataError, match=f"of other {other} than .* nothing dropped"):
        drop(inputs, "scores")

    assert ADAPTER in left(inputs)


def test_kill_between_two_files_leaves_nothing_unexplained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = run(tmp_path)
    whole = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        if path.name == PROJECTOR_FILE:
            raise KeyboardInterrupt
        whole(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            drop(inputs, "scores")

    assert left(inputs) == {PROJECTOR_FILE, LOSSES}
    assert not (inputs["weights"].parent / "kept" / "record.json").exists()
    with pytest.raises(DataError, match=rf"{ADAPTER}: dropped by `keep: scores`"):
        check_weights(inputs["weights"])
    drop(inputs, "scores")
    assert left(inputs) == {LOSSES}


def test_need_of_dropped_weights_is_one_line_with_the_way_back(tmp_path: Path) -> None:
    inputs = run(tmp_path, "text50_rank-4")
    drop(inputs, "scores")

    with pytest.raises(DataError) as error:
        check_weights(inputs["weights"])

    (line,) = error.value.lines
    assert line.startswith(str(inputs["weights"] / ADAPTER))
    assert line.endswith(
        ": dropped by `keep: scores`; `make cell STUDY=study CELL=text50_rank-4 SEED=0` trains "
        "this run again"
    )


def test_weights_trained_again_are_whole_and_told_no_more(tmp_path: Path) -> None:
    inputs = run(tmp_path)
    drop(inputs, "scores")

    run(tmp_path)

    assert dropped(inputs["weights"]) == {}
    check_weights(inputs["weights"])


def test_file_that_nobody_dropped_is_missing_as_ever(tmp_path: Path) -> None:
    inputs = run(tmp_path)
    (inputs["weights"] / ADAPTER).unlink()

    with pytest.raises(IntegrityError, match="missing although"):
        check_weights(inputs["weights"])


def test_later_keep_tells_the_earlier_one_of_what_is_gone(tmp_path: Path) -> None:
    inputs = run(tmp_path, mode="full")
    drop(inputs, "adapters")

    drop(inputs, "scores")

    assert dropped(inputs["weights"]) == {LANGUAGE: "adapters", PROJECTOR_FILE: "scores"}
