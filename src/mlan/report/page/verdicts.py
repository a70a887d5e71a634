"""The claims as the page shows them: verdict, number with its interval, margin, what was visible.

Model: one entry a claim in the order of claims.csv, grouped by family; the intervals of all claims
that are differences of scores are drawn on one scale, so that they can be compared by eye. Not
here: the tests behind a verdict (`mlan.evidence.claims`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlan.evidence.claims.families import BEFORE
from mlan.report.page.evidence import Evidence, Row, number
from mlan.report.page.numbers import PERCENT, p_value, places_of, plain, points
from mlan.report.tables import ABSENT

VERDICTS = ("supported", "contradicted", "undecided", "not run", "withdrawn")
# Estimands that are no difference of scores.
_RATIOS = ("token_ratio",)
# Where the bounds of a rule lie, as multiples of its margin, by rule and direction.
_BOUNDS: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("superiority", ""): (1,),
    ("non_inferiority", ""): (-1,),
    ("equivalence", ""): (-1, 1),
    ("plateau", ""): (-1, 1),
    ("cliff", ""): (1,),
    ("trend", "rises"): (1,),
    ("trend", "falls"): (-1,),
    ("saturation", ""): (1,),
    ("interaction", "larger"): (1,),
    ("interaction", "equal"): (-1, 1),
}
_FALLS = "falls"
# Columns of claims.csv that hold the same contrast measured or averaged otherwise.
_OTHERWISE = {
    "value_lenient": "read leniently",
    "value_option": "by likelihood",
    "value_chance_corrected": f"{PERCENT[1:]} of the room above chance",
    "value_signal": "weighed by signal",
}
# Half the width of the drawn scale at most: one wide interval must not flatten all others.
_WIDEST = 0.4


@dataclass(frozen=True)
class Bar:
    """An interval on a scale of -1 to 1; NaN where it does not exist.

    `beyond` holds the ends, -1 and 1, past which it goes on; `off`: the value itself is past one.
    """

    value: float
    low: float
    high: float
    bounds: tuple[float, ...]
    beyond: tuple[int, ...]
    off: bool
    label: str


@dataclass(frozen=True)
class Verdict:
    """One claim, ready to be shown. `sortable` is the estimate as a number.

    `late` says what is not as it was registered before the first score; empty if all is.
    """

    id: str
    sentence: str
    source: str
    experiment: str
    rule: str
    score: str
    measure: str
    estimand: str
    verdict: str
    late: str
    estimate: str
    interval: str
    sortable: float
    margin: str
    reason: str
    p: str
    covers: str
    detectable: str
    planned: str
    why: str
    shown: str
    published: str
    otherwise: str
    cells: tuple[str, ...]
    bar: Bar | None


@dataclass(frozen=True)
class Family:
    """The claims that are adjusted together."""

    name: str
    claims: tuple[Verdict, ...]


def families(evidence: Evidence, cells: Mapping[str, Sequence[str]]) -> tuple[Family, ...]:
    """Return all claims by family, in the order of the file; `cells` are those of each claim."""
    power = {row["id"]: row for row in evidence.power}
    scale = _scale(evidence.claims)
    found: dict[str, list[Verdict]] = {}
    for row in evidence.claims:
        own = _verdict(row, power.get(row["id"], {}), tuple(cells.get(row["id"], ())), scale)
        found.setdefault(row["family"], []).append(own)
    return tuple(Family(name, tuple(claims)) for name, claims in found.items())


def counts(found: Sequence[Family]) -> dict[str, int]:
    """Return how many claims have each verdict, in the order of `VERDICTS`."""
    verdicts = [claim.verdict for family in found for claim in family.claims]
    return {name: verdicts.count(name) for name in VERDICTS if name in verdicts}


def _verdict(row: Row, power: Row, cells: tuple[str, ...], scale: float) -> Verdict:
    ratio = row["rule"] in _RATIOS
    value, low, high = (number(row[name]) for name in ("value", "low", "high"))
    level = number(row["level"])
    return Verdict(
        id=row["id"],
        sentence=row["sentence"] or row["id"],
        source=row["source"],
        experiment=row["experiment"],
        rule=row["rule"].replace("_", " "),
        score=row["score"],
        measure=", ".join(filter(None, (row["scorer"], row["parser"]))),
        estimand=row["estimand"],
        verdict=row["verdict"],
        late=_late(row["registered"]),
        estimate=_estimate(value, low, high, level, ratio),
        interval=_over_seeds(row, low, high) if ratio else _interval(low, high, level),
        sortable=value,
        margin=_margin(row, ratio),
        reason=row["reason"],
        p="exact" if ratio and math.isfinite(value) else p_value(number(row["p_adjusted"])),
        covers=_covers(row),
        detectable=_detectable(power),
        planned=_planned(power),
        why=row["why"],
        shown=row["shown"],
        published=_published(row.get("published", ""), ratio),
        otherwise=_otherwise(row),
        cells=cells,
        bar=None if ratio else _bar(row, value, low, high, scale),
    )


def _late(registered: str) -> str:
    """What follows `before scores` of a claim's registration, such as `on other seeds`."""
    return registered.removeprefix(BEFORE).removeprefix("; ")


def _estimate(value: float, low: float, high: float, level: float, ratio: bool) -> str:
    return plain(value, 2) if ratio else points(value, places_of(low, high, level))


def _over_seeds(row: Row, low: float, high: float) -> str:
    """The span of a ratio over seeds, where there are several."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if number(row["seeds"]) == 1:
        return "one seed"
    return f"{plain(low, 2)} to {plain(high, 2)} over seeds"


def _interval(low: float, high: float, level: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    places = places_of(low, high, level)
    at = f" ({100 * level:.3g}{PERCENT})" if math.isfinite(level) else ""
    return f"{points(low, places)} to {points(high, places)}{at}"


def _margin(row: Row, ratio: bool) -> str:
    margin = number(row["margin"])
    if not math.isfinite(margin):
        return ABSENT
    if ratio:
        return f"at most {margin:g}"
    size = f"{100 * margin:g}"
    below = f"−{size}" if margin else size
    sides = {(1,): f"above {size}", (-1,): f"above {below}", (-1, 1): f"within ±{size}"}
    return f"below {below}" if row["direction"] == _FALLS else sides.get(_sides(row), size)


def _sides(row: Row) -> tuple[int, ...]:
    return _BOUNDS.get((row["rule"], row["direction"]), ())


def _otherwise(row: Row) -> str:
    """The value under other measures and weights, as far as it was computed."""
    values = ((words, number(row.get(column))) for column, words in _OTHERWISE.items())
    return ", ".join(f"{points(value)} {words}" for words, value in values if math.isfinite(value))


def _covers(row: Row) -> str:
    if not row["covers"]:
        return ""
    seeds, items = number(row["seeds"]), number(row["n"])
    parts = [row["covers"]]
    if math.isfinite(seeds):
        parts.append(f"{seeds:.0f} seed{'s' if seeds != 1 else ''}")
    if math.isfinite(items):
        parts.append(f"{items:.0f} items")
    if (chosen := row.get("seed_variance", "own")) not in ("", "own"):
        parts.append(f"seed variance: {chosen}")
    return "; ".join(parts)


def _detectable(power: Row) -> str:
    """The smallest true value that would be seen, or the smallest margin that could be shown."""
    size = number(power.get("detectable"))
    if not math.isfinite(size):
        return ABSENT if math.isnan(size) else "nothing"
    return f"±{plain(100 * size)}" if power.get("detects") == "margin" else points(size)


def _planned(power: Row) -> str:
    """Where the variances come from that this stands on, and how many seeds it would take."""
    if math.isnan(number(power.get("detectable"))):
        return ""  # not planned for: why it was not run says so
    seeds = number(power["seeds_needed"])
    needed = f"; seeds for the expected effect: {seeds:.0f}" if math.isfinite(seeds) else ""
    return f"variances: {power['components']}{needed}"


def _published(text: str, ratio: bool) -> str:
    value = number(text)
    if not math.isfinite(value):
        return ""
    return plain(value, 2) if ratio else points(value)


def _scale(claims: Sequence[Row]) -> float:
    """Half the width of the common scale: the largest bound or margin, within `_WIDEST`."""
    found = [
        abs(size)
        for row in claims
        if row["rule"] not in _RATIOS
        for size in map(number, (row["value"], row["low"], row["high"], row["margin"]))
        if math.isfinite(size)
    ]
    return min(_WIDEST, max(found, default=1.0)) or 1.0


def _bar(row: Row, value: float, low: float, high: float, scale: float) -> Bar | None:
    if not math.isfinite(value):
        return None
    margin = number(row["margin"])
    bounds = _sides(row) if math.isfinite(margin) else ()
    far = [x / scale for x in (value, low, high)]
    drawn = [_clipped(x) for x in far]
    ends = tuple(end for end in (-1, 1) if any(end * x > 1 + 1e-9 for x in far))
    return Bar(
        value=drawn[0],
        low=drawn[1],
        high=drawn[2],
        bounds=tuple(_clipped(side * margin / scale) for side in bounds),
        beyond=ends,
        off=abs(far[0]) > 1 + 1e-9,
        label=f"{points(value)} points; bound {_margin(row, False)}",
    )


def _clipped(place: float) -> float:
    """A place on the scale, at its end if it lies beyond; NaN stays."""
    return max(-1.0, min(1.0, place)) if math.isfinite(place) else place
