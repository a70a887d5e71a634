"""The nearest name: what is close enough, and which of several that are equally close."""

from __future__ import annotations

import pytest

from mlan.errors import nearest


@pytest.mark.parametrize(
    ("word", "allowed", "told"),
    [
        ("tinny", ("small", "tiny"), "did you mean 'tiny'?"),
        # All share five letters with the word: the one that begins like it is meant.
        ("text51", ("text25", "text50", "text75", "text95"), "did you mean 'text50'?"),
        ("xyz", ("small", "paper"), "allowed: paper, small"),
        ("xyz", (), "none is defined"),
    ],
)
def test_nearest_name(word: str, allowed: tuple[str, ...], told: str) -> None:
    assert nearest(word, allowed) == told
