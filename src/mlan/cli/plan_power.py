"""What the claims of a study can detect as it is planned: a part of `mlan plan`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from mlan.cli.words import show, table
from mlan.cost.lengths import part_sizes
from mlan.errors import MlanError
from mlan.evidence.claims.families import BEFORE, Standing
from mlan.evidence.finished import is_finished, other_studies, read_finished
from mlan.evidence.groups import groups
from mlan.evidence.planned_power import COLUMNS, Row, power_rows
from mlan.evidence.power import GOAL, MOST_SEEDS
from mlan.evidence.variance_parts import BOTH, ITEMS, SEED_SD, Assumed, Finished, Planned, Source
from mlan.grid import Grid
from mlan.grid.claims import resolved_claims
from mlan.grid.ledger import registration

# Below so many decided claims, of those whose effect is expected as it is, nearly every verdict
# would be `undecided`.
_FEW = 0.25


def claim_power(grid: Grid) -> list[Row]:
    """Return what each claim of a study can detect (`power_rows`); none without claims.

    Raises IntegrityError for a ledger that was edited.
    """
    claims = resolved_claims(grid)
    if not claims:
        return []
    standing = Standing.of(registration(grid).plain())
    return list(power_rows(claims, _sources(grid), planned(grid), standing))


def planned(grid: Grid) -> Planned:
    """Return the planned test items of every benchmark and group, and cells without seeds."""
    items = {name: part_sizes(grid.config, name)["test"] for name in grid.config.data.benchmarks}
    for group in groups(json.loads(grid.identity("collect"))["benchmarks"]):
        items[group.name] = sum(items[name] for name in group.members)
    fixed = (c.name for c in grid.cells.values() if c.kind != "tuned" and len(c.seeds) == 1)
    return Planned(items, frozenset(fixed))


def _sources(grid: Grid) -> list[Source]:
    """Own results, those of other studies beside them, then assumptions."""
    studies = [(grid.root, None)] if is_finished(grid.root) else []
    found: list[Source] = []
    for folder, name in [*studies, *((f, f.name) for f in other_studies(grid.root))]:
        try:
            found.append(Finished(read_finished(folder), name))
        except (MlanError, OSError, ValueError, KeyError):
            continue  # being written, or of another version: a plan is made without it
    return [*found, Assumed()]


def plain_power(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON holds them: null for what is not known."""
    return [{name: _plain(row[name]) for name in COLUMNS} for row in rows]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_power(screen: Console, rows: Sequence[Row]) -> None:
    """Print a line a claim and what follows for the plan; nothing without claims."""
    if not rows:
        return
    shown = table("claim", "detects", "expected", "power", "seeds", "needed")
    section = None
    for row in rows:
        if math.isnan(row["level"]):
            continue
        if (row["family"], row["level"]) != section:
            section = row["family"], row["level"]
            shown.add_section()
            shown.add_row(f"{row['family']}, each at level {row['level']:.2g}")
        shown.add_row(_marked(row), *_columns(row))
    title = (
        f"What each claim can detect in {100 * GOAL:g} % of studies (points), its power at the "
        f"expected effect,\nand the seeds that {100 * GOAL:g} % would take (±: smallest margin "
        "within which no difference is shown)"
    )
    show(screen, title, shown)
    for line in power_lines(rows):
        screen.print(line)
    for line in unplanned_lines(rows):
        screen.print(line, soft_wrap=True)  # it may hold a command, to be copied whole
    screen.print()


def _marked(row: Row) -> str:
    """A claim's id, with how it was registered where that is not simply before scores."""
    how = str(row["registered"]).removeprefix(BEFORE).removeprefix("; ")
    return f"{row['id']} ({how})" if how else str(row["id"])


def _columns(row: Row) -> list[str]:
    sign = "±" if row["detects"] == "margin" else ""
    found = f"{sign}{_points(row['detectable'])}" if math.isfinite(row["detectable"]) else "nothing"
    seeds = str(row["seeds"])
    if row["expected"] is None:
        return [found, "-", "-", seeds, "-"]
    needed = row["seeds_needed"]
    return [
        found,
        _points(row["expected"]),
        f"{row['power_at_expected']:.2f}",
        seeds,
        f"> {MOST_SEEDS}" if math.isnan(needed) else f"{needed:.0f}",
    ]


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def power_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield where variances come from, and a warning if it is due."""
    known = [row for row in rows if not math.isnan(row["level"])]
    for name in dict.fromkeys(row["components"] for row in known):
        told = (
            f" (between seeds {SEED_SD:g}, of an item {ITEMS:g} on all seeds and {BOTH:g} on each; "
            "see docs/power.md)"
        )
        yield f"variances: {name}{told if name == Assumed.name else ''}"
    pooled = [row for row in known if row["pooled_over"]]
    if pooled:
        yield (
            f"seed variance: pooled over the curve's cells for {len(pooled)} of {len(known)} "
            "claims, where its checks pass (docs/calibration.md says what it relies on)"
        )
    powers = [row["power_at_expected"] for row in known]
    powers = [power for power in powers if not math.isnan(power)]
    if powers and sum(powers) < _FEW * len(powers):
        yield (
            "[yellow]warning[/yellow] nearly every verdict would be `undecided`: of "
            f"{len(powers)} claims with an expected effect about {sum(powers):.1f} would be "
            f"decided if all are true; {_seeds_for_half(known, len(powers))}"
        )


def unplanned_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield which claims are not planned for, a line a reason."""
    unplanned = [row for row in rows if math.isnan(row["level"])]
    for why in dict.fromkeys(row["components"] for row in unplanned):
        ids = [row["id"] for row in unplanned if row["components"] == why]
        yield f"not planned for: {', '.join(ids)}: {why}"


def _seeds_for_half(rows: Sequence[Row], claims: int) -> str:
    needed = sorted(row["seeds_needed"] for row in rows if not math.isnan(row["seeds_needed"]))
    half = math.ceil(claims / 2)
    if len(needed) >= half:
        return f"half of them reach {100 * GOAL:g} % with {needed[half - 1]} seeds"
    return (
        f"no {MOST_SEEDS} seeds bring half of them to {100 * GOAL:g} %: it takes more items, wider "
        "margins or fewer claims a family"
    )
