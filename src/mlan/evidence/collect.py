"""Stage `collect`: the outcomes of all finished runs become the tables of the summary folder.

Model: `blocks` holds the outcomes of all runs as arrays of runs by clusters. A score is one row
of a block, an interval the rows of a cell, a contrast the difference between the rows of two
cells, paired by seed and item. A run that does not exist leaves a hole that `cells` shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.errors import DataError
from mlan.evidence.blocks import NAMES, Block, Cell, Run, read_blocks
from mlan.evidence.clean import PAIRS, Items, clean_scores, read_matches, read_pairs
from mlan.evidence.forgetting import COLUMNS as FORGETTING
from mlan.evidence.forgetting import forgetting
from mlan.evidence.intervals import Interval, interval_of_sums
from mlan.evidence.official import official_scores
from mlan.evidence.results import write_results
from mlan.records import checked, read_run, write_csv, write_parquet
from mlan.score.metrics import clustered_standard_error
from mlan.stage import Job

Row = dict[str, Any]

_EVIDENCE = ["seeds", "clusters", "n", "covers"]
_COUNTS = ["text_tokens", "image_tokens", "supervised_tokens", "padding_tokens"]
COLUMNS = {
    "scores": [
        *("cell", "seed", *NAMES, "metric", "value", "standard_error"),
        *("n", "invalid_rate", "chance"),
    ],
    "intervals": ["cell", "text_share", *NAMES, "value", "low", "high", *_EVIDENCE, "chance"],
    "contrasts": [
        *("cell", "text_share", "reference", *NAMES, "difference", "low", "high"),
        *_EVIDENCE,
    ],
    "tokens": [
        *("cell", "text_share", "seed", "source", "modality", "examples", "epochs"),
        *(*_COUNTS, "steps"),
    ],
    "benchmarks": ["benchmark", "modality", "taught_by", "headline", "near"],
    "cells": ["cell", "kind", "text_share", "experiments", "seeds_planned", "seeds_done"],
    "compute": ["cell", "seed", "stage", "seconds", "tokens_per_s"],
    "contamination": PAIRS,
    "forgetting": FORGETTING,
}
COLUMNS["scores_clean"] = [*COLUMNS["scores"], "removed"]
STAGES = ("mixture", "weights", "predictions", "scores")


def collect(job: Job) -> None:
    """Write the tables of the summary (CSV), and the items that flipped (`flips.parquet`).

    Inputs: `scores:<cell>:<seed>` and `mixture:<cell>:<seed>` of the runs that exist, `overlap`
    if sources and benchmarks were compared. Writes compute.csv too, which is no output of the
    record: seconds differ from call to call. Raises DataError when there is no run or the runs
    did not answer the same items.
    """
    cells = [_cell(entry) for entry in job.identity["cells"]]
    runs = _finished(job.inputs, cells)
    blocks = read_blocks(runs, job.identity["benchmarks"])
    confidence = float(job.identity["confidence"])
    benchmarks, overlap = job.identity["benchmarks"], job.inputs.get("overlap")

    def all_scores(own: list[Run], without: Items) -> Iterable[Row]:
        yield from _scores(read_blocks(own, benchmarks, without) if without else blocks, own)
        yield from official_scores(own, benchmarks, without)

    scores = list(all_scores(runs, frozenset()))
    changed, flips = forgetting(runs, benchmarks)
    tables = {
        "scores": scores,
        "scores_clean": clean_scores(scores, runs, read_matches(overlap), all_scores),
        "contamination": _records(read_pairs(overlap)),
        "forgetting": _records(changed),
        "intervals": _intervals(blocks, runs, cells, confidence),
        "contrasts": _contrasts(blocks, runs, cells, confidence),
        "tokens": _tokens(runs),
        "benchmarks": _benchmarks(job.identity["benchmarks"]),
        "cells": _cells(cells, runs),
        "compute": _compute(runs),
    }
    for name, rows in tables.items():
        write_csv(job.out / f"{name}.csv", pd.DataFrame(list(rows), columns=COLUMNS[name]))
    write_parquet(job.out / "flips.parquet", flips)
    planned = sum(len(cell.seeds) for cell in cells)
    outputs = [job.out / f"{name}.csv" for name in tables if name != "compute"]
    outputs.append(job.out / "flips.parquet")
    single = [block for block in blocks if block.name[0] in benchmarks]
    outputs += write_results(job.out, [(run.cell.name, run.seed) for run in runs], single)
    job.finish(outputs, facts={"runs_planned": planned, "runs_done": len(runs)})


def _cell(entry: Mapping[str, Any]) -> Cell:
    share = entry["text_share"]
    return Cell(
        name=entry["cell"],
        kind=entry["kind"],
        text_share=None if share is None else float(share),
        experiments=tuple(entry["experiments"]),
        seeds=tuple(entry["seeds"]),
        seen=tuple(entry["seen"]),
        untuned=entry["untuned"],
    )


def _finished(inputs: Mapping[str, Path], cells: list[Cell]) -> list[Run]:
    """The runs that have scores, in the order of the grid, whatever the order of the inputs."""
    runs = [
        Run(cell, seed, scores, inputs.get(f"mixture:{cell.name}:{seed}"))
        for cell in cells
        for seed in cell.seeds
        if (scores := inputs.get(f"scores:{cell.name}:{seed}"))
    ]
    planned = {f"scores:{cell.name}:{seed}" for cell in cells for seed in cell.seeds}
    for name in sorted(inputs):
        if name.startswith("scores:") and name not in planned:
            raise DataError(f"input {name!r} is no run of the study")
    if not runs:
        raise DataError("no run of the study has scores yet; run one, then collect again")
    return runs


def _scores(blocks: list[Block], runs: list[Run]) -> Iterable[Row]:
    for index, run in enumerate(runs):
        for block in blocks:
            if block.present[index]:
                sums_G = block.sums[index]
                yield {
                    "cell": run.cell.name,
                    "seed": run.seed,
                    **block.labels,
                    "metric": "accuracy",
                    "value": sums_G.sum() / block.weights.sum(),
                    "standard_error": clustered_standard_error(sums_G, block.weights),
                    "n": block.n,
                    "invalid_rate": block.invalid[index],
                    "chance": block.chance,
                }


def _intervals(
    blocks: list[Block], runs: list[Run], cells: list[Cell], confidence: float
) -> Iterable[Row]:
    for cell in cells:
        for block in blocks:
            rows = list(_rows(block, runs, cell).values())
            if rows:
                sums_SG = block.sums[rows]
                found = interval_of_sums(sums_SG, block.weights, block.n, confidence)
                yield {
                    "cell": cell.name,
                    "text_share": cell.text_share,
                    **block.labels,
                    "value": _tidy(found.value),
                    **_evidence(found),
                    "chance": block.chance,
                }


def _contrasts(
    blocks: list[Block], runs: list[Run], cells: list[Cell], confidence: float
) -> Iterable[Row]:
    for cell in cells:
        for reference in _references(cell, cells):
            for block in blocks:
                pairs = _pairs(block, runs, cell, reference)
                if pairs:
                    own, other = map(list, zip(*pairs, strict=True))
                    sums_SG = block.sums[own] - block.sums[other]
                    found = interval_of_sums(sums_SG, block.weights, block.n, confidence)
                    yield {
                        "cell": cell.name,
                        "text_share": cell.text_share,
                        "reference": reference.name,
                        **block.labels,
                        "difference": _tidy(found.value),
                        **_evidence(found),
                    }


def _evidence(found: Interval) -> Row:
    bounds = {"low": _tidy(found.low), "high": _tidy(found.high)}
    return bounds | {key: getattr(found, key) for key in _EVIDENCE}


def _tidy(number: float) -> float:
    """Without rounding noise: a difference of nothing is 0, not -1.4e-17 on some machines."""
    return round(number, 12) + 0.0


def _rows(block: Block, runs: list[Run], cell: Cell) -> dict[int, int]:
    """The rows of a block that belong to a cell, by seed."""
    return {run.seed: i for i, run in enumerate(runs) if run.cell is cell and block.present[i]}


def _references(cell: Cell, cells: list[Cell]) -> list[Cell]:
    """What a tuned cell is compared with: untuned, released models, and its sweep's two ends.

    The ends are the cells with text share 0 and 1 of an experiment that the cell belongs to.
    """
    if cell.kind != "tuned":
        return []
    return [
        other
        for other in cells
        if other is not cell
        and (other.kind != "tuned" or other.text_share in (0.0, 1.0))
        and (set(other.experiments) & set(cell.experiments) or not other.experiments)
    ]


def _pairs(block: Block, runs: list[Run], cell: Cell, reference: Cell) -> list[tuple[int, int]]:
    """Rows of the two cells, paired by seed.

    A baseline planned for one seed does not depend on the seed: it is what every run starts
    from, and pairs with each of them.
    """
    own, other = _rows(block, runs, cell), _rows(block, runs, reference)
    if reference.kind != "tuned" and len(reference.seeds) == 1 and other:
        other = dict.fromkeys(own, next(iter(other.values())))
    return [(own[seed], other[seed]) for seed in own if seed in other]


def _tokens(runs: list[Run]) -> Iterable[Row]:
    for run in runs:
        if run.mixture is None:
            continue
        # No text stands for a missing value: a source may be called `null`.
        rows = pd.read_csv(checked(run.mixture / "accounting.csv"), keep_default_na=False)
        # Integers, or counts of millions of tokens would be written with six digits.
        summed = {name: int(rows[name].sum()) for name in ["examples", "unique", *_COUNTS]}
        total: Row = {
            "source": "total",
            "modality": "all",
            **summed,
            "epochs": summed["examples"] / summed["unique"] if summed["unique"] else 0.0,
            # The steps of a run, not a sum: sources share them.
            "steps": int(rows["steps"].max()),
        }
        for row in [*_records(rows), total]:
            yield {
                "cell": run.cell.name,
                "text_share": run.cell.text_share,
                "seed": run.seed,
                **row,
            }


def _records(frame: pd.DataFrame) -> list[Row]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _cells(cells: list[Cell], runs: list[Run]) -> Iterable[Row]:
    for cell in cells:
        done = [run.seed for run in runs if run.cell is cell]
        yield {
            "cell": cell.name,
            "kind": cell.kind,
            "text_share": cell.text_share,
            "experiments": ";".join(cell.experiments),
            "seeds_planned": ";".join(map(str, cell.seeds)),
            "seeds_done": ";".join(map(str, done)),
        }


def _benchmarks(benchmarks: Mapping[str, Mapping[str, Any]]) -> Iterable[Row]:
    """What the study says of its benchmarks; `near` lists the sources that ask much the same."""
    for name, entry in benchmarks.items():
        yield {"benchmark": name, **entry, "near": ";".join(entry["near"])}


def _compute(runs: list[Run]) -> Iterable[Row]:
    """Seconds of every stage of a run, from the run.json beside its data (absent: no row)."""
    for run in runs:
        for stage in STAGES:
            facts = read_run(run.scores.parent / stage)
            if facts:
                yield {
                    "cell": run.cell.name,
                    "seed": run.seed,
                    "stage": facts.get("stage", stage),
                    "seconds": facts.get("seconds"),
                    "tokens_per_s": facts.get("tokens_per_s"),
                }
