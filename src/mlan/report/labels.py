"""Where the names of points stand so that they cover neither points nor one another.

Model: sizes are estimated in points of print before anything is drawn, from the size of the panel
and the length of each name; a name takes the first of a few places around its point where it covers
least. Places depend on the input alone, not on a renderer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from matplotlib.axes import Axes

_LETTER, _HEIGHT = 0.6, 1.2  # of the font size, as letters of the house font come out
_ANGLES = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_RADII = (5.0, 11.0, 18.0, 26.0)
_MARK = 4.0  # half of a marker
_GAP = 8.0  # between names on one line, so that each is seen to belong to its own point
_THREAD = 8.0  # a name farther away than this is tied to its point

Box = tuple[float, float, float, float]


def name_points(
    axes: Axes,
    places: Sequence[tuple[float, float]],
    names: Sequence[str],
    panel_pt: tuple[float, float],
    others: Sequence[tuple[float, float]] = (),
    fontsize: float = 6.5,
) -> None:
    """Write `names` beside `places` (data coordinates); `panel_pt` is the panel's size in points.

    Call it when the limits of the axes are final. `others` are points that names should not cover
    either.
    """
    marks = [_to_print(axes, place, panel_pt) for place in places]
    taken = [_mark(x, y) for x, y in (*marks, *(_to_print(axes, p, panel_pt) for p in others))]
    for (x, y), place, name in zip(marks, places, names, strict=True):
        size = (_LETTER * fontsize * len(name), _HEIGHT * fontsize)
        free = [
            (sum(_overlap(box, other) for other in taken), rank, box)
            for rank, box in enumerate(_around(x, y, size, panel_pt))
        ]
        _, _, box = min(free)
        taken.append((box[0] - _GAP, box[1], box[2] + _GAP, box[3]))
        middle = ((box[0] + box[2]) / 2 - x, (box[1] + box[3]) / 2 - y)
        far = max(abs(middle[0]) - size[0] / 2, abs(middle[1]) - size[1] / 2) > _THREAD
        axes.annotate(
            *(name, place),
            xytext=middle,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=fontsize,
            zorder=5,
            arrowprops={"arrowstyle": "-", "lw": 0.3, "shrinkB": 2} if far else None,
        )


def along(corners: Sequence[tuple[float, float]], each: int = 6) -> list[tuple[float, float]]:
    """Return points on a line through some corners, `each` a stretch, that names should not cover.

    The corners themselves are left out.
    """
    return [
        (a[0] + (b[0] - a[0]) * step / (each + 1), a[1] + (b[1] - a[1]) * step / (each + 1))
        for a, b in pairwise(corners)
        for step in range(1, each + 1)
    ]


def _to_print(
    axes: Axes, place: tuple[float, float], panel_pt: tuple[float, float]
) -> tuple[float, float]:
    limits = (axes.get_xlim(), axes.get_ylim())
    x, y = (
        size * (value - low) / (high - low)
        for value, (low, high), size in zip(place, limits, panel_pt, strict=True)
    )
    return x, y


def _mark(x: float, y: float) -> Box:
    return x - _MARK, y - _MARK, x + _MARK, y + _MARK


def _around(
    x: float, y: float, size: tuple[float, float], panel_pt: tuple[float, float]
) -> Iterator[Box]:
    """Boxes of a name around a point, near ones first, all within the panel."""
    wide, high = size
    for radius in _RADII:
        for right, up in _ANGLES:
            left = x + right * radius - wide * (1 - right) / 2
            low = y + up * radius - high * (1 - up) / 2
            left = min(max(left, 0), panel_pt[0] - wide)
            low = min(max(low, 0), panel_pt[1] - high)
            yield left, low, left + wide, low + high


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0
