"""Made-up results of a sweep, and claims about them as the grid resolves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlan.evidence.blocks import Block, Cell
from mlan.evidence.groups import Group
from mlan.evidence.results import Results

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
SEEDS = (0, 1, 2)
STRICT = ("generate", "strict", "real")


def cell(share: float) -> str:
    return f"text{100 * share:g}"


def results(
    curve: Mapping[float, float],
    *,
    seeds: Sequence[int] = SEEDS,
    clusters: int = 60,
    noise: float = 0.02,
    seed_sd: float = 0.002,
    lacking: Sequence[tuple[float, int]] = (),
    lenient: float = 0.0,
) -> Results:
    """Results of two benchmarks of the group `vision average` whose mean is the curve.

    `noise` is the sd of a cluster's score; it and the seed effects are centred, so that every
    cell's value over all seeds is the curve's to rounding. `lenient` is added under that parser.
    """
    cells = {cell(x): Cell(cell(x), "tuned", x, ("sweep",), tuple(seeds)) for x in curve}
    runs = [(cell(x), seed) for x in curve for seed in seeds]
    rng = np.random.default_rng(5)
    blocks: dict[tuple[str, ...], Block] = {}
    for name, lift in (("v_a", 0.1), ("v_b", -0.1)):
        for parser, more in (("strict", 0.0), ("lenient", lenient)):
            block = _block(name, parser, curve, runs, clusters, noise, seed_sd, lift + more, rng)
            present = [(x, s) not in lacking for x in curve for s in seeds]
            block.present[:] = present
            blocks[(name, "test", "real", "generate", parser)] = block
    group = Group("vision average", "vision", ("v_a", "v_b"))
    return Results(cells, tuple(runs), blocks, {group.name: group})


def _block(
    name: str,
    parser: str,
    curve: Mapping[float, float],
    runs: Sequence[tuple[str, int]],
    clusters: int,
    noise: float,
    seed_sd: float,
    lift: float,
    rng: np.random.Generator,
) -> Block:
    value = {cell(x): y for x, y in curve.items()}
    seeds = sorted({seed for _, seed in runs})
    rows = []
    for own in value:
        effects = rng.normal(0, 1, len(seeds))
        effects = seed_sd * (effects - effects.mean())
        for place, _ in enumerate(seeds):
            wobble = rng.normal(0, 1, clusters)
            wobble = noise * (wobble - wobble.mean())
            rows.append(value[own] + lift + effects[place] + wobble)
    scores_RG = np.array(rows)
    weights_G = np.full(clusters, 1 / clusters)
    return Block(
        name=(name, "vision", "test", "real", "generate", parser),
        present=np.ones(len(runs), dtype=bool),
        clusters=tuple(f"c{g:04d}" for g in range(clusters)),
        sums=scores_RG * weights_G,
        weights=weights_G,
        invalid=np.zeros(len(runs)),
        n=clusters,
        chance=0.25,
    )


def term(weight: float, share: float, score: str = "vision average") -> list[Any]:
    return [weight, cell(share), score, *STRICT]


def contrast(role: str, *terms: list[Any]) -> dict[str, Any]:
    return {"name": role, "role": role, "terms": list(terms)}


def difference(plus: float, minus: float, role: str = "difference") -> dict[str, Any]:
    return contrast(role, term(1, plus), term(-1, minus))


def claim(rule: str, contrasts: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """A resolved claim; `more` are its margin and whatever else differs."""
    given = {
        "id": "one",
        "sentence": "A claim.",
        "source": "ours",
        "family": "primary",
        "experiment": "sweep",
        "rule": rule,
        "score": "vision average",
        "scorer": "generate",
        "parser": "strict",
        "condition": "real",
        "margin": 0.0,
        "gain_margin": None,
        "at_most": None,
        "direction": None,
        "reason": "Because.",
        "expected": None,
        "estimand": "a number",
        "alpha": 0.05,
        "asked": {"experiment": "elsewhere", "rule": rule},
        "contrasts": list(contrasts),
        "seed_variance": "own",
        "pooled_over": [cell(share) for share in SHARES],
        "tokens": None,
        "cells": [],
        "seeds": list(SEEDS),
        "runnable": True,
        "why": "",
    }
    return given | more
