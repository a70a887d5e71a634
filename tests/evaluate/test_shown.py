"""Other pictures, shuffled options and examples: drawn, and never the item's own."""

from __future__ import annotations

import logging
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlan.errors import DataError
from mlan.evaluate.shown import Examples, answer_of, other_pictures, shuffled


def table(*rows: tuple[str, str, str], form: str = "letter") -> pd.DataFrame:
    """Items of (picture, cluster, part)."""
    return pd.DataFrame(
        [
            {"id": f"i{n}", "image": image, "cluster": cluster, "part": part, "form": form}
            for n, (image, cluster, part) in enumerate(rows)
        ]
    )


def groups(items: pd.DataFrame) -> dict[str, int]:
    """Which pictures hang together, by walking from picture to cluster and back."""
    found: dict[str, int] = {}
    for start in items["image"]:
        if start in found:
            continue
        number, reached = len(set(found.values())), {start}
        while True:
            clusters = set(items[items["image"].isin(reached)]["cluster"])
            wider = set(items[items["cluster"].isin(clusters)]["image"])
            if wider == reached:
                break
            reached = wider
        found |= dict.fromkeys(reached, number)
    return found


ITEMS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=2, max_size=40)


@given(ITEMS, st.integers(0, 5))
def test_other_picture_is_a_permutation_without_own_group_where_there_is_one(
    pairs: list[tuple[int, int]], seed: int
) -> None:
    items = table(*((f"set/{image}", f"c{cluster}", "dev") for image, cluster in pairs))
    of = groups(items)
    if len(of) == 1:
        with pytest.raises(DataError, match="one picture in part dev, so there is no other one"):
            other_pictures(items, "sight", "dev", seed)
        return
    found = other_pictures(items, "sight", "dev", seed)
    assert sorted(found) == sorted(found.values()) == sorted(of)
    assert all(image != other for image, other in found.items())
    largest = max(Counter(of.values()).values())
    near = sum(of[image] == of[other] for image, other in found.items())
    # A permutation cannot do better: so many of the largest group have no foreign picture left.
    assert near == max(0, 2 * largest - len(of))
    again = other_pictures(items.sample(frac=1, random_state=1), "sight", "dev", seed)
    assert again == found


def test_other_pictures_are_drawn_by_the_seed_and_within_a_part() -> None:
    rows = [(f"set/{n}", f"c{n}", "dev" if n < 10 else "test") for n in range(40)]
    items = table(*rows, ("", "text", "dev"))
    dev = other_pictures(items, "sight", "dev", 0)
    assert set(dev) == set(dev.values()) == {f"set/{n}" for n in range(10)}
    assert len({str(other_pictures(items, "sight", "test", seed)) for seed in range(5)}) == 5


def test_other_pictures_of_one_cluster_are_told(caplog: pytest.LogCaptureFixture) -> None:
    items = table(*((f"set/{n}", "c0" if n < 3 else "c1", "test") for n in range(4)))
    with caplog.at_level(logging.WARNING):
        found = other_pictures(items, "sight", "test", 0)
    assert len(found) == 4
    assert "sight, part test: 2 of 4 other pictures are of the item's own cluster" in caplog.text


@given(st.integers(2, 26), st.text(min_size=1, max_size=8), st.integers(0, 99))
def test_shuffled_options_are_a_permutation_that_seed_and_item_decide(
    count: int, item: str, seed: int
) -> None:
    order = shuffled(count, item, seed)
    assert sorted(order) == list(range(count))
    assert order == shuffled(count, item, seed)


def test_every_order_of_options_comes_up() -> None:
    seen = Counter(tuple(shuffled(3, f"i{n}", 0)) for n in range(600))
    assert len(seen) == 6
    assert min(seen.values()) > 60
    assert len({tuple(shuffled(6, "i0", seed)) for seed in range(20)}) > 15


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_examples_are_of_the_dev_part_and_of_other_clusters(
    pairs: list[tuple[int, int]], number: int, seed: int
) -> None:
    rows = [
        (f"set/{image}", f"c{cluster}", "test" if n % 3 == 0 else "dev")
        for n, (image, cluster) in enumerate(pairs)
    ]
    items = table(*rows)
    shown = Examples(items, "sight", number, seed)
    for item in items.to_dict("records"):
        try:
            found = shown.before(item)
        except DataError:
            continue
        assert [e["part"] for e in found] == ["dev"] * number
        clusters, pictures = [e["cluster"] for e in found], [e["image"] for e in found]
        assert len(set(clusters)) == len(set(pictures)) == number
        assert item["cluster"] not in clusters
        assert item["image"] not in pictures
        assert found == Examples(items[::-1], "sight", number, seed).before(item)


def test_examples_are_the_same_for_all_items_of_other_clusters() -> None:
    rows = [("", f"c{n}", "dev") for n in range(8)] + [("", f"d{n}", "test") for n in range(20)]
    items = table(*rows)
    shown = Examples(items, "quiz", 3, 0)
    tests = [item for item in items.to_dict("records") if item["part"] == "test"]
    assert len({tuple(e["id"] for e in shown.before(item)) for item in tests}) == 1


def test_examples_of_the_asked_form_come_first() -> None:
    letters = table(*(("", f"c{n}", "dev") for n in range(6)))
    free = table(*(("", f"f{n}", "dev") for n in range(2)), form="brief").assign(id=["f0", "f1"])
    shown = Examples(pd.concat([letters, free]), "mixed", 3, 0)
    asked = {"id": "x", "image": "", "cluster": "x", "part": "test", "form": "brief"}
    assert [e["form"] for e in shown.before(asked)] == ["brief", "brief", "letter"]


def test_too_few_examples_are_one_line() -> None:
    items = table(("", "c0", "dev"), ("", "c1", "dev"), ("", "c2", "test"))
    shown = Examples(items, "quiz", 2, 0)
    assert len(shown.before(items.to_dict("records")[2])) == 2
    with pytest.raises(DataError) as caught:
        shown.before(items.to_dict("records")[0])
    assert caught.value.lines == (
        "data.benchmarks.quiz: item 'i0' is to follow 2 examples, but the dev part has 1 of other "
        "clusters",
    )


def test_no_examples_ask_nothing_of_the_dev_part() -> None:
    items = table(("", "c0", "test"))
    assert Examples(items, "quiz", 0, 0).before(items.to_dict("records")[0]) == []


def test_answer_of_an_example_is_the_letter_that_is_shown_or_the_usual_gold() -> None:
    item = {"golds": ["C"]}
    assert answer_of("letter", item, []) == "C"
    assert answer_of("letter", item, [2, 0, 1]) == "A"
    assert answer_of("letter", item, [1, 0, 2]) == "C"
    assert answer_of("brief", {"golds": ["cat", "dog", "dog", "cat", "cow"]}, []) == "cat"
    assert answer_of("brief", {"golds": ["cat", "dog", "dog"]}, []) == "dog"
