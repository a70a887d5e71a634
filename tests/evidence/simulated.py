"""Results of a simulated study, as they would be read from its summary folder."""

from __future__ import annotations

import math

import numpy as np

from mlan.evidence.blocks import Block, Cell
from mlan.evidence.groups import Group
from mlan.evidence.results import Results
from mlan.evidence.simulate import Design, draw

NAMES = ("text0", "text50", "text100", "untuned")
SIZES = (1, 2, 3, 4, 5) * 40
KEY = ("test", "real", "generate", "strict")


def design(seeds: int, shared: float = 0.0) -> Design:
    """Three tuned cells and one that no seed changes."""
    return Design((0.5, 0.5, 0.5, 0.5), (0.03, 0.03, 0.03, 0.0), seeds, SIZES, shared)


def results(seeds: int, rng: int = 5, shared: float = 0.0) -> Results:
    """A study of one vision benchmark of 600 items; the last cell has one seed."""
    sums_CSG = draw(design(seeds, shared), 1, np.random.default_rng(rng))[0].astype(np.float64)
    runs = [(name, seed) for name in NAMES[:3] for seed in range(seeds)] + [("untuned", 0)]
    rows = [sums_CSG[NAMES.index(name), seed] for name, seed in runs]
    block = Block(
        name=("v_object", "vision", *KEY),
        present=np.ones(len(runs), dtype=np.bool_),
        clusters=tuple(f"{g:03d}" for g in range(len(SIZES))),
        sums=np.array(rows),
        weights=design(seeds).weights,
        invalid=np.zeros(len(runs)),
        n=sum(SIZES),
        chance=math.nan,
    )
    cells = {
        name: Cell(
            name,
            "untuned" if name == "untuned" else "tuned",
            None if name == "untuned" else 0.5 * k,
            ("sweep",),
            (0,) if name == "untuned" else tuple(range(seeds)),
        )
        for k, name in enumerate(NAMES)
    }
    average = Group("vision average", "vision", ("v_object",))
    return Results(cells, tuple(runs), {("v_object", *KEY): block}, {average.name: average})
