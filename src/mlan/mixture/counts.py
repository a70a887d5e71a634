"""Exact integer counts: how many examples of each source make up a mixture."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction


def largest_remainder(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Split `total` in proportion to `weights` by the largest-remainder (Hamilton) method.

    Every count is the exact quota rounded down or up, and the counts sum to `total`. Ties go
    to the name that stands first. Raises ValueError for a negative total or weight, or for
    no positive weight with a positive total.
    """
    if total < 0 or any(w < 0 for w in weights.values()):
        raise ValueError(f"negative total or weight: {total}, {dict(weights)}")
    exact = {name: Fraction(str(w)) for name, w in weights.items()}
    whole = sum(exact.values(), Fraction(0))
    if whole == 0:
        if total:
            raise ValueError(f"{total} examples, but no source has a positive weight")
        return dict.fromkeys(weights, 0)
    quota = {name: total * w / whole for name, w in exact.items()}
    counts = {name: int(q) for name, q in quota.items()}
    order = sorted(quota, key=lambda name: counts[name] - quota[name])  # stable: ties by place
    for name in order[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def mixture_counts(
    instances: int, text_share: float, text: Mapping[str, float], vision: Mapping[str, float]
) -> dict[str, int]:
    """Return examples per source: round(instances x share) text ones, the rest vision.

    Halves round to the even number, as Python does. Sources with a count of zero are left out.
    """
    text_total = round(Fraction(str(text_share)) * instances)
    counts = {
        **largest_remainder(text_total, text if text_total else {}),
        **largest_remainder(instances - text_total, vision if text_total < instances else {}),
    }
    assert sum(counts.values()) == instances, (counts, instances)
    return {name: n for name, n in counts.items() if n}
