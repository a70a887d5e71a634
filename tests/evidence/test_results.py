"""Numbers looked up by cell and measure, in memory and from disk, against arrays made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlan.errors import DataError, IntegrityError
from mlan.evidence.blocks import Block, Cell
from mlan.evidence.groups import Group
from mlan.evidence.intervals import interval
from mlan.evidence.results import Key, Results, read_results, results_of, write_results
from mlan.evidence.samples import Sample, combine
from mlan.records import write_record

CELLS = [
    Cell("untuned", "untuned", None, (), (0,)),
    Cell("text0", "tuned", 0.0, ("sweep",), (0, 1, 2)),
    Cell("text50", "tuned", 0.5, ("sweep",), (0, 1, 2)),
    Cell("NA", "tuned", 1.0, ("sweep",), (0, 1)),
]
RUNS = [("untuned", 0), ("text0", 0), ("text0", 1), ("text0", 2), ("text50", 1), ("NA", 0)]
GROUPS = [Group("vision average", "vision", ("flags", "null"))]
# Pictures p1 and p2 are in both benchmarks.
CLUSTERS = {"flags": ("p1", "p2", "p3"), "null": ("p1", "p2")}
KEY = Key()
EASY = {"flags": 0.8, "null": 0.3}


def block(name: str, absent: tuple[int, ...] = (), parser: str = "strict") -> Block:
    rng = np.random.default_rng(len(name))
    clusters = CLUSTERS[name]
    present_R = np.array([row not in absent for row in range(len(RUNS))])
    sums_RG = rng.integers(0, 3, (len(RUNS), len(clusters))) / (2 * len(clusters))
    return Block(
        name=(name, "vision", "test", "real", "generate", parser),
        present=present_R,
        clusters=clusters,
        sums=np.where(present_R[:, None], sums_RG, 0.0),
        weights=np.full(len(clusters), 1 / len(clusters)),
        invalid=np.zeros(len(RUNS)),
        n=2 * len(clusters),
        chance=0.25 if name == "flags" else math.nan,
    )


@pytest.fixture
def results() -> Results:
    return results_of(CELLS, RUNS, [block("flags"), block("null", absent=(3,))], GROUPS)


def test_sample_is_the_cells_rows_by_seed(results: Results) -> None:
    found = results.sample("text0", "flags", KEY)
    assert found.seeds == (0, 1, 2)
    assert found.values == pytest.approx(block("flags").sums[1:4].sum(axis=1))
    assert found.items == {("flags", 6)}
    # The second benchmark has no third seed.
    assert results.sample("text0", "null", KEY).seeds == (0, 1)


def test_sample_of_a_group_is_the_mean_of_its_benchmarks(results: Results) -> None:
    found = results.sample("text0", "vision average", KEY)
    both = [results.sample("text0", name, KEY) for name in ("flags", "null")]
    expected = combine([(0.5, one) for one in both])
    assert found.seeds == (0, 1)
    assert found.values == pytest.approx(expected.values)
    assert found.clusters.tolist() == ["p1", "p2", "p3"]
    assert found.residuals == pytest.approx(expected.residuals)
    assert found.items == {("flags", 6), ("null", 4)}
    assert found.n == 10
    assert interval(found).low == pytest.approx(interval(expected).low)


def test_what_every_run_starts_from_is_fixed(results: Results) -> None:
    base = results.sample("untuned", "flags", KEY)
    assert base.fixed
    assert not results.sample("text50", "flags", KEY).fixed
    moved = combine([(1.0, results.sample("text0", "flags", KEY)), (-1.0, base)])
    assert moved.seeds == (0, 1, 2)


def test_has_says_what_can_be_asked(results: Results) -> None:
    assert results.has("text0", "vision average", KEY)
    assert not results.has("text0", "flags", Key("label_logit", "argmax"))
    assert not results.has("unknown", "flags", KEY)
    missing = results_of(CELLS, RUNS, [block("flags", absent=(4,)), block("null")], GROUPS)
    assert not missing.has("text50", "flags", KEY)
    assert not missing.has("text50", "vision average", KEY)
    assert missing.has("text50", "null", KEY)


def test_chance_is_that_of_the_block(results: Results) -> None:
    assert results.chance("flags", KEY) == 0.25
    assert math.isnan(results.chance("vision average", KEY))


def written(folder: Path, results: Results) -> None:
    files = write_results(folder, results.runs, results.blocks.values())
    write_record(folder, stage="collect", identity={}, code="", inputs={}, outputs=files)


def test_results_come_back_from_disk_as_they_were(results: Results, tmp_path: Path) -> None:
    written(tmp_path, results)
    again = read_results(tmp_path, CELLS, GROUPS)
    assert again.runs == results.runs
    assert list(again.blocks) == list(results.blocks)
    for name, one in results.blocks.items():
        two = again.blocks[name]
        assert (two.name, two.clusters, two.n, two.metric) == (
            one.name,
            one.clusters,
            one.n,
            one.metric,
        )
        assert two.chance == pytest.approx(one.chance, nan_ok=True)
        np.testing.assert_array_equal(two.present, one.present)
        np.testing.assert_array_equal(two.sums, one.sums)
        np.testing.assert_array_equal(two.weights, one.weights)
    assert again.sample("NA", "vision average", KEY).values == pytest.approx(
        results.sample("NA", "vision average", KEY).values
    )


def test_results_of_equal_scores_are_equal_bytes(results: Results, tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / name, results)
    for name in ("blocks.csv", "sums.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_results_refuse_a_changed_file(results: Results, tmp_path: Path) -> None:
    written(tmp_path, results)
    path = tmp_path / "blocks.csv"
    path.write_text(path.read_text().replace("flags", "flag"))
    with pytest.raises(IntegrityError, match="differs from what its record says"):
        read_results(tmp_path, CELLS, GROUPS)


def sample(results: Results, cell: str, score: str, key: Key = KEY) -> Sample:
    return results.sample(cell, score, key)


@pytest.mark.parametrize(
    ("cell", "score", "key", "message"),
    [
        ("text5", "flags", KEY, "'text5' is no cell of the study; did you mean 'text50'"),
        ("text0", "flag", KEY, "'flag' is no benchmark or group; did you mean 'flags'"),
        (
            "text0",
            "vision average",
            Key("label_logit", "argmax"),
            "flags was not measured as test/real/label_logit/argmax",
        ),
        (
            "NA",
            "null",
            KEY,
            "cell NA has no scores on null (test/real/generate/strict) yet",
        ),
    ],
)
def test_results_refuse(cell: str, score: str, key: Key, message: str) -> None:
    made = results_of(CELLS, RUNS, [block("flags"), block("null", absent=(5,))], GROUPS)
    with pytest.raises(DataError) as raised:
        sample(made, cell, score, key)
    assert message in str(raised.value)


def test_benchmarks_of_other_difficulty_add_no_error() -> None:
    # Each benchmark has one rate for all its clusters: new items would give the same mean.
    easy, hard = (
        replace(block("null"), name=(name, *block("null").name[1:]), sums=np.full((6, 2), rate / 2))
        for name, rate in EASY.items()
    )
    both = results_of(CELLS, RUNS, [replace(easy, clusters=("q1", "q2")), hard], GROUPS)
    found = interval(both.sample("text0", "vision average", KEY))
    assert (found.value, found.standard_error) == (pytest.approx(0.55), 0)
    assert found.covers == "nothing (no variation seen)"
