"""Order of the pictures of stage 1."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mlan.train.align import _order


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40),
    steps=st.integers(1, 20),
    batch=st.integers(1, 8),
    seed=st.integers(0, 3),
)
def test_all_pictures_are_shown_equally_often(lengths, steps, batch, seed):
    order = _order(lengths, {"steps": steps, "batch": batch}, seed)
    shown = Counter(order)
    assert len(order) == steps * batch
    assert max(shown.values()) - min(shown.get(p, 0) for p in range(len(lengths))) <= 1


def test_names_of_a_step_are_of_neighbouring_lengths():
    lengths = [1 + number % 4 for number in range(64)]
    order = _order(lengths, {"steps": 8, "batch": 8}, seed=1)
    steps = [[lengths[p] for p in order[i : i + 8]] for i in range(0, 64, 8)]
    assert all(len(set(step)) == 1 for step in steps)
    assert [step[0] for step in steps] != sorted(step[0] for step in steps)
