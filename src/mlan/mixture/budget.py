"""Arm `tokens`: how many examples a cell may have, so that cells are equal in LM tokens.

A share is of examples, and a picture's example is longer than a text's, so cells of equal tokens
differ in examples and steps. The number of examples is the one whose tokens come nearest to the
budget; counts per source follow from it as in the arm `instances`, and so does the nested draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from mlan.errors import DataError
from mlan.mixture.counts import mixture_counts
from mlan.mixture.draw import prefix

# Tokens of one example of a source, image tokens counted.
Length = Callable[[str, str], int]


def token_counts(
    budget: int,
    text_share: float,
    text: Mapping[str, float],
    vision: Mapping[str, float],
    totals: Mapping[str, Totals],
) -> dict[str, int]:
    """Return examples per source of the mixture whose tokens are nearest to `budget`, at least one.

    Of two that are equally near it is the smaller. What is left over or above is at most half of
    what the next example adds. (More, where largest remainders take one example of a source back
    to give one to two others, which needs three sources of a modality.)
    """

    def counts(instances: int) -> dict[str, int]:
        return mixture_counts(instances, text_share, text, vision)

    def tokens(instances: int) -> int:
        return sum(totals[source].of(count) for source, count in counts(instances).items())

    above = 1
    while tokens(above) < budget:
        above *= 2
    below = above // 2
    while above - below > 1:  # tokens(below) < budget <= tokens(above)
        middle = (below + above) // 2
        below, above = (middle, above) if tokens(middle) < budget else (below, middle)
    near = range(max(1, below), above + 1)
    return counts(min(near, key=lambda instances: abs(tokens(instances) - budget)))


class Totals:
    """Tokens of the first uses of one source in a run's draw, gone through again if need be."""

    def __init__(self, source: str, pool: Sequence[str], seed: int, length: Length) -> None:
        self._source, self._pool, self._seed, self._length = source, pool, seed, length
        self._sums = [0]

    def of(self, count: int) -> int:
        """Return the tokens of the first `count` uses. Raises DataError for an empty source."""
        if count >= len(self._sums):
            if not self._pool:
                raise DataError(f"source {self._source!r} has no examples")
            uses = prefix(self._source, self._pool, count, self._seed)
            lengths = (self._length(use.source, use.example) for use in uses)
            self._sums = [0, *accumulate(lengths)]
        return self._sums[count]
