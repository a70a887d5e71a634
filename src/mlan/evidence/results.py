"""The numbers of all finished runs, looked up by cell and by what was measured.

Model: `collect` leaves the cluster sums of every benchmark, part, condition, scorer and parser in
the summary folder (`write_results`); everything that is said about a study is said from there, in
seconds and without the runs (`read_results`). A group (`groups`) is the mean of its benchmarks.
Not here: what is compared, and what follows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mlan.errors import DataError, nearest
from mlan.evidence.blocks import NAMES, Block, Cell
from mlan.evidence.groups import Group
from mlan.evidence.samples import Sample, combine, from_sums
from mlan.records import checked, write_csv, write_parquet

BLOCKS, SUMS = "blocks.csv", "sums.parquet"


@dataclass(frozen=True)
class Key:
    """What a score is measured with."""

    scorer: str = "generate"
    parser: str = "strict"
    part: str = "test"
    condition: str = "real"

    @property
    def name(self) -> tuple[str, str, str, str]:
        """As blocks are named: part, condition, scorer, parser."""
        return self.part, self.condition, self.scorer, self.parser


@dataclass(frozen=True)
class Results:
    """Blocks of single benchmarks by (benchmark, part, condition, scorer, parser), and the cells.

    `runs` are (cell, seed) in the order of the blocks' rows.
    """

    cells: Mapping[str, Cell]
    runs: tuple[tuple[str, int], ...]
    blocks: Mapping[tuple[str, ...], Block]
    groups: Mapping[str, Group]

    def members(self, score: str) -> tuple[str, ...]:
        """The benchmarks behind a name: itself, or those of a group.

        Raises DataError for an unknown name.
        """
        if score in self.groups:
            return self.groups[score].members
        known = {name[0] for name in self.blocks}
        if score not in known:
            raise DataError(
                f"{score!r} is no benchmark or group; {nearest(score, [*self.groups, *known])}"
            )
        return (score,)

    def has(self, cell: str, score: str, key: Key) -> bool:
        """Whether a cell has the score on some seed."""
        blocks = [self.blocks.get((name, *key.name)) for name in self.members(score)]
        rows = [i for i, (own, _) in enumerate(self.runs) if own == cell]
        return all(block is not None for block in blocks) and any(
            all(block is not None and block.present[row] for block in blocks) for row in rows
        )

    def sample(self, cell: str, score: str, key: Key) -> Sample:
        """Return a cell's score on a benchmark, or its mean over a group, on every seed it has.

        Raises DataError for an unknown cell, benchmark or group, and where nothing is measured so.
        """
        if cell not in self.cells:
            raise DataError(f"{cell!r} is no cell of the study; {nearest(cell, list(self.cells))}")
        members = self.members(score)
        parts = [(1 / len(members), self._single(cell, name, key)) for name in members]
        return parts[0][1] if len(parts) == 1 else combine(parts)

    def _single(self, cell: str, benchmark: str, key: Key) -> Sample:
        block = self.blocks.get((benchmark, *key.name))
        if block is None:
            raise DataError(f"{benchmark} was not measured as {'/'.join(key.name)}")
        rows = {
            seed: i for i, (own, seed) in enumerate(self.runs) if own == cell and block.present[i]
        }
        if not rows:
            raise DataError(f"cell {cell} has no scores on {benchmark} ({'/'.join(key.name)}) yet")
        seeds = sorted(rows)
        planned = self.cells[cell]
        return from_sums(
            seeds,
            block.sums[[rows[seed] for seed in seeds]],
            block.weights,
            block.clusters,
            (benchmark, block.n),
            fixed=planned.kind != "tuned" and len(planned.seeds) == 1,
        )

    def chance(self, score: str, key: Key) -> float:
        """Expected score of guessing; NaN where answers are free."""
        found = [self.blocks[(name, *key.name)].chance for name in self.members(score)]
        return float(np.mean(found))


def write_results(folder: Path, runs: list[tuple[str, int]], blocks: list[Block]) -> list[Path]:
    """Write the blocks of single benchmarks; one column a run, NaN where it has no score."""
    meta, sums = [], []
    columns = [f"{cell}:{seed}" for cell, seed in runs]
    for number, block in enumerate(blocks):
        meta.append(
            {
                "block": number,
                **block.labels,
                "metric": block.metric,
                "n": block.n,
                "chance": block.chance,
            }
        )
        values_GR = np.where(block.present[None, :], block.sums.T, math.nan)
        frame = pd.DataFrame(values_GR, columns=columns)
        frame.insert(0, "weight", block.weights)
        frame.insert(0, "cluster", list(block.clusters))
        frame.insert(0, "block", number)
        sums.append(frame)
    write_csv(folder / BLOCKS, pd.DataFrame(meta))
    write_parquet(folder / SUMS, pd.concat(sums, ignore_index=True))
    return [folder / BLOCKS, folder / SUMS]


def read_results(folder: Path, cells: list[Cell], groups: list[Group]) -> Results:
    """Read what `write_results` wrote. Raises IntegrityError for a file that was changed."""
    meta = pd.read_csv(checked(folder / BLOCKS), keep_default_na=False, na_values=[""])
    frame = pd.read_parquet(checked(folder / SUMS))
    columns = [name for name in frame.columns if name not in ("block", "cluster", "weight")]
    runs = []
    for name in columns:
        cell, _, seed = name.rpartition(":")
        runs.append((cell, int(seed)))
    blocks = {}
    ends = np.cumsum(frame["block"].value_counts(sort=False).sort_index().to_numpy())
    values_NR = frame[columns].to_numpy(dtype=np.float64)
    names = frame["cluster"].to_numpy()
    weights = frame["weight"].to_numpy(dtype=np.float64)
    for row, begin, end in zip(meta.to_dict("records"), [0, *ends], ends, strict=False):
        sums_RG = values_NR[begin:end].T
        present_R = ~np.isnan(sums_RG).any(axis=1)
        block = Block(
            name=tuple(str(row[name]) for name in NAMES),
            present=present_R,
            clusters=tuple(map(str, names[begin:end])),
            sums=np.where(present_R[:, None], sums_RG, 0.0),
            weights=weights[begin:end],
            invalid=np.full(len(runs), math.nan),
            n=int(row["n"]),
            chance=float(row["chance"]),
            metric=str(row["metric"]),
        )
        blocks[(block.name[0], *block.name[2:])] = block
    return Results(
        {cell.name: cell for cell in cells}, tuple(runs), blocks, {g.name: g for g in groups}
    )
