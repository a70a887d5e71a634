"""Intervals, verdicts and power where little is known: few clusters, few seeds, a fixed cell.

    .venv/bin/python benchmarks/calibration_limits.py [--studies 4000] [--only averages]

Beside `calibration.py`, whose designs are what a study is made of, the edges of what can be told:

    averages  coverage of the 95 % interval of the mean of two benchmarks, one of few clusters
    plateaus  how often cells that are all equal are called different (a plateau contradicted), at
              5 % alone and at 1 %, the first step of five, where the variance of a mean over seeds
              is so many times that over items; a quarter of the studies, for these are slow
    fixed     power of a comparison with a model that no seed changes, at the effect that is said
              to be seen in 80 %, planned on a finished study of so many seeds

Every study goes through the real functions. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlan.evidence.blocks import Block, Cell
from mlan.evidence.claims.rules import outcome
from mlan.evidence.intervals import interval
from mlan.evidence.power import Test, detectable
from mlan.evidence.results import Key, Results, results_of
from mlan.evidence.samples import Sample, combine, from_sums
from mlan.evidence.variance_parts import Finished, Planned

Row = dict[str, Any]
LARGE = 400  # clusters of one item of the other benchmark
FEW = 200  # items of the benchmark of few clusters
SPREAD, NOISE = 0.2, 0.3
ALPHA, CLAIMS = 0.05, 5
SHARED_OWN = ((0.0, 0.03), (0.03, 0.03), (0.05, 0.02))
CELLS, ITEMS = 6, 480
MEASURED = ("v", "generate", "strict", "real")
FROM_FIXED = [[1.0, "c0", *MEASURED], [-1.0, "fixed", *MEASURED]]


def averages(studies: int) -> list[Row]:
    """Coverage with 2 to 20 clusters of one benchmark, with one seed and with three."""
    found = []
    for clusters, seeds in itertools.product((2, 5, 10, 20), (1, 3)):
        rng, held, df = np.random.default_rng([1, clusters, seeds]), 0, []
        for _ in range(studies):
            few = _answers(rng, clusters, FEW // clusters, seeds)
            large = _answers(rng, LARGE, 1, seeds)
            one = interval(combine([(0.5, _benchmark("a", few)), (0.5, _benchmark("b", large))]))
            held += one.low <= 0.5 <= one.high
            df.append(one.df)
        row = {"clusters": clusters, "seeds": seeds, "coverage": held / studies}
        found.append({**row, "median df": float(np.median(df))})
    return found


def _answers(rng: np.random.Generator, clusters: int, items: int, seeds: int) -> Any:
    """Right answers (S, G) over all items; seeds vary by .02 where there are several."""
    chance_SG = 0.5 + np.clip(SPREAD * rng.standard_normal(clusters), -0.45, 0.45)[None, :]
    chance_SG = chance_SG + (seeds > 1) * 0.02 * rng.standard_normal((seeds, 1))
    return rng.binomial(items, np.clip(chance_SG, 0, 1)) / (clusters * items)


def _benchmark(name: str, sums_SG: Any) -> Sample:
    seeds, clusters = sums_SG.shape
    names = [f"{name}{g:03d}" for g in range(clusters)]
    return from_sums(range(seeds), sums_SG, np.full(clusters, 1 / clusters), names, (name, 1))


def plateaus(studies: int) -> list[Row]:
    """How often equal cells are found to differ, for cells, seeds and what seeds vary."""
    found = []
    for cells, seeds, ratio in itertools.product((4, 6), (3, 5), (1, 4, 8)):
        rng = np.random.default_rng([2, cells, seeds, ratio])
        p = np.array([_contradicts(rng, cells, seeds, ratio) for _ in range(max(1, studies // 4))])
        row = {"cells": cells, "seeds": seeds, "seeds / items": ratio}
        found.append({**row, "at 5 %": float(np.mean(p <= ALPHA))})
        found[-1]["at 1 %"] = float(np.mean(p <= ALPHA / CLAIMS))
    return found


def _contradicts(rng: np.random.Generator, cells: int, seeds: int, ratio: float) -> float:
    """The p value against a plateau of equal cells within next to nothing."""
    items_C1G = rng.standard_normal((cells, 1, 60))
    own_CSG = items_C1G + math.sqrt(ratio * seeds / 60) * rng.standard_normal((cells, seeds, 1))
    scores = [_benchmark("v", x_SG / 60) for x_SG in own_CSG]
    between = [combine([(1, a), (-1, b)]) for a, b in itertools.combinations(scores, 2)]
    return outcome({"rule": "plateau", "margin": 1e-9}, {"pair": between}).p_opposite


def fixed(studies: int) -> list[Row]:
    """Power beside a cell that no seed changes; every plan is tried on ten new studies."""
    found = []
    for (shared, own), seeds in itertools.product(SHARED_OWN, (3, 5, 40)):
        rng, supported = np.random.default_rng([3, seeds, int(100 * shared)]), []
        for _ in range(max(1, studies // 10)):
            finished = Finished(_study(rng, seeds, shared, own), "another")
            parts = finished.parts(FROM_FIXED, Planned({"v": ITEMS}, frozenset({"fixed"})))
            assert parts is not None, "all was measured"
            seen = detectable(Test((parts,), np.array([[1.0, -1.0]]), 0.0, None, ALPHA), 3)
            for _ in range(10):
                new = _study(rng, 3, shared, own, cells=1)
                scores = [new.sample(cell, "v", Key()) for cell in ("c0", "fixed")]
                one = interval(combine([(1.0, scores[0]), (-1.0, scores[1])]))
                supported.append(one.p_above(-seen) <= ALPHA)
        row = {"shared sd": f"{shared:g}", "own sd": f"{own:g}", "planned on": f"{seeds} seeds"}
        found.append({**row, "power": float(np.mean(supported))})
    return found


def _study(
    rng: np.random.Generator, seeds: int, shared: float, own: float, cells: int = CELLS
) -> Results:
    """A study whose cells are all worth the same; seeds move all of them, and each."""
    items_G = SPREAD * rng.standard_normal(ITEMS)
    seeds_CS1 = shared * rng.standard_normal((1, seeds, 1)) + own * rng.standard_normal(
        (cells, seeds, 1)
    )
    x_CSG = items_G + seeds_CS1 + NOISE * rng.standard_normal((cells, seeds, ITEMS))
    x_RG = np.vstack([x_CSG.reshape(-1, ITEMS), items_G + NOISE * rng.standard_normal((1, ITEMS))])
    names = [f"c{c}" for c in range(cells)]
    planned = [Cell(name, "tuned", 0.0, ("sweep",), tuple(range(seeds))) for name in names]
    planned.append(Cell("fixed", "untuned", None, (), (0,)))
    block = Block(
        name=("v", "vision", "test", "real", "generate", "strict"),
        present=np.ones(len(x_RG), dtype=np.bool_),
        clusters=tuple(f"{g:03d}" for g in range(ITEMS)),
        sums=x_RG / ITEMS,
        weights=np.full(ITEMS, 1 / ITEMS),
        invalid=np.zeros(len(x_RG)),
        n=ITEMS,
        chance=0.25,
    )
    runs = [(cell.name, seed) for cell in planned for seed in cell.seeds]
    return results_of(planned, runs, [block], [])


TABLES: dict[str, Callable[[int], list[Row]]] = {
    "averages": averages,
    "plateaus": plateaus,
    "fixed": fixed,
}


def table(found: Sequence[Row]) -> str:
    """Rows as Markdown."""
    lines = ["| " + " | ".join(found[0]) + " |", "|" + "---|" * len(found[0])]
    for row in found:
        cells = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure all tables, or one, and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=4000, help="studies of each row")
    parser.add_argument("--only", choices=list(TABLES), help="one table")
    arguments = parser.parse_args()
    start = time.perf_counter()
    told: Row = {"studies": arguments.studies}
    for name, measure in TABLES.items():
        if arguments.only in (None, name):
            found = measure(arguments.studies)
            print(table(found), end="\n\n", flush=True)
            told[name] = found
    print(json.dumps({**told, "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
