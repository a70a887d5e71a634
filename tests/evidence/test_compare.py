"""Paired differences between runs, cells and studies, and why there is none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mlan.evidence.compare import Difference, Side, common_cells, differences, unpaired_cells
from mlan.evidence.results import Key, Results
from tests.evidence import planted

SHARES = (0.0, 1.0)


def drawn(seed: int = 0, **changes: Any) -> NDArray[np.float64]:
    """Outcomes of two cells (cells, seeds, clusters)."""
    return planted.drawn(np.random.default_rng(seed), (0.4, 0.6), **changes)


def study(**outcomes: NDArray[np.float64]) -> Results:
    """Results of two cells on benchmarks with given outcomes."""
    x_CSG = next(iter(outcomes.values()))
    return planted.results(planted.cells(SHARES, range(x_CSG.shape[1])), outcomes)


def found(a: Side, b: Side) -> dict[str, Difference]:
    """Differences by score."""
    return {one.score: one for one in differences(a, b, Key())}


def test_two_runs_are_a_paired_t_test_on_items() -> None:
    x_CSG = drawn()
    results = study(text=x_CSG)
    told = found(Side(results, "text0", 1), Side(results, "text100", 1))
    one = told["text"].interval
    assert one is not None
    reference = stats.ttest_rel(x_CSG[1, 1], x_CSG[0, 1]).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx((reference.low, reference.high))
    assert one.covers == "items only (one seed)"
    assert told["text"].value == pytest.approx(x_CSG[0, 1].mean())
    assert told["text"].other_value == pytest.approx(x_CSG[1, 1].mean())
    assert list(told) == ["text average", "text"]


def test_two_seeds_of_one_cell_are_two_runs() -> None:
    x_CSG = drawn()
    results = study(text=x_CSG)
    one = found(Side(results, "text0", 0), Side(results, "text0", 2))["text"].interval
    assert one is not None
    assert one.value == pytest.approx(x_CSG[0, 2].mean() - x_CSG[0, 0].mean())
    assert one.seeds == 1


def test_two_cells_are_compared_on_the_seeds_that_both_have() -> None:
    x_CSG = drawn()
    x_CSG[0, 2] = math.nan
    results = study(text=x_CSG)
    told = found(Side(results, "text0"), Side(results, "text100"))["text"]
    assert told.interval is not None
    assert told.interval.seeds == 2
    assert told.interval.value == pytest.approx(x_CSG[1, :2].mean() - x_CSG[0, :2].mean())
    assert told.interval.covers == "seeds and items"
    swapped = found(Side(results, "text100"), Side(results, "text0"))["text"].interval
    assert swapped is not None
    assert swapped.value == pytest.approx(-told.interval.value)


def test_two_studies_with_the_same_items_are_paired() -> None:
    a, b = study(text=drawn(0)), study(text=drawn(1))
    told = found(Side(a, "text0", items=(("text", "d1"),)), Side(b, "text0"))["text"]
    assert told.interval is not None
    assert told.why == ""
    digests = [(("text", name),) for name in ("d1", "d2")]
    other = found(Side(a, "text0", items=digests[0]), Side(b, "text0", items=digests[1]))
    assert other["text"].interval is None
    assert other["text"].why == other["text average"].why == "other items (text)"


def test_other_clusters_or_metric_are_no_pairs() -> None:
    a, b = study(text=drawn()), study(text=drawn(clusters=59))
    assert found(Side(a, "text0"), Side(b, "text0"))["text"].why == "other items (text)"
    blocks = {name: replace(block, metric="f1") for name, block in a.blocks.items()}
    told = found(Side(a, "text0"), Side(replace(a, blocks=blocks), "text0"))
    assert told["text"].why == "other items (text)"


def test_what_one_side_lacks_is_told() -> None:
    a = study(text=drawn(), vision=drawn(1))
    b = study(text=drawn(), text_more=drawn(2))
    told = {score: one.why for score, one in found(Side(a, "text0"), Side(b, "text0")).items()}
    assert told == {
        "text average": "averages other benchmarks",
        "vision average": "not in B",
        "text": "",
        "vision": "not in B",
        "text_more": "not in A",
    }


def test_missing_scores_and_seeds_are_told() -> None:
    x_CSG = drawn(seeds=2)
    x_CSG[0, 1] = x_CSG[1, 0] = math.nan
    results = study(text=x_CSG)
    apart = found(Side(results, "text0"), Side(results, "text100"))["text"]
    assert (apart.interval, apart.why) == (None, "no seed in common")
    assert apart.value == pytest.approx(x_CSG[0, 0].mean())
    absent = found(Side(results, "text0", 1), Side(results, "text100", 1))["text"]
    assert absent.why == "A has no score (generate/strict)"
    key = Key("label_logit", "argmax")
    (average, single) = differences(Side(results, "text0"), Side(results, "text100"), key)
    assert average.why == single.why == "A has no score (label_logit/argmax)"


def test_cells_of_equal_name_are_compared_and_others_told() -> None:
    x_CSG = drawn()
    a = study(text=x_CSG)
    b = planted.results(planted.cells((1.0, 0.5)), {"text": x_CSG})
    assert common_cells(a, b) == ["text100"]
    assert unpaired_cells(a, b) == (["text0"], ["text50"])
