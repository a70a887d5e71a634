"""Intervals, claims and power on simulated studies whose truth is known.

    .venv/bin/python benchmarks/calibration.py [--replicates 4000] [--only 3x60] [--jobs 2]

Every row is a design: seeds, items, clusters, seed variance equal or not, seed effects of
neighbouring cells independent or shared. Six cells as in the study `small`; answers are 0 or 1.
Told for each: coverage of the 95 % interval over ten contrasts (smallest and largest); the chance
that any of five claims at the boundary of its null is supported (Holm), and of the likeliest one
alone at 5 %; power where `mlan.evidence.power` promises 80 %, for superiority, cliff and plateau;
how often a cliff of twice the detectable size is found, and a flat curve called a cliff. Beside
them coverage and family-wise error with Satterthwaite's degrees of freedom. Then simultaneous
bands over all cells (`joint`), and the same with `seed_variance: pooled` (over the six cells where
the checks of `pooling` pass, else the contrast's own). In every row some studies go through the
real functions (`interval`, the claims' rules, `holm`) and must agree. Ends with one JSON line, with
Wilson's 95 % intervals (`..._interval`) of extremes, each of its row alone, not the worst of many.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlan.contrasts import cliff, pairs, slope
from mlan.evidence.claims.rules import outcome
from mlan.evidence.intervals import interval
from mlan.evidence.joint import joint
from mlan.evidence.multiple import holm, wilson
from mlan.evidence.pooling import pooled
from mlan.evidence.power import GOAL, Test, detectable
from mlan.evidence.samples import Sample, combine, from_sums
from mlan.evidence.simulate import Design, Estimates, checked, draw, estimates

SHARES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
INTERIOR = SHARES[1:5]
# The interior spans the margin of the plateau exactly, so that the plateau is at its boundary.
MEANS = (0.46, 0.50, 0.485, 0.47, 0.48, 0.42)
MARGIN = 0.03
ALPHA, CLAIMS = 0.05, 5
EQUAL, UNEQUAL = (0.03,) * 6, (0.06, 0.01, 0.01, 0.01, 0.01, 0.06)
SHARED = 0.8
BATCH = 3_000_000  # outcomes in memory at once
EASY = ("single", "equal", "own")
CHECKED = 3  # studies of a row that go through the real functions
BANDS = 400  # studies of a row whose bands are drawn

# Contrasts: the four bounded claims, then the pairs of the plateau.
NAMES = ("non_inferiority", "superiority", "cliff", "trend")
WEIGHTED = (
    [(1.0, 0.75), (-1.0, 0.25)],
    [(1.0, 0.75), (-1.0, 0.0)],
    cliff(1.0, INTERIOR),
    slope(INTERIOR),
    *pairs(INTERIOR),
)
COLUMNS = (
    *("seeds", "items", "clusters", "seed sd", "neighbours", "cover min", "cover max"),
    *("family", "alone", "power sup", "power cliff", "power flat", "cliff x2", "flat cliff"),
    *("S cover", "S family"),
)
# With `seed_variance: pooled`; `if passed`: family-wise error among the studies that pass.
POOLED = (
    *("passes", "P cover min", "P cover max", "P family", "if passed", "P alone"),
    *("P power sup", "P power cliff", "P power flat", "sees", "P sees"),
)


@dataclass(frozen=True)
class Row:
    """A design with the words that name it."""

    design: Design
    sd: str
    neighbours: str
    sizes: str
    seed: int

    @property
    def items(self) -> int:
        """Items of a score."""
        return sum(self.design.sizes)


def contrasts() -> np.ndarray[Any, Any]:
    """The weights of all contrasts (K, C)."""
    weights_KC = np.zeros((len(WEIGHTED), len(SHARES)))
    for row_C, weighted in zip(weights_KC, WEIGHTED, strict=True):
        for weight, share in weighted:
            row_C[SHARES.index(share)] += weight
    return weights_KC


def sizes(items: int, kind: str) -> tuple[int, ...]:
    """Items of each cluster: singles, 1 to 5, or few and very unequal (1 to 32)."""
    if kind == "single":
        return (1,) * items
    cycle = (1, 2, 3, 4, 5) if kind == "1 to 5" else (1, 2, 4, 8, 16, 32)
    return cycle * max(1, round(items / sum(cycle)))


def rows() -> list[Row]:
    """All designs: those that are asked for, then some that are hard on purpose."""
    found = []
    for seeds, items, kind, sd, shared in itertools.product(
        (3, 5), (60, 500, 5000), ("single", "1 to 5"), ("equal", "unequal"), (0.0, SHARED)
    ):
        found.append(_row(seeds, items, kind, sd, shared, len(found)))
    for seeds, items in itertools.product((3, 5), (60, 500)):
        found.append(_row(seeds, items, "1 to 32", "equal", 0.0, len(found)))
    return found


def _row(seeds: int, items: int, kind: str, sd: str, shared: float, seed: int) -> Row:
    chosen = EQUAL if sd == "equal" else UNEQUAL
    design = Design(MEANS, chosen, seeds, sizes(items, kind), shared)
    return Row(design, sd, "shared" if shared else "own", kind, seed)


def satterthwaite(
    v_seeds: Any, v_items: Any, v_both: Any, df_seeds: float, df_clusters: float
) -> tuple[Any, Any]:
    """The textbook's degrees of freedom, for comparison."""
    total = np.maximum(v_seeds + v_items - v_both, np.maximum(v_seeds, v_items))
    return total, total**2 / (v_seeds**2 / df_seeds + v_items**2 / df_clusters)


def family(found: Estimates, truth_K: Any) -> Any:
    """P values (R, 5) of the five claims, each at the boundary of its null."""
    bounded = found.p_above(truth_K)[:, : len(NAMES)]
    plateau = found.p_within(MARGIN)[:, len(NAMES) :].max(axis=1)
    return np.column_stack([bounded, plateau])


def promised(row: Row, cells: int = 0) -> dict[str, float]:
    """What `power` says is detectable at Holm's first level; `cells`: pooled over, if any."""
    weights_KC, level = contrasts(), ALPHA / CLAIMS
    parts = [row.design.parts(weights_C) for weights_C in weights_KC]
    found = {
        name: detectable(
            Test((parts[k],), weights_KC[k : k + 1], 0.0, None, level, cells), row.design.seeds
        )
        for k, name in enumerate(NAMES)
    }
    first = len(NAMES)
    flat = Test(tuple(parts[first:]), weights_KC[first:], None, MARGIN, level, cells)
    return {**found, "plateau": detectable(flat, row.design.seeds)}


def measure(row: Row, replicates: int) -> dict[str, Any]:
    """Draw a row's studies and count."""
    rng = np.random.default_rng([2024, row.seed])
    weights_KC, truth_K = contrasts(), contrasts() @ np.array(MEANS)
    design, per_study = row.design, len(SHARES) * row.design.seeds * len(row.design.sizes)
    batch = max(1, min(replicates, BATCH // per_study))
    ours, theirs, pooling, passes = [], [], [], []
    for start in range(0, replicates, batch):
        sums = draw(design, min(batch, replicates - start), rng)
        if start == 0:
            few = sums[:CHECKED]
            pool = estimates(few, design.weights, weights_KC, pool=True)
            check(design, few, estimates(few, design.weights, weights_KC), pool)
        ours.append(estimates(sums, design.weights, weights_KC))
        theirs.append(estimates(sums, design.weights, weights_KC, satterthwaite))
        pooling.append(estimates(sums, design.weights, weights_KC, pool=True))
        passes.append(checked(sums)[2])
    own = counted(row, joined(ours), joined(theirs), truth_K)
    together = counted_pooled(row, joined(pooling), np.concatenate(passes), truth_K)
    return {**_told(row), **own, **together}


def joined(found: Sequence[Estimates]) -> Estimates:
    """Estimates of all batches."""
    return Estimates(
        *(
            np.concatenate([getattr(one, name) for one in found])
            for name in ("value", "error", "df")
        )
    )


def _told(row: Row) -> dict[str, Any]:
    return {
        "seeds": row.design.seeds,
        "items": row.items,
        "clusters": f"{len(row.design.sizes)} ({row.sizes})",
        "seed sd": row.sd,
        "neighbours": row.neighbours,
        "hard": row.sizes == "1 to 32",
    }


def counted(row: Row, ours: Estimates, theirs: Estimates, truth_K: Any) -> dict[str, float]:
    """The numbers of a row."""
    cover_K, level = ours.covers(truth_K).mean(axis=0), ALPHA / CLAIMS
    p_RF, theirs_RF = family(ours, truth_K), family(theirs, truth_K)
    effect = promised(row)
    return {
        "cover min": float(cover_K.min()),
        "cover max": float(cover_K.max()),
        "family": float(np.mean(p_RF.min(axis=1) <= level)),
        "alone": float((p_RF <= ALPHA).mean(axis=0).max()),
        "power sup": supported(ours, truth_K, effect, "superiority"),
        "power cliff": supported(ours, truth_K, effect, "cliff"),
        "power flat": shown_flat(ours, truth_K, effect),
        "cliff x2": supported(ours, truth_K, effect, "cliff", 2),
        "flat cliff": float(np.mean(p_RF[:, NAMES.index("cliff")] <= ALPHA)),
        "S cover": float(theirs.covers(truth_K).mean(axis=0).min()),
        "S family": float(np.mean(theirs_RF.min(axis=1) <= level)),
    }


def counted_pooled(row: Row, found: Estimates, passes_R: Any, truth_K: Any) -> dict[str, float]:
    """The numbers of a row with `seed_variance: pooled`."""
    cover_K, p_RF = found.covers(truth_K).mean(axis=0), family(found, truth_K)
    false_R = p_RF.min(axis=1) <= ALPHA / CLAIMS
    effect = promised(row, len(SHARES))
    return {
        "passes": float(passes_R.mean()),
        "P cover min": float(cover_K.min()),
        "P cover max": float(cover_K.max()),
        "P family": float(np.mean(false_R)),
        "if passed": float(np.mean(false_R[passes_R])) if passes_R.any() else math.nan,
        "P alone": float((p_RF <= ALPHA).mean(axis=0).max()),
        "P power sup": supported(found, truth_K, effect, "superiority"),
        "P power cliff": supported(found, truth_K, effect, "cliff"),
        "P power flat": shown_flat(found, truth_K, effect),
        "sees": promised(row)["superiority"],
        "P sees": effect["superiority"],
    }


def supported(
    found: Estimates, truth_K: Any, effect: dict[str, float], name: str, times: float = 1
) -> float:
    """How often a bounded claim is supported at Holm's first level if the effect is so large."""
    p_RK = found.p_above(truth_K - times * effect[name])
    return float(np.mean(p_RK[:, NAMES.index(name)] <= ALPHA / CLAIMS))


def shown_flat(found: Estimates, truth_K: Any, effect: dict[str, float]) -> float:
    """How often a flat interior is called a plateau at the margin that is promised."""
    flat = Estimates(found.value - truth_K, found.error, found.df)
    within_R = flat.p_within(effect["plateau"])[:, len(NAMES) :].max(axis=1)
    return float(np.mean(within_R <= ALPHA / CLAIMS))


def samples(design: Design, sums_CSG: Any) -> list[Sample]:
    """One simulated study as the scores of its cells."""
    names = [f"{g:05d}" for g in range(len(design.sizes))]
    items = ("items", sum(design.sizes))
    seeds = range(design.seeds)
    exact = sums_CSG.astype(np.float64)
    return [from_sums(seeds, own, design.weights, names, items) for own in exact]


def check(design: Design, sums: Any, own: Estimates, together: Estimates) -> None:
    """Hold both (`together`: pooled) against the real functions; AssertionError if they differ."""
    truth_K = contrasts() @ np.array(MEANS)
    p_RF = family(own, truth_K)
    for r, sums_CSG in enumerate(sums):
        cells = samples(design, sums_CSG)
        real = [
            combine([(weight, cells[c]) for c, weight in enumerate(weights_C) if weight])
            for weights_C in contrasts()
        ]
        seeds = pooled(cells)
        for k, (sample, weights_C) in enumerate(zip(real, contrasts(), strict=True)):
            variance = seeds.contrast(weights_C.tolist()) if seeds.passes else None
            for found, chosen in ((own, None), (together, variance)):
                one = interval(sample, seed_variance=chosen)
                got = (found.value[r, k], found.error[r, k], found.df[r, k])
                np.testing.assert_allclose(got, (one.value, one.standard_error, one.df), 1e-3, 1e-6)
        p = [_outcome(name, real[k], truth_K[k]) for k, name in enumerate(NAMES)]
        plateau = {"rule": "plateau", "margin": MARGIN, "direction": None}
        p.append(outcome(plateau, {"pair": real[len(NAMES) :]}).p)
        np.testing.assert_allclose(p_RF[r], p, 1e-2, 1e-6)
        any_supported = min(holm(p)) <= ALPHA
        assert any_supported == (min(p) <= ALPHA / CLAIMS), "Holm's first step"


def _outcome(name: str, sample: Sample, bound: float) -> float:
    """The p value of a bounded claim by its rule."""
    roles = {"cliff": "cliff", "trend": "slope"}
    margin = -bound if name == "non_inferiority" else bound
    claim = {"rule": name, "margin": margin, "direction": "rises"}
    given = {roles.get(name, "difference"): [sample], "level": [sample, sample], "drop": [sample]}
    return outcome(claim, given).p


def bands(row: Row, studies: int) -> dict[str, Any]:
    """Coverage of all cells at once by simultaneous intervals."""
    rng = np.random.default_rng([2025, row.seed])
    held = 0
    for sums_CSG in draw(row.design, studies, rng):
        found = joint(samples(row.design, sums_CSG))
        bounds = [found.band(place) for place in range(len(MEANS))]
        held += all(low <= mean <= high for (low, high), mean in zip(bounds, MEANS, strict=True))
    return {**_told(row), "bands": held / studies}


def within(rates: dict[str, float], studies: int) -> dict[str, Any]:
    """Wilson's intervals of rates that were counted over so many studies; none of NaN."""
    known = {name: round(rate * studies) for name, rate in rates.items() if math.isfinite(rate)}
    return {f"{name}_interval": wilson(count, studies) for name, count in known.items()}


def _call(job: tuple[Any, Row, int]) -> dict[str, Any]:
    function, row, studies = job
    return dict(function(row, studies))


def table(found: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as Markdown; shares without the leading 0."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in found:
        cells = [
            f"{value:.3f}".removeprefix("0") if isinstance(value, float) else str(value)
            for value in (row[column] for column in columns)
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdict(found: Sequence[dict[str, Any]], replicates: int) -> dict[str, Any]:
    """The line of JSON: extremes over the rows that are asked for, those of hard ones apart."""
    asked = [row for row in found if not row["hard"]]
    hard = [row for row in found if row["hard"]]
    powers = [row[name] for row in asked for name in ("power sup", "power cliff", "power flat")]
    rates = {
        "coverage_min": min(row["cover min"] for row in asked),
        "coverage_max": max(row["cover max"] for row in asked),
        "familywise_error": max(row["family"] for row in asked),
        "alone": max(row["alone"] for row in asked),
        "power": max(powers, key=lambda power: abs(power - GOAL)),
        "cliff_found": min(row["cliff x2"] for row in asked),
        "flat_called_cliff": max(row["flat cliff"] for row in asked),
    }
    return {
        **rates,
        **within(rates, replicates),
        "power_promised": GOAL,
        "satterthwaite_coverage_min": min(row["S cover"] for row in asked),
        "satterthwaite_familywise_error": max(row["S family"] for row in asked),
        "hard_coverage_min": min((row["cover min"] for row in hard), default=math.nan),
        "hard_familywise_error": max((row["family"] for row in hard), default=math.nan),
        **verdict_pooled(asked),
        "rows": len(found),
        "replicates": replicates,
    }


def verdict_pooled(asked: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The extremes with `seed_variance: pooled`, for each kind of seed variance."""
    found = {}
    for sd, neighbours in itertools.product(("equal", "unequal"), ("own", "shared")):
        rows_here = [r for r in asked if (r["seed sd"], r["neighbours"]) == (sd, neighbours)]
        for key, column, extreme in (
            ("coverage_min", "P cover min", min),
            ("familywise_error", "P family", max),
            ("familywise_error_if_passed", "if passed", max),
            ("alone", "P alone", max),
        ):
            found[f"pooled_{sd}_{neighbours}_{key}"] = extreme(r[column] for r in rows_here)
    return found


def main() -> None:
    """Measure all rows and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=4000, help="studies of each row")
    parser.add_argument("--only", help="SEEDSxITEMS, such as 3x60")
    parser.add_argument("--jobs", type=int, default=2, help="rows at once")
    arguments = parser.parse_args()
    start = time.perf_counter()
    chosen = [r for r in rows() if arguments.only in (None, f"{r.design.seeds}x{r.items}")]
    few = [r for r in chosen if r.items <= 500 and (r.sizes, r.sd, r.neighbours) == EASY]
    studies = min(BANDS, arguments.replicates)
    with multiprocessing.Pool(arguments.jobs) as pool:
        found = pool.map(_call, [(measure, r, arguments.replicates) for r in chosen], 1)
        banded = pool.map(_call, [(bands, r, studies) for r in few], 1)
    print(table(found, COLUMNS), end="\n\n")
    print(table(found, (*COLUMNS[:5], *POOLED)), end="\n\n")
    print(table(banded, (*COLUMNS[:5], "bands")), end="\n\n")
    lowest = {"bands_min": min((row["bands"] for row in banded), default=math.nan)}
    told = verdict(found, arguments.replicates) | lowest | within(lowest, studies)
    print(json.dumps({**told, "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
