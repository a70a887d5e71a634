"""The Pareto front, and names that stand beside their points."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from mlan.report.front import front, steps
from mlan.report.labels import name_points

PLACES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8)


def test_front_known_answer() -> None:
    # Cheap and bad, dear and good stay; what is dearer and worse goes; equals stay.
    places = [(1, 10), (2, 30), (3, 20), (4, 40), (2, 30), (4, 39)]
    assert front(places) == [0, 1, 4, 3]


@given(PLACES)
def test_front_nothing_beats_what_stays_and_something_beats_what_goes(
    places: list[tuple[int, int]],
) -> None:
    def beats(one: tuple[int, int], other: tuple[int, int]) -> bool:
        return one != other and one[0] <= other[0] and one[1] >= other[1]

    kept = front(places)
    for i, place in enumerate(places):
        assert (i in kept) != any(beats(other, place) for other in places)


def test_steps_reach_a_score_only_where_it_is_paid_for() -> None:
    assert steps([(1, 10), (3, 20)], 5) == ([1, 3, 3, 5], [10, 10, 20, 20])
    assert steps([], 5) == ([], [])


def test_names_of_close_points_stand_apart_and_within_the_panel() -> None:
    figure = Figure(figsize=(3, 3), dpi=72)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    places = [(0.5, 0.5), (0.51, 0.5), (0.5, 0.52), (0.98, 0.98), (0.01, 0.5)]
    name_points(axes, places, ["10 %", "25 %", "50 %", "a-long-name", "0 %"], (216, 216))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    for box in boxes:
        assert 0 <= box.x0 <= box.x1 <= 216
        assert 0 <= box.y0 <= box.y1 <= 216
