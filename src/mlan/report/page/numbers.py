"""How the page writes numbers: scores as points, true minus signs, as many digits as they bear.

Not here: what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from mlan.report.tables import ABSENT, decimals

# Keeps a unit on the line of its number.
SPACE = "\N{NO-BREAK SPACE}"
PERCENT = f"{SPACE}%"


def signed(value: float, places: int = 1) -> str:
    """Return `+3.2`, `−0.5` or `0.0`."""
    if not math.isfinite(value):
        return ABSENT
    text = f"{value:+.{places}f}".replace("-", "−")
    return text[1:] if float(f"{value:.{places}f}") == 0 else text


def points(value: float, places: int = 1) -> str:
    """Return a fraction as a signed number of percentage points."""
    return signed(100 * value, places)


def plain(value: float, places: int = 1) -> str:
    """Return a number without a plus sign; `–` if there is none."""
    return f"{value:.{places}f}".replace("-", "−") if math.isfinite(value) else ABSENT


def places_of(low: float, high: float, level: float) -> int:
    """Decimals in per cent that an interval of a fraction bears (see `tables.decimals`)."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 1
    level = level if 0 < level < 1 else 0.95
    return decimals(50 * (high - low) / NormalDist().inv_cdf(0.5 + level / 2))


def p_value(p: float) -> str:
    """Return a p value with two digits, `< .001` below that."""
    if not math.isfinite(p):
        return ABSENT
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 0.1 else f"{p:.2f}".lstrip("0")


def p_equation(p: float) -> str:
    """Return `p = .029` or `p < .001`."""
    told = p_value(p)
    return f"p {told}" if told.startswith("<") else f"p = {told}"


def listed(words: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def percentages(values: Sequence[float]) -> str:
    """Return `50 %` or `50 to 95 %` for the range of some fractions."""
    found = sorted({f"{100 * value:g}" for value in values if math.isfinite(value)}, key=float)
    if not found:
        return ABSENT
    span = found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"
    return f"{span}{PERCENT}"


def each(values: Sequence[float]) -> str:
    """Return `25, 75 and 100 %` for some fractions, in their order, to a tenth of a per cent."""
    return f"{listed([f'{round(100 * value, 1):g}' for value in values])}{PERCENT}"


def duration(seconds: float) -> str:
    """Return seconds as `12 s`, `3.4 min` or `5.6 h`."""
    if not math.isfinite(seconds):
        return ABSENT
    if seconds < 60:
        return f"{seconds:.0f}{SPACE}s"
    minutes = seconds / 60
    return f"{minutes:.1f}{SPACE}min" if minutes < 60 else f"{minutes / 60:.1f}{SPACE}h"
