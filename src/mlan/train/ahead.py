"""Prepare the next step's data in a thread while this step runs; order and bits are unchanged."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def ahead(make: Callable[[int], T], numbers: Iterable[int]) -> Generator[T]:
    """Yield `make(number)` for each number in turn, the next one always under way.

    One thread, one number at a time: `make` may keep state. What it raises is raised here, when
    its turn comes.
    """

    def quietly(number: int) -> T:
        with torch.no_grad():  # the mode belongs to a thread
            return make(number)

    with ThreadPoolExecutor(1, "data") as thread:
        coming: Future[T] | None = None
        for number in numbers:
            ready, coming = coming, thread.submit(quietly, number)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()
