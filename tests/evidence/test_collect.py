"""The summary tables against numbers worked out from the outcomes they were made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlan.errors import DataError, IntegrityError
from mlan.evidence.blocks import Cell
from mlan.evidence.collect import COLUMNS, collect
from mlan.evidence.groups import groups
from mlan.evidence.intervals import interval, mean_interval
from mlan.evidence.results import Key, read_results
from mlan.records import read_record, write_csv, write_json, write_parquet, write_record
from mlan.score.metrics import accuracy
from mlan.stage import Job

BENCHMARKS: dict[str, dict[str, Any]] = {
    "t_capital": {"modality": "text", "taught_by": "text", "headline": True, "near": []},
    "t_extra": {"modality": "text", "taught_by": "text", "headline": False, "near": []},
    "v_colour": {"modality": "vision", "taught_by": "pictures", "headline": True, "near": []},
    "v_flag": {"modality": "vision", "taught_by": "pictures", "headline": True, "near": []},
}
ITEMS = {"t_capital": 6, "t_extra": 3, "v_colour": 4, "v_flag": 8}
CELLS = [
    {"cell": "untuned", "kind": "untuned", "text_share": None, "experiments": [], "seeds": [0]},
    *(
        {
            "cell": f"share-{share}",
            "kind": "tuned",
            "text_share": share / 100,
            "experiments": ["sweep"],
            "seeds": [0, 1, 2],
        }
        for share in (0, 50, 100)
    ),
    {
        "cell": "other",
        "kind": "tuned",
        "text_share": 0.5,
        "experiments": ["alone"],
        "seeds": [0, 1, 2],
    },
]
GENERATE = ["generate", "strict"]


def outcomes(seed: int) -> pd.DataFrame:
    """Random outcomes on all benchmarks; clusters c0 to c4 are shared between benchmarks."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            *(name, BENCHMARKS[name]["modality"], part, condition, f"{name}-{part}-{i}"),
            *(f"c{i % 5}", *scorer, float(rng.random() < 0.6), bool(rng.random() < 0.2), 0.25),
        )
        for name, n in ITEMS.items()
        for part, condition in [("test", "real"), ("dev", "real"), ("dev", "blank")]
        if condition == "real" or BENCHMARKS[name]["modality"] == "vision"
        for i in range(n)
        for scorer in (GENERATE, ["generate", "lenient"], ["label_logit", "argmax"])
    ]
    keys = ["benchmark", "modality", "part", "condition", "item", "cluster", "scorer", "parser"]
    return pd.DataFrame(rows, columns=[*keys, "correct", "invalid", "chance"])


def folder(path: Path, name: str, frame: pd.DataFrame) -> Path:
    (write_csv if name.endswith("csv") else write_parquet)(path / name, frame)
    write_json(path / "run.json", {"stage": path.name, "seconds": 1.5, "tokens_per_s": 640.0})
    write_record(path, stage=path.name, identity={}, code="0", inputs={}, outputs=[path / name])
    return path


def accounting(text: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": ["null", "flags"],
            "modality": ["text", "vision"],
            "examples": [text, 300],
            "unique": [100, 300],
            "epochs": [text / 100, 1.0],
            "text_tokens": [12_345_678, 2],
            "image_tokens": [0, 2700],
            "supervised_tokens": [400, 900],
            "padding_tokens": [10, 20],
            "steps": [25, 25],
        }
    )


class Grid:
    """A results folder with the runs asked for, and the outcomes they were made of."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs: dict[str, Path] = {}
        self.frames: dict[tuple[str, int], pd.DataFrame] = {}

    def add(self, cell: str, seed: int, frame: pd.DataFrame | None = None) -> None:
        made = outcomes(len(self.frames)) if frame is None else frame
        self.frames[cell, seed] = made
        run = self.root / cell / f"seed{seed}"
        self.inputs[f"scores:{cell}:{seed}"] = folder(run / "scores", "items.parquet", made)
        if not cell.startswith(("untuned", "released")):
            mixture = folder(run / "mixture", "accounting.csv", accounting(200))
            self.inputs[f"mixture:{cell}:{seed}"] = mixture

    def limit(self, seed: int) -> None:
        """Ask the dev part in one seed only."""
        for (cell, own), frame in [*self.frames.items()]:
            if own != seed:
                self.add(cell, own, frame[frame["part"] == "test"].reset_index(drop=True))

    def collect(
        self,
        out: str = "summary",
        inputs: dict[str, Path] | None = None,
        cells: list[dict[str, Any]] = CELLS,
    ) -> Path:
        told = [
            {"seen": [], "untuned": "untuned" if cell["kind"] == "tuned" else None, **cell}
            for cell in cells
        ]
        identity = {"cells": told, "benchmarks": BENCHMARKS, "confidence": 0.9}
        job = Job("collect", identity, "0", self.root / out, inputs or self.inputs)
        job.begin()
        collect(job)
        return job.out

    def rows(self, cell: str, seed: int, benchmark: str, parser: str) -> pd.DataFrame:
        """The real test outcomes of a run on a benchmark, by item."""
        frame = self.frames[cell, seed]
        real = (frame["part"] == "test") & (frame["condition"] == "real")
        named = (frame["benchmark"] == benchmark) & (frame["parser"] == parser)
        return frame[real & named]


def partial(root: Path) -> Grid:
    """Untuned, shares 0 and 50 in three seeds, share 100 in seeds 0 and 2, `other` in seed 0."""
    made = Grid(root)
    made.add("untuned", 0)
    for cell, seeds in {"share-0": 3, "share-50": 3, "share-100": 3, "other": 1}.items():
        for seed in range(seeds):
            if (cell, seed) != ("share-100", 1):
                made.add(cell, seed)
    return made


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """A partial grid for one test alone."""
    return partial(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Grid, Path]:
    """A partial grid and its summary folder, only to be read."""
    made = partial(tmp_path_factory.mktemp("results"))
    return made, made.collect()


def pick(frame: pd.DataFrame, **where: Any) -> pd.Series:
    where = {"part": "test", "condition": "real"} | where
    for key, value in where.items():
        frame = frame[frame[key] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_groups_take_headline_benchmarks_of_one_modality() -> None:
    found = {g.name: (g.modality, g.members) for g in groups(BENCHMARKS)}
    assert found == {
        "text average": ("text", ("t_capital",)),
        "vision average": ("vision", ("v_colour", "v_flag")),
        "taught by: pictures": ("vision", ("v_colour", "v_flag")),
    }


def test_collect_tables_have_their_columns(done: tuple[Grid, Path]) -> None:
    _, out = done
    for name, columns in COLUMNS.items():
        assert list(pd.read_csv(out / f"{name}.csv").columns) == columns


def test_collect_scores_equal_the_outcomes(done: tuple[Grid, Path]) -> None:
    grid, out = done
    scores = pd.read_csv(out / "scores.csv")
    for parser in ("strict", "lenient", "argmax"):
        rows = grid.rows("share-50", 1, "v_flag", parser)
        row = pick(scores, cell="share-50", seed=1, benchmark="v_flag", parser=parser)
        expected = accuracy(rows["correct"], rows["cluster"])
        assert row["value"] == pytest.approx(expected.value, rel=1e-5)
        assert row["standard_error"] == pytest.approx(expected.standard_error, rel=1e-5)
        assert row["invalid_rate"] == pytest.approx(rows["invalid"].mean(), rel=1e-5)
        assert (row["n"], row["chance"], row["metric"]) == (8, 0.25, "accuracy")


def test_collect_average_weighs_benchmarks_equally(done: tuple[Grid, Path]) -> None:
    grid, out = done
    scores = pd.read_csv(out / "scores.csv")
    parts = [grid.rows("share-0", 2, name, "strict") for name in ("v_colour", "v_flag")]
    row = pick(scores, cell="share-0", seed=2, benchmark="vision average", parser="strict")
    assert row["value"] == pytest.approx(np.mean([p["correct"].mean() for p in parts]), rel=1e-5)
    # Clusters c0 to c4 span both benchmarks: residual sums add up over them. An item deviates from
    # its own benchmark's mean, for which benchmarks there are is no accident.
    residual = pd.concat([(p["correct"] - p["correct"].mean()) / (2 * len(p)) for p in parts])
    sums = residual.groupby(pd.concat([p["cluster"] for p in parts])).sum()
    assert row["standard_error"] == pytest.approx(np.sqrt(5 / 4 * (sums**2).sum()), rel=1e-4)
    assert row["n"] == 12
    tagged = pick(scores, cell="share-0", seed=2, benchmark="taught by: pictures", parser="strict")
    assert tagged["value"] == row["value"]
    assert not (scores["benchmark"] == "taught by: text").any()


def test_collect_intervals_use_the_seeds_that_are_done(done: tuple[Grid, Path]) -> None:
    grid, out = done
    intervals = pd.read_csv(out / "intervals.csv")
    rows = [grid.rows("share-100", seed, "t_capital", "argmax") for seed in (0, 2)]
    frame = pd.concat([r.assign(seed=s) for r, s in zip(rows, (0, 2), strict=True)])
    expected = mean_interval(
        frame["seed"], frame["cluster"], np.ones(len(frame)), frame["correct"], 0.9
    )
    row = pick(intervals, cell="share-100", benchmark="t_capital", parser="argmax")
    for key in ("value", "low", "high"):
        assert row[key] == pytest.approx(getattr(expected, key), rel=1e-4)
    assert (row["seeds"], row["clusters"], row["n"]) == (2, 5, 6)
    assert row["covers"] == "seeds and items"
    untuned = pick(intervals, cell="untuned", benchmark="text average", parser="strict")
    assert untuned["covers"] == "items only (one seed)"
    assert np.isnan(untuned["text_share"])


def test_collect_contrasts_pair_seeds_and_items(done: tuple[Grid, Path]) -> None:
    grid, out = done
    contrasts = pd.read_csv(out / "contrasts.csv")
    for reference, seeds in {
        "share-0": (0, 1, 2),
        "share-100": (0, 2),
        "untuned": (0, 1, 2),
    }.items():
        pairs = []
        for seed in seeds:
            other_seed = 0 if reference == "untuned" else seed
            own = grid.rows("share-50", seed, "v_flag", "strict")
            other = grid.rows(reference, other_seed, "v_flag", "strict").set_index("item")
            difference = own["correct"] - other["correct"].loc[own["item"]].to_numpy()
            pairs.append(own.assign(seed=seed, difference=difference))
        frame = pd.concat(pairs)
        expected = mean_interval(
            frame["seed"], frame["cluster"], np.ones(len(frame)), frame["difference"], 0.9
        )
        where = {"cell": "share-50", "reference": reference, "benchmark": "v_flag"}
        row = pick(contrasts, parser="strict", **where)
        assert row["difference"] == pytest.approx(expected.value, rel=1e-4, abs=1e-9)
        assert row["low"] == pytest.approx(expected.low, rel=1e-4)
        assert row["high"] == pytest.approx(expected.high, rel=1e-4)
        assert row["seeds"] == len(seeds)


def test_collect_contrast_of_equal_outcomes_is_zero_and_says_nothing(grid: Grid) -> None:
    for seed in range(3):
        grid.add("share-50", seed, grid.frames["share-0", seed])
    contrasts = pd.read_csv(grid.collect() / "contrasts.csv", dtype=str, keep_default_na=False)
    row = pick(
        contrasts,
        cell="share-50",
        reference="share-0",
        benchmark="vision average",
        parser="strict",
    )
    assert (row["difference"], row["low"], row["high"]) == ("0", "", "")
    assert row["covers"] == "nothing (no variation seen)"


def test_collect_contrasts_compare_within_an_experiment(done: tuple[Grid, Path]) -> None:
    _, out = done
    contrasts = pd.read_csv(out / "contrasts.csv")
    found = set(contrasts[["cell", "reference"]].itertuples(index=False, name=None))
    assert found == {
        ("share-0", "untuned"),
        ("share-0", "share-100"),
        ("share-50", "untuned"),
        ("share-50", "share-0"),
        ("share-50", "share-100"),
        ("share-100", "untuned"),
        ("share-100", "share-0"),
        ("other", "untuned"),
    }


def test_collect_compares_every_tuned_cell_with_a_released_model(grid: Grid) -> None:
    released = {**CELLS[0], "cell": "released_x", "kind": "released"}
    grid.add("released_x", 0)
    out = grid.collect("with", cells=[*CELLS, released])
    contrasts = pd.read_csv(out / "contrasts.csv")
    with_it = contrasts[contrasts["reference"] == "released_x"]
    assert set(with_it["cell"]) == {"share-0", "share-50", "share-100", "other"}
    assert not contrasts["cell"].str.startswith("released").any()
    where = {"cell": "share-50", "benchmark": "v_flag", "parser": "strict"}
    assert pick(with_it, **where)["seeds"] == 3


def test_collect_blank_condition_exists_for_vision_only(done: tuple[Grid, Path]) -> None:
    _, out = done
    scores = pd.read_csv(out / "scores.csv")
    blank = scores[scores["condition"] == "blank"]
    assert set(blank["benchmark"]) == {
        "v_colour",
        "v_flag",
        "vision average",
        "taught by: pictures",
    }
    assert set(blank["part"]) == {"dev"}


def test_collect_tokens_keep_every_digit_and_add_a_total(done: tuple[Grid, Path]) -> None:
    _, out = done
    tokens = pd.read_csv(out / "tokens.csv", keep_default_na=False)
    run = tokens[(tokens["cell"] == "share-50") & (tokens["seed"] == 1)]
    assert list(run["source"]) == ["null", "flags", "total"]
    total = run.iloc[2]
    assert total["text_tokens"] == 12_345_680
    assert (total["examples"], total["steps"], total["modality"]) == (500, 25, "all")
    assert total["epochs"] == 500 / 400
    assert "untuned" not in set(tokens["cell"])


def test_collect_cells_show_the_holes(done: tuple[Grid, Path]) -> None:
    _, out = done
    cells = pd.read_csv(out / "cells.csv", dtype=str, keep_default_na=False)
    found = cells.set_index("cell")[["kind", "seeds_planned", "seeds_done", "text_share"]]
    assert list(found.loc["share-100"]) == ["tuned", "0;1;2", "0;2", "1"]
    assert list(found.loc["other"]) == ["tuned", "0;1;2", "0", "0.5"]
    assert list(found.loc["untuned"]) == ["untuned", "0", "0", ""]


def test_collect_signal_is_that_of_the_curves_cells(done: tuple[Grid, Path]) -> None:
    _, out = done
    signal = pd.read_csv(out / "signal.csv", keep_default_na=False, na_values=[""])
    assert set(signal["cells"]) == {3}
    assert all(cell.startswith("share-") for cell in {*signal["best_cell"], *signal["worst_cell"]})
    intervals = pd.read_csv(out / "intervals.csv")
    row = signal[(signal["benchmark"] == "text average") & (signal["parser"] == "strict")].iloc[0]
    asked = {"benchmark": "text average", "part": "test", "condition": "real", "parser": "strict"}
    own = intervals[(intervals[list(asked)] == pd.Series(asked)).all(axis=1)].set_index("cell")
    spread = own.loc[row["best_cell"], "value"] - own.loc[row["worst_cell"], "value"]
    assert row["spread"] == pytest.approx(spread, abs=1e-5)


def test_collect_compute_is_outside_the_record(done: tuple[Grid, Path]) -> None:
    _, out = done
    record = read_record(out)
    assert sorted(record["outputs"]) == [
        "answers.csv",
        "benchmarks.csv",
        "blocks.csv",
        "cells.csv",
        "contamination.csv",
        "contrasts.csv",
        "flips.parquet",
        "forgetting.csv",
        "intervals.csv",
        "losses.csv",
        "scores.csv",
        "scores_clean.csv",
        "signal.csv",
        "sums.parquet",
        "ties.csv",
        "tokens.csv",
    ]
    assert record["facts"] == {"runs_done": 10, "runs_planned": 13}
    compute = pd.read_csv(out / "compute.csv")
    assert set(compute["stage"]) == {"mixture", "scores"}
    assert set(compute["tokens_per_s"]) == {640}
    assert len(compute) == 19


def test_collect_input_and_row_order_do_not_matter(grid: Grid, tmp_path: Path) -> None:
    one = grid.collect("one")
    shuffled = Grid(tmp_path / "again")
    for (cell, seed), frame in reversed(grid.frames.items()):
        shuffled.add(cell, seed, frame.sample(frac=1, random_state=seed))
    two = shuffled.collect("two")
    for name in read_record(one)["outputs"]:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_collect_a_run_without_a_benchmark_has_no_average(grid: Grid) -> None:
    frame = grid.frames["share-50", 1]
    grid.add("share-50", 1, frame[frame["benchmark"] != "v_flag"])
    intervals = pd.read_csv(grid.collect() / "intervals.csv")
    seeds = {
        name: pick(intervals, cell="share-50", benchmark=name, parser="strict")["seeds"]
        for name in ("v_flag", "vision average", "v_colour", "text average")
    }
    assert seeds == {"v_flag": 2, "vision average": 2, "v_colour": 3, "text average": 3}


def test_collect_condition_of_one_seed_stands_on_its_items_alone(grid: Grid) -> None:
    whole = pd.read_csv(grid.collect("whole") / "intervals.csv")
    grid.limit(0)
    out = grid.collect("limited")
    scores, intervals, contrasts = (
        pd.read_csv(out / f"{name}.csv") for name in ("scores", "intervals", "contrasts")
    )
    for condition in ("real", "blank"):
        frame = grid.frames["share-50", 0]
        rows = frame[
            (frame["benchmark"] == "v_flag")
            & (frame["part"] == "dev")
            & (frame["condition"] == condition)
            & (frame["parser"] == "strict")
        ]
        expected = mean_interval(
            np.zeros(len(rows)), rows["cluster"], np.ones(len(rows)), rows["correct"], 0.9
        )
        where = {"cell": "share-50", "part": "dev", "condition": condition, "parser": "strict"}
        row = pick(intervals, benchmark="v_flag", **where)
        for key in ("value", "low", "high"):
            assert row[key] == pytest.approx(getattr(expected, key), rel=1e-4)
        assert (row["seeds"], row["clusters"], row["n"]) == (1, 5, 8)
        assert row["covers"] == "items only (one seed)"
        average = pick(intervals, benchmark="vision average", **where)
        assert (average["seeds"], average["n"]) == (1, 12)
        for reference in ("share-0", "untuned"):
            paired = pick(contrasts, benchmark="v_flag", reference=reference, **where)
            assert (paired["seeds"], paired["n"]) == (1, 8)
    assert set(scores[scores["part"] == "dev"]["seed"]) == {0}
    # The part that all seeds are asked is what it was.
    tested = [frame[frame["part"] == "test"] for frame in (whole, intervals)]
    pd.testing.assert_frame_equal(*(frame.reset_index(drop=True) for frame in tested))
    cells = pd.read_csv(out / "cells.csv", dtype=str, keep_default_na=False).set_index("cell")
    assert cells.loc["share-50", "seeds_done"] == "0;1;2"


def test_collect_refuses_runs_with_different_items(grid: Grid) -> None:
    frame = grid.frames["share-50", 1]
    grid.add("share-50", 1, frame[frame["item"] != "v_flag-test-3"])
    message = "scores of share-50, seed 1: item 'v_flag-test-3' of v_flag (test/real/generate/"
    with pytest.raises(DataError, match=re.escape(message)):
        grid.collect()


def test_collect_refuses_runs_with_different_clusters(grid: Grid) -> None:
    frame = grid.frames["share-50", 1].copy()
    frame.loc[frame["item"] == "v_flag-test-3", "cluster"] = "c0"
    grid.add("share-50", 1, frame)
    with pytest.raises(DataError, match="item 'v_flag-test-3' of v_flag has different clusters"):
        grid.collect()


def test_collect_refuses_a_run_outside_the_study(grid: Grid) -> None:
    grid.add("share-50", 7)
    with pytest.raises(DataError, match="input 'scores:share-50:7' is no run of the study"):
        grid.collect()


def test_collect_refuses_an_unknown_benchmark(grid: Grid) -> None:
    grid.add("share-50", 1, grid.frames["share-50", 1].assign(benchmark="t_new"))
    with pytest.raises(DataError, match="scores name 't_new', which is no benchmark of the study"):
        grid.collect()


def test_collect_refuses_an_empty_grid(grid: Grid) -> None:
    with pytest.raises(DataError, match="no run of the study has scores yet"):
        grid.collect(inputs={"mixture:share-0:0": grid.inputs["mixture:share-0:0"]})


def test_collect_refuses_a_changed_file(grid: Grid) -> None:
    write_parquet(grid.inputs["scores:share-0:0"] / "items.parquet", outcomes(99))
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        grid.collect()


def test_collect_bands_hold_for_the_curve_at_once(done: tuple[Grid, Path]) -> None:
    _, out = done
    intervals = pd.read_csv(out / "intervals.csv")
    swept = intervals["cell"].isin(["share-0", "share-50", "share-100"])
    assert intervals.loc[~swept, ["band_low", "band_high"]].isna().all(axis=None)
    known = intervals[swept & intervals["low"].notna()]
    assert (known["band_low"] < known["low"]).all()
    assert (known["band_high"] > known["high"]).all()
    assert known["value"].to_numpy() == pytest.approx(
        known[["band_low", "band_high"]].mean(axis=1).to_numpy(), abs=1e-4
    )


def test_collect_contrasts_have_the_p_value_of_their_interval(done: tuple[Grid, Path]) -> None:
    _, out = done
    contrasts = pd.read_csv(out / "contrasts.csv").dropna(subset=["p"])
    outside = (contrasts["low"] > 0) | (contrasts["high"] < 0)
    assert outside.any()
    assert not outside.all()
    pd.testing.assert_series_equal(contrasts["p"] < 0.1, outside, check_names=False)


def test_collect_leaves_the_numbers_for_what_is_said_later(done: tuple[Grid, Path]) -> None:
    _, out = done
    cells = [Cell.of(cell) for cell in CELLS]
    results = read_results(out, cells, groups(BENCHMARKS))
    intervals = pd.read_csv(out / "intervals.csv")
    row = pick(intervals, cell="share-100", benchmark="vision average", parser="strict")
    found = interval(results.sample("share-100", "vision average", Key()), 0.9)
    for key in ("value", "low", "high"):
        assert row[key] == pytest.approx(getattr(found, key), rel=1e-4)
    assert (row["seeds"], row["n"]) == (found.seeds, found.n)


@pytest.mark.parametrize("credit", [np.nan, np.inf, 7.0, -0.1])
def test_collect_refuses_a_credit_that_is_no_number_from_0_to_1(grid: Grid, credit: float) -> None:
    frame = grid.frames["share-50", 1].copy()
    frame.loc[frame["item"] == "v_flag-test-3", "correct"] = credit
    grid.add("share-50", 1, frame)
    message = "scores of share-50, seed 1: item 'v_flag-test-3' of v_flag (test/real/generate/"
    with pytest.raises(DataError, match=re.escape(message)):
        grid.collect()


def test_collect_refuses_an_item_that_stands_twice(grid: Grid) -> None:
    frame = grid.frames["share-50", 1]
    twice = frame["item"] == "v_flag-test-3"
    grid.add("share-50", 1, pd.concat([frame, frame[twice]], ignore_index=True))
    with pytest.raises(DataError, match=r"item 'v_flag-test-3' of v_flag .* stands 2 times"):
        grid.collect()


def test_collect_one_cluster_has_no_interval_and_says_why(grid: Grid) -> None:
    for (cell, seed), frame in [*grid.frames.items()]:
        grid.add(cell, seed, frame.assign(cluster="c0"))
    out = grid.collect()
    for name in ("intervals", "contrasts"):
        found = pd.read_csv(out / f"{name}.csv")
        assert found["low"].isna().all()
        assert set(found["covers"]) == {"nothing (one cluster of items)"}
    assert pd.read_csv(out / "contrasts.csv")["p"].isna().all()
    assert pd.read_csv(out / "intervals.csv")["band_low"].isna().all()


def test_collect_one_seed_speaks_of_items_only(grid: Grid) -> None:
    one = {name: path for name, path in grid.inputs.items() if name.endswith(":0")}
    out = grid.collect(inputs=one)
    for name in ("intervals", "contrasts"):
        found = pd.read_csv(out / f"{name}.csv")
        assert set(found.loc[found["low"].notna(), "covers"]) == {"items only (one seed)"}
