"""Stage `collect`: the outcomes of all finished runs become the tables of the summary folder.

Model: `blocks` holds the outcomes of all runs as arrays of runs by clusters. A score is one row
of a block, an interval the rows of a cell, a contrast the difference between the rows of two
cells, paired by seed and item; the bands of the curve's cells hold for all of them at once. A run
that does not exist leaves a hole that `cells` shows. The blocks themselves are left for what is
said of the study later (`results`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.errors import DataError
from mlan.evidence.answers import COLUMNS as ANSWERS
from mlan.evidence.answers import answer_rows
from mlan.evidence.blocks import NAMES, Block, Cell, Run, read_blocks
from mlan.evidence.cell_pairs import compared
from mlan.evidence.clean import PAIRS, Items, clean_scores, read_matches, read_pairs
from mlan.evidence.compute import COLUMNS as COMPUTE
from mlan.evidence.compute import compute_rows, finished_stacks
from mlan.evidence.curves import curve
from mlan.evidence.forgetting import COLUMNS as FORGETTING
from mlan.evidence.forgetting import forgetting
from mlan.evidence.groups import groups
from mlan.evidence.intervals import Interval, interval
from mlan.evidence.joint import joint
from mlan.evidence.losses import COLUMNS as LOSSES
from mlan.evidence.losses import loss_rows
from mlan.evidence.official import official_scores
from mlan.evidence.results import Key, Results, results_of, write_results
from mlan.evidence.samples import Sample, combine
from mlan.evidence.signal import COLUMNS as SIGNAL
from mlan.evidence.signal import signal
from mlan.evidence.ties import COLUMNS as TIES
from mlan.evidence.ties import MEASURES as TIED
from mlan.evidence.ties import ties
from mlan.records import checked, write_csv, write_parquet
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
    "intervals": [
        *("cell", "text_share", *NAMES, "metric", "value", "low", "high", "band_low", "band_high"),
        *(*_EVIDENCE, "chance"),
    ],
    "contrasts": [
        *("cell", "text_share", "reference", *NAMES, "metric", "difference", "low", "high", "p"),
        *_EVIDENCE,
    ],
    "tokens": [
        *("cell", "text_share", "seed", "source", "modality", "examples", "epochs"),
        *(*_COUNTS, "steps"),
    ],
    "benchmarks": ["benchmark", "modality", "taught_by", "headline", "near"],
    "cells": ["cell", "kind", "text_share", "experiments", "seeds_planned", "seeds_done"],
    "compute": COMPUTE,
    "signal": SIGNAL,
    "ties": TIES,
    "losses": LOSSES,
    "answers": ANSWERS,
    "contamination": PAIRS,
    "forgetting": FORGETTING,
}
COLUMNS["scores_clean"] = [*COLUMNS["scores"], "removed"]


def collect(job: Job) -> None:
    """Write the tables of the summary (CSV), the items that flipped and the blocks' sums (Parquet).

    Inputs: `scores:<cell>:<seed>` and `mixture:<cell>:<seed>` of the runs that exist,
    `align:<stack>` of each stage 1, `overlap` if sources and benchmarks were compared. Writes
    compute.csv too, which is no output of the record: seconds differ from call to call. Raises
    DataError when there is no run or the runs did not answer the same items.
    """
    cells = [Cell.of(entry) for entry in job.identity["cells"]]
    runs = _finished(job.inputs, cells)
    blocks = read_blocks(runs, job.identity["benchmarks"])
    confidence = float(job.identity["confidence"])
    benchmarks, overlap = job.identity["benchmarks"], job.inputs.get("overlap")
    named = [(run.cell.name, run.seed) for run in runs]
    results = results_of(cells, named, blocks, groups(benchmarks))

    def all_scores(own: list[Run], without: Items) -> Iterable[Row]:
        yield from _scores(read_blocks(own, benchmarks, without) if without else blocks, own)
        yield from official_scores(own, benchmarks, without)

    scores = list(all_scores(runs, frozenset()))
    changed, flips = forgetting(runs, benchmarks)
    signals, tied = _compared(results, confidence)
    tables = {
        "scores": scores,
        "scores_clean": clean_scores(scores, runs, read_matches(overlap), all_scores),
        "contamination": _records(read_pairs(overlap)),
        "forgetting": _records(changed),
        "intervals": _intervals(blocks, results, confidence),
        "contrasts": _contrasts(blocks, results, confidence),
        "tokens": _tokens(runs),
        "benchmarks": _benchmarks(benchmarks),
        "cells": _cells(cells, runs),
        "compute": compute_rows(runs, finished_stacks(job.inputs, job.identity.get("stacks", {}))),
        "signal": signals,
        "ties": tied,
        "losses": loss_rows(runs),
        "answers": answer_rows(runs),
    }
    for name, rows in tables.items():
        write_csv(job.out / f"{name}.csv", pd.DataFrame(list(rows), columns=COLUMNS[name]))
    write_parquet(job.out / "flips.parquet", flips)
    planned = sum(len(cell.seeds) for cell in cells)
    outputs = [job.out / f"{name}.csv" for name in tables if name != "compute"]
    outputs += [
        job.out / "flips.parquet",
        *write_results(job.out, results.runs, results.blocks.values()),
    ]
    job.finish(outputs, facts={"runs_planned": planned, "runs_done": len(runs)})


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
                    "metric": block.metric,
                    "value": sums_G.sum() / block.weights.sum(),
                    "standard_error": clustered_standard_error(sums_G, block.weights),
                    "n": block.n,
                    "invalid_rate": block.invalid[index],
                    "chance": block.chance,
                }


def _intervals(blocks: list[Block], results: Results, confidence: float) -> Iterable[Row]:
    bands = _bands(blocks, results, confidence)
    for cell in results.cells.values():
        for place, block in enumerate(blocks):
            if results.has(cell.name, block.name[0], Key.of(block)):
                sample = results.sample(cell.name, block.name[0], Key.of(block))
                found = interval(sample, confidence)
                low, high = bands.get((place, cell.name), (math.nan, math.nan))
                yield {
                    "cell": cell.name,
                    "text_share": cell.text_share,
                    **block.labels,
                    "metric": block.metric,
                    "value": _tidy(found.value),
                    **_evidence(found),
                    "band_low": _tidy(low),
                    "band_high": _tidy(high),
                    "chance": block.chance,
                }


def _bands(
    blocks: list[Block], results: Results, confidence: float
) -> dict[tuple[int, str], tuple[float, float]]:
    """Simultaneous intervals of the curve's cells, by place of the block and cell."""
    found = {}
    swept = _swept(results)
    for place, block in enumerate(blocks):
        score, key = block.name[0], Key.of(block)
        own = [name for name in swept if results.has(name, score, key)]
        together = joint([results.sample(name, score, key) for name in own], confidence)
        for i, name in enumerate(own):
            found[place, name] = together.band(i)
    return found


def _compared(results: Results, confidence: float) -> tuple[list[Row], list[Row]]:
    """Rows of signal.csv and of ties.csv, of the same pairs of the curve's cells."""
    signals, tied = [], []
    for one in compared(results, _swept(results), confidence):
        signals.append(one.labels | signal(one.pairs, confidence))
        if one.key in TIED:
            tied += [one.labels | row for row in ties(one.pairs, confidence)]
    return signals, tied


def _swept(results: Results) -> list[str]:
    return [cell.name for cell in curve(results.cells.values())]


def _contrasts(blocks: list[Block], results: Results, confidence: float) -> Iterable[Row]:
    cells = [*results.cells.values()]
    for cell in cells:
        for reference in _references(cell, cells):
            for block in blocks:
                sample = _difference(results, cell.name, reference.name, block)
                if sample is not None:
                    found = interval(sample, confidence)
                    yield {
                        "cell": cell.name,
                        "text_share": cell.text_share,
                        "reference": reference.name,
                        **block.labels,
                        "metric": block.metric,
                        "difference": _tidy(found.value),
                        **_evidence(found),
                        "p": found.p_different(),
                    }


def _difference(results: Results, cell: str, reference: str, block: Block) -> Sample | None:
    """One cell less another, paired by seed and item; None where no seed has both."""
    score, key = block.name[0], Key.of(block)
    if not (results.has(cell, score, key) and results.has(reference, score, key)):
        return None
    own, other = (results.sample(name, score, key) for name in (cell, reference))
    if not (own.fixed or other.fixed or set(own.seeds) & set(other.seeds)):
        return None
    return combine([(1.0, own), (-1.0, other)])


def _evidence(found: Interval) -> Row:
    bounds = {"low": _tidy(found.low), "high": _tidy(found.high)}
    return bounds | {key: getattr(found, key) for key in _EVIDENCE}


def _tidy(number: float) -> float:
    """Without rounding noise: a difference of nothing is 0, not -1.4e-17 on some machines."""
    return round(number, 12) + 0.0


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
