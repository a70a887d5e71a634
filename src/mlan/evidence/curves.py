"""Which cells make the curve of score against text share, one rule for figures and statistics.

Model: a cell is on the curve if it is tuned, belongs to the experiment that varies the share
(`sweep`, else the first experiment that is named) and no earlier cell has its share. Other tuned
cells differ in more than the share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlan.evidence.blocks import Cell

SWEEP = "sweep"


def on_curve(shares: Sequence[float], experiments: Sequence[Sequence[str]]) -> list[int]:
    """Return which of some tuned cells make the curve, by rising share.

    `shares` and the names of their `experiments` are in the order of the study.
    """
    firsts = [names[0] for names in experiments if names]
    swept = SWEEP if any(SWEEP in names for names in experiments) else "".join(firsts[:1])
    found: dict[float, int] = {}
    for place, (share, names) in enumerate(zip(shares, experiments, strict=True)):
        if swept in names:
            found.setdefault(round(share, 8), place)
    return [found[share] for share in sorted(found)]


def curve(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the cells of the curve, by rising share; `cells` in the order of the study."""
    tuned = [cell for cell in cells if cell.text_share is not None]
    shares = [cell.text_share or 0.0 for cell in tuned]
    return tuple(tuned[place] for place in on_curve(shares, [cell.experiments for cell in tuned]))
