"""With a GPU the next step's data is under way while this step runs, in the same order."""

from __future__ import annotations

import threading

import pytest
import torch

from mlan.train.ahead import ahead


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_order_is_kept(device: str) -> None:
    assert list(ahead(lambda n: n * n, range(5), device)) == [0, 1, 4, 9, 16]
    assert list(ahead(lambda n: n, [], device)) == []


def test_next_is_made_while_this_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def make(number: int) -> int:
        made[number].set()
        return number

    for number in ahead(make, range(3), "cuda"):
        if number < 2:
            assert made[number + 1].wait(10)


def test_on_a_cpu_it_is_made_when_asked_for_in_this_thread() -> None:
    made = []

    def make(number: int) -> int:
        made.append((number, threading.current_thread()))
        return number

    for number in ahead(make, range(3), "cpu"):
        assert made == [(n, threading.current_thread()) for n in range(number + 1)]
    assert len(made) == 3


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_is_made_has_no_history(device: str) -> None:
    weight = torch.ones(1, requires_grad=True)
    assert not next(ahead(lambda n: weight * n, [1], device)).requires_grad


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_mistake_is_raised_at_its_turn(device: str) -> None:
    def make(number: int) -> int:
        if number == 1:
            raise ValueError("no such row")
        return number

    coming = ahead(make, range(3), device)
    assert next(coming) == 0
    with pytest.raises(ValueError, match="no such row"):
        next(coming)
