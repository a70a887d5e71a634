"""The numbers of all finished runs, looked up by cell and by what was measured.

Model: `collect` leaves the cluster sums of every benchmark, part, condition, scorer and parser in
the summary folder (`write_results`); everything that is said about a study is said from there, in
seconds and without the runs (`read_results`). A group (`groups`) is the mean of its benchmarks;
rates of invalid answers are not kept here, they stand in scores.csv.
Not here: what is compared, and what follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mlan.errors import DataError, nearest
from mlan.evidence.blocks import NAMES, Block, Cell, mean_block
from mlan.evidence.groups import Group
from mlan.evidence.samples import Sample, from_sums
from mlan.records import checked, write_csv, write_parquet

BLOCKS, SUMS = "blocks.csv", "sums.parquet"


@dataclass(frozen=True)
class Key:
    """What a score is measured with."""

    scorer: str = "generate"
    parser: str = "strict"
    part: str = "test"
    condition: str = "real"

    @classmethod
    def of(cls, block: Block) -> Key:
        """Return what a block is measured with."""
        part, condition, scorer, parser = block.name[2:]
        return cls(scorer, parser, part, condition)

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
    # Means of groups are made once: to merge the clusters of many benchmarks takes longest.
    _means: dict[tuple[str, Key], Block] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def members(self, score: str) -> tuple[str, ...]:
        """The benchmarks behind a name: itself, or those of a group.

        Raises DataError for an unknown name.
        """
        if score in self.groups:
            return self.groups[score].members
        known = list(dict.fromkeys(name[0] for name in self.blocks))
        if score not in known:
            raise DataError(
                f"{score!r} is no benchmark or group; {nearest(score, [*self.groups, *known])}"
            )
        return (score,)

    def block(self, score: str, key: Key) -> Block:
        """Return the block of a benchmark, or the mean of a group's.

        Raises DataError for an unknown name and where something was not measured so.
        """
        members = self.members(score)
        for name in members:
            if (name, *key.name) not in self.blocks:
                raise DataError(f"{name} was not measured as {'/'.join(key.name)}")
        if score not in self.groups:
            return self.blocks[(score, *key.name)]
        if (score, key) not in self._means:
            found = [self.blocks[(name, *key.name)] for name in members]
            labels = (score, self.groups[score].modality, *key.name)
            self._means[score, key] = mean_block(labels, found)
        return self._means[score, key]

    def has(self, cell: str, score: str, key: Key) -> bool:
        """Whether a cell has the score on some seed. Raises DataError for an unknown score."""
        if any((name, *key.name) not in self.blocks for name in self.members(score)):
            return False
        block = self.block(score, key)
        return any(own == cell and block.present[row] for row, (own, _) in enumerate(self.runs))

    def sample(self, cell: str, score: str, key: Key) -> Sample:
        """Return a cell's score on a benchmark, or its mean over a group, on every seed it has.

        Raises DataError for an unknown cell, benchmark or group, and where nothing is measured so.
        """
        if cell not in self.cells:
            raise DataError(f"{cell!r} is no cell of the study; {nearest(cell, list(self.cells))}")
        return self.sample_of(cell, self.block(score, key), self.members(score))

    def sample_of(self, cell: str, block: Block, members: Sequence[str]) -> Sample:
        """Return a cell's rows of a block that is made of the benchmarks `members`.

        Raises DataError where the cell has no scores.
        """
        rows = {
            seed: row
            for row, (own, seed) in enumerate(self.runs)
            if own == cell and block.present[row]
        }
        if not rows:
            what = "/".join(block.name[2:])
            raise DataError(f"cell {cell} has no scores on {block.name[0]} ({what}) yet")
        seeds, planned = sorted(rows), self.cells[cell]
        found = from_sums(
            seeds,
            block.sums[[rows[seed] for seed in seeds]],
            block.weights,
            block.names,
            (block.name[0], block.n),
            # What every run starts from does not depend on the seed.
            fixed=planned.kind != "tuned" and len(planned.seeds) == 1,
            df_G=block.df,
        )
        sizes = frozenset((name, self.blocks[(name, *block.name[2:])].n) for name in members)
        return replace(found, items=sizes)

    def chance(self, score: str, key: Key) -> float:
        """Expected score of guessing; NaN where answers are free or the metric is no accuracy.

        Raises DataError as `block`.
        """
        return self.block(score, key).chance


def results_of(
    cells: Iterable[Cell],
    runs: Iterable[tuple[str, int]],
    blocks: Iterable[Block],
    groups: Iterable[Group],
) -> Results:
    """Return results in memory; `blocks` of groups are left out, for they follow."""
    means = {group.name: group for group in groups}
    single = {(b.name[0], *b.name[2:]): b for b in blocks if b.name[0] not in means}
    return Results({cell.name: cell for cell in cells}, tuple(runs), single, means)


def write_results(
    folder: Path, runs: Sequence[tuple[str, int]], blocks: Iterable[Block]
) -> list[Path]:
    """Write blocks of single benchmarks, their sums with one column a run, NaN if absent.

    Returns the two files.
    """
    meta, sums = [], []
    columns = [f"{cell}:{seed}" for cell, seed in runs]
    for number, block in enumerate(blocks):
        of_block = {"metric": block.metric, "n": block.n, "chance": block.chance}
        meta.append({"block": number, **block.labels, **of_block})
        values_GR = np.where(block.present[None, :], block.sums.T, math.nan)
        frame = pd.DataFrame(values_GR, columns=columns)
        frame.insert(0, "weight", block.weights)
        frame.insert(0, "cluster", block.names)
        frame.insert(0, "block", number)
        sums.append(frame)
    write_csv(folder / BLOCKS, pd.DataFrame(meta))
    write_parquet(folder / SUMS, pd.concat(sums, ignore_index=True))
    return [folder / BLOCKS, folder / SUMS]


def read_results(folder: Path, cells: Sequence[Cell], groups: Sequence[Group]) -> Results:
    """Read what `write_results` wrote. Raises IntegrityError for a file that was changed."""
    texts = dict.fromkeys((*NAMES, "metric"), str)
    meta = pd.read_csv(
        checked(folder / BLOCKS), keep_default_na=False, na_values={"chance": [""]}, dtype=texts
    )
    frame = pd.read_parquet(checked(folder / SUMS))
    columns = [name for name in frame.columns if name not in ("block", "cluster", "weight")]
    values_NR = frame[columns].to_numpy(dtype=np.float64)
    names = np.asarray(frame["cluster"], dtype="str")
    weights = frame["weight"].to_numpy(dtype=np.float64)
    ends = np.cumsum(np.bincount(frame["block"], minlength=len(meta)))
    blocks = []
    for row, begin, end in zip(meta.to_dict("records"), [0, *ends], ends, strict=False):
        sums_RG = values_NR[begin:end].T
        present_R = ~np.isnan(sums_RG).any(axis=1)
        blocks.append(
            Block(
                name=tuple(str(row[name]) for name in NAMES),
                present=present_R,
                clusters=tuple(names[begin:end].tolist()),
                sums=np.where(present_R[:, None], sums_RG, 0.0),
                weights=weights[begin:end],
                invalid=np.full(len(columns), math.nan),
                n=int(row["n"]),
                chance=float(row["chance"]),
                metric=str(row["metric"]),
            )
        )
    return results_of(cells, map(_run, columns), blocks, groups)


def _run(column: str) -> tuple[str, int]:
    cell, _, seed = column.rpartition(":")
    return cell, int(seed)
