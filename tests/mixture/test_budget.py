"""Arm `tokens`: counts worked out by hand, the budget met, shares exact, draws nested."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.errors import DataError
from mlan.mixture.budget import Totals, token_counts
from mlan.mixture.draw import prefix
from tests.mixture.example import SOURCES, plan

Weights = Mapping[str, float]


def totals(lengths: Mapping[str, list[int]], seed: int = 0) -> dict[str, Totals]:
    """Sources of examples `<source>/<number>` with the given lengths."""

    def made(source: str, own: list[int]) -> Totals:
        pool = [f"{source}/{n}" for n in range(len(own))]
        return Totals(source, pool, seed, lambda _, name: own[int(name.rpartition("/")[2])])

    return {source: made(source, own) for source, own in lengths.items()}


@pytest.mark.parametrize(
    ("share", "budget", "text", "vision"),
    [
        (0.5, 200, 5, 5),  # 5 x 10 + 5 x 30
        (0.25, 200, 2, 6),  # 2 x 10 + 6 x 30
        (1, 200, 20, 0),
        (0, 200, 0, 7),  # 210 is nearer than 180
        (0, 195, 0, 6),  # 180 and 210 are equally near
        (0.5, 1, 0, 1),  # one example at least; half a text rounds to none
    ],
)
def test_examples_of_known_lengths_fill_the_budget(
    share: float, budget: int, text: int, vision: int
) -> None:
    lengths = {"words": [10] * 50, "pictures": [30] * 50}
    found = token_counts(budget, share, {"words": 1}, {"pictures": 1}, totals(lengths))
    assert found == {n: k for n, k in (("words", text), ("pictures", vision)) if k}


weights = st.dictionaries(
    st.sampled_from("abcd"), st.floats(0.01, 9).map(lambda w: round(w, 2)), min_size=1
)


@given(weights, weights, st.integers(0, 40), st.integers(1, 4000), st.integers(0, 9))
def test_budget_is_met_within_the_longest_example_at_the_exact_share(
    text: Weights, vision: Weights, fortieth: int, budget: int, seed: int
) -> None:
    text = {f"t{name}": weight for name, weight in text.items()}
    vision = {f"v{name}": weight for name, weight in vision.items()}
    draw = random.Random(seed)
    lengths = {n: [draw.randint(1, 90) for _ in range(7)] for n in (*text, *vision)}
    share, longest = fortieth / 40, max(max(own) for own in lengths.values())

    found = token_counts(budget, share, text, vision, totals(lengths, seed))

    used = 0
    for source, count in found.items():
        pool = [f"{source}/{n}" for n in range(7)]
        for use in prefix(source, pool, count, seed):
            used += lengths[source][int(use.example.rpartition("/")[2])]
    instances = sum(found.values())
    assert abs(used - budget) <= longest
    texts = sum(count for source, count in found.items() if source in text)
    assert abs(texts - share * instances) <= 0.5 + 1e-9
    for part, whole in ((text, texts), (vision, instances - texts)):
        for source, weight in part.items():
            quota = whole * weight / sum(part.values())
            assert abs(found.get(source, 0) - quota) < 1


@pytest.mark.parametrize("tokens", [400, 1500])
def test_cells_of_a_budget_differ_in_examples_and_steps_and_not_in_tokens(tokens: int) -> None:
    plans = {share: plan(share, tokens=tokens, repeat=True) for share in (0.0, 0.5, 1.0)}
    longest = max(int(table["tokens"].max()) for table in plans.values())
    for table in plans.values():
        assert abs(int(table["tokens"].sum()) - tokens) <= longest
        assert table["step"].max() + 1 == -(-len(table) // 8)
    assert len({len(table) for table in plans.values()}) == 3


def test_draw_of_a_budget_is_that_of_as_many_instances() -> None:
    table = plan(tokens=1000)
    pd.testing.assert_frame_equal(table, plan(instances=len(table)))


def test_larger_budget_holds_the_smaller_one() -> None:
    few, many = plan(tokens=600), plan(tokens=1200)
    columns = ["source", "example", "epoch"]
    assert few[columns].merge(many[columns]).shape[0] == len(few) < len(many)


def test_budget_that_a_source_cannot_fill_is_refused_unless_it_repeats() -> None:
    line = "source 'pictures' has 50 examples, the mixture asks for"
    with pytest.raises(DataError, match=line):
        plan(0.0, tokens=5000)
    assert plan(0.0, tokens=5000, repeat=True)["epoch"].max() >= 1
    with pytest.raises(DataError, match="source 'pictures' has no examples"):
        plan(0.0, tokens=500, sources={**SOURCES, "pictures": SOURCES["pictures"][:0]})
