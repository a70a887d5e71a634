"""Results with planted scores: what `read_results` returns, made up in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mlan.evidence.blocks import Block, Cell
from mlan.evidence.groups import groups
from mlan.evidence.results import Results

MEASURED = ("test", "real", "generate", "strict")
GROUPS = {"text": "text average", "vision": "vision average"}


def cells(shares: Sequence[float], seeds: Sequence[int] = (0, 1, 2)) -> list[Cell]:
    """One tuned cell a share, `text0` to `text100`."""
    return [
        Cell(f"text{100 * share:g}", "tuned", share, ("sweep",), tuple(seeds)) for share in shares
    ]


def results(
    planned: Sequence[Cell],
    outcomes: Mapping[str, NDArray[np.float64]],
    measures: Sequence[tuple[str, str, str, str]] = (MEASURED,),
    clusters: Mapping[str, Sequence[str]] | None = None,
) -> Results:
    """Results of benchmarks whose outcomes are given as (cells, seeds, clusters), one item each.

    A benchmark whose name begins with v is of vision; a seed with NaN was not run. The same
    outcomes stand under every measure.
    """
    runs = tuple((cell.name, seed) for cell in planned for seed in cell.seeds)
    blocks: dict[tuple[str, ...], Block] = {}
    for name, x_CSG in outcomes.items():
        x_RG = x_CSG.reshape(len(runs), -1)
        number = x_RG.shape[1]
        present_R = np.asarray(~np.isnan(x_RG).any(axis=1))
        own = (clusters or {}).get(name, [f"{name}/{g:05d}" for g in range(number)])
        for measure in measures:
            blocks[(name, *measure)] = Block(
                name=(name, _modality(name), *measure),
                present=present_R,
                clusters=tuple(own),
                sums=np.where(present_R[:, None], x_RG, 0.0) / number,
                weights=np.full(number, 1 / number),
                invalid=np.full(len(runs), math.nan),
                n=number,
                chance=0.25,
            )
    entries = {
        name: {"modality": _modality(name), "taught_by": None, "headline": True}
        for name in outcomes
    }
    found = {group.name: group for group in groups(entries) if group.name in GROUPS.values()}
    return Results({cell.name: cell for cell in planned}, runs, blocks, found)


def _modality(name: str) -> str:
    return "vision" if name.startswith("v") else "text"


def drawn(
    rng: np.random.Generator,
    truth: Sequence[float],
    seeds: int = 3,
    clusters: int = 60,
    seed_sd: float = 0.01,
    item_sd: float = 0.3,
    noise_sd: float = 0.3,
) -> NDArray[np.float64]:
    """Outcomes (C, S, G) around a truth per cell: seed, item (shared by all cells) and noise."""
    shape = (len(truth), seeds, clusters)
    return np.asarray(
        np.asarray(truth)[:, None, None]
        + seed_sd * rng.standard_normal((shape[0], seeds, 1))
        + item_sd * rng.standard_normal((1, 1, clusters))
        + noise_sd * rng.standard_normal(shape)
    )
