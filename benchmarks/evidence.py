"""How long it takes from the outcomes of many runs to all effects, and how much memory.

    .venv/bin/python benchmarks/evidence.py [--items 50000] [--cells 9] [--seeds 3] [--keep FOLDER]

Makes up a study in a temporary folder: 9 cells x 3 seeds and the untuned model on 12 benchmarks of
50,000 items in all, as the score stage writes them (strict, lenient, likeliest option; answers
read by POPE's and MMBench's own rules). Then times the collect stage (all scores, intervals, bands,
contrasts, ties, signal), the claims stage (verdicts on config/paper.claims.yaml, answers read
strictly; the answer, the power), the reading of what collect left, and all pairs of cells on both
averages, each alone and all at once. The baseline in the same run: pandas reads all runs and takes
means by run, benchmark and scorer, without any interval. No model, no network; ends with one JSON
line.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlan.cli.study import open_grid
from mlan.evidence.blocks import Cell
from mlan.evidence.claims.stage import claims
from mlan.evidence.collect import collect
from mlan.evidence.groups import groups
from mlan.evidence.joint import joint
from mlan.evidence.results import Key, Results, read_results
from mlan.evidence.samples import Sample, combine
from mlan.grid.claims import resolved_claims
from mlan.records import write_csv, write_parquet, write_record
from mlan.score.score import COLUMNS
from mlan.stage import Job

# Share of all items, modality; pictures of vision benchmarks are shared, text stands alone.
BENCHMARKS = {
    "mmlu": (0.22, "text"),
    "hellaswag": (0.14, "text"),
    "race": (0.06, "text"),
    "boolq": (0.06, "text"),
    "gqa": (0.16, "vision"),
    "pope": (0.14, "vision"),
    "mmbench": (0.08, "vision"),
    "textvqa": (0.05, "vision"),
    "scienceqa_image": (0.03, "vision"),
    "ai2d": (0.03, "vision"),
    "mmmu": (0.02, "vision"),
    "realworldqa": (0.01, "vision"),
}
RULED = ("pope", "mmbench")
PICTURES = 3000


def asked(items: int) -> pd.DataFrame:
    """All items with what the score stage says of them, one row each."""
    frames = []
    for name, (share, modality) in BENCHMARKS.items():
        n = 4 * round(share * items / 4)
        number = np.arange(n)
        cluster = [f"coco/{i % PICTURES:05d}" for i in number // 2]
        if modality == "text":
            cluster = [f"{name}/{i:05d}" for i in number]
        if name == "mmbench":  # four rotations of a question
            cluster = [f"coco/{i % PICTURES:05d}" for i in number // 4]
        frames.append(
            pd.DataFrame(
                {
                    "benchmark": name,
                    "modality": modality,
                    "part": "test",
                    "condition": "real",
                    "item": [f"{name}/{i:05d}" for i in number],
                    "cluster": cluster,
                    "category": [f"kind {i % 3}" for i in number],
                    "pair": [f"{name}/{i // 4}" if name == "mmbench" else "" for i in number],
                    "gold": np.where(number % 2, "yes", "no"),
                    "chance": 0.5 if name in ("pope", "boolq") else 0.25,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def outcomes(
    items: pd.DataFrame, rng: np.random.Generator, hard: Any, level: float
) -> pd.DataFrame:
    """One run's table: every item under three scorers, ruled ones under four."""
    found = []
    for scorer, parser in (
        ("generate", "strict"),
        ("generate", "lenient"),
        ("label_logit", "argmax"),
        ("generate", "official"),
    ):
        own = items["benchmark"].isin(RULED) if parser == "official" else slice(None)
        rows = items[own].copy()
        right = hard[own] + rng.normal(0, 0.5, len(rows)) < level
        other = rows["gold"].map({"yes": "no", "no": "yes"})
        found.append(
            rows.assign(
                scorer=scorer,
                parser=parser,
                correct=right.astype(float),
                read=rows["gold"].where(right, other),
                invalid=rng.random(len(rows)) < 0.02,
                yes_score=rng.normal(size=len(rows)),
            )
        )
    frame = pd.concat(found).sort_index(kind="stable").reset_index(drop=True)
    return frame[COLUMNS]


def make(folder: Path, items: int, shares: int, seeds: int) -> Job:
    """Write the study's scores and return the job that collects them."""
    rng = np.random.default_rng(1)
    table = asked(items)
    hard = rng.normal(0, 0.7, len(table))
    cells: list[dict[str, Any]] = [
        {"cell": "untuned", "kind": "untuned", "text_share": None, "experiments": [], "seeds": [0]}
    ]
    for share in np.linspace(0, 1, shares):
        cells.append(
            {
                "cell": f"text{100 * share:g}",
                "kind": "tuned",
                "text_share": float(share),
                "experiments": ["sweep"],
                "seeds": [*range(seeds)],
            }
        )
    inputs = {}
    for cell in cells:
        cell |= {"seen": [], "untuned": None if cell["kind"] == "untuned" else "untuned"}
        for seed in cell["seeds"]:
            level = 0.1 + 0.2 * (cell["text_share"] or 0) + rng.normal(0, 0.02)
            out = folder / cell["cell"] / f"seed{seed}" / "scores"
            write_parquet(out / "items.parquet", outcomes(table, rng, hard, level))
            outputs = [out / "items.parquet"]
            write_record(out, stage="score", identity={}, code="", inputs={}, outputs=outputs)
            inputs[f"scores:{cell['cell']}:{seed}"] = out
            if cell["kind"] == "tuned":
                inputs[f"mixture:{cell['cell']}:{seed}"] = account(out.parent, cell["text_share"])
    benchmarks: dict[str, dict[str, Any]] = {
        name: {"modality": modality, "taught_by": None, "headline": True, "near": []}
        | ({"rule": name} if name in RULED else {})
        for name, (_, modality) in BENCHMARKS.items()
    }
    identity = {"cells": cells, "benchmarks": benchmarks, "confidence": 0.95}
    return Job("collect", identity, "", folder / "summary", inputs)


def account(run: Path, share: float) -> Path:
    """Write what a run was trained on: 100 tokens of text and 600 of a picture an example."""
    rows = []
    for modality, examples in (("text", share), ("vision", 1 - share)):
        n = round(80_000 * examples)
        images = 576 * n if modality == "vision" else 0
        tokens = {"text_tokens": 100 * n, "image_tokens": images, "supervised_tokens": 5 * n}
        rows.append(
            {
                "source": modality,
                "modality": modality,
                "examples": n,
                "unique": n,
                "epochs": 1.0,
                **tokens,
                "padding_tokens": 0,
                "steps": 1250,
            }
        )
    folder = run / "mixture"
    write_csv(folder / "accounting.csv", pd.DataFrame(rows))
    outputs = [folder / "accounting.csv"]
    write_record(folder, stage="mix", identity={}, code="", inputs={}, outputs=outputs)
    return folder


def judge(job: Job) -> None:
    """The claims stage on what collect left, with the claims of the paper."""
    claimed = resolved_claims(open_grid("paper", None, None, locked_only=False))
    for claim in claimed:
        for contrast in claim["contrasts"]:
            for term in contrast["terms"]:
                term[4] = "strict" if term[3] == "generate" else "argmax"
    identity = {
        **job.identity,
        "claims": claimed,
        "primary": {"scorer": "generate", "parser": "strict", "condition": "real"},
        "post_hoc": [],
        "withdrawn": [],
        "untested": [],
        "counted": [],
        "other_seeds": [],
        "partial": False,
    }
    out = job.out.parent / "evidence"
    claims(Job("claims", identity, "", out, {"summary": job.out}))
    verdicts = pd.read_csv(out / "claims.csv")["verdict"].value_counts()
    print(", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))


def pairs(results: Results, score: str) -> list[Sample]:
    """All differences between tuned cells on a score."""
    cells = [name for name, cell in results.cells.items() if cell.kind == "tuned"]
    own = [results.sample(name, score, Key()) for name in cells]
    return [combine([(1.0, one), (-1.0, other)]) for one, other in combinations(own, 2)]


def plain(job: Job) -> None:
    """The baseline: a mean for each run, benchmark and scorer, as a notebook would get it."""
    frames = [
        pd.read_parquet(folder / "items.parquet").assign(run=name)
        for name, folder in job.inputs.items()
        if name.startswith("scores:")
    ]
    table = pd.concat(frames, ignore_index=True)
    table.groupby(["run", "benchmark", "part", "condition", "scorer", "parser"])["correct"].mean()


def timed(what: str, call: Callable[[], Any]) -> tuple[float, Any]:
    """Run, print the seconds, and return them with what came back."""
    begun = time.perf_counter()
    back = call()
    seconds = time.perf_counter() - begun
    print(f"{what:54} {seconds:6.1f} s")
    return seconds, back


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=50_000, help="in all benchmarks together")
    parser.add_argument("--cells", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="make the study here and leave it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.keep or Path(temporary)
        job = make(root, arguments.items, arguments.cells, arguments.seeds)
        runs = sum(name.startswith("scores:") for name in job.inputs)
        print(f"{runs} runs, {len(BENCHMARKS)} benchmarks, {arguments.items} items")
        job.begin()
        spent = {"collect": timed("collect: all effects", lambda: collect(job))[0]}
        spent["claims"] = timed("claims: verdicts, answer, power", lambda: judge(job))[0]
        cells = [Cell.of(entry) for entry in job.identity["cells"]]
        found = groups(job.identity["benchmarks"])
        spent["read"], results = timed(
            "read what it left", lambda: read_results(job.out, cells, found)
        )
        spent["pairs"], samples = timed(
            "all pairs of cells on both averages",
            lambda: [pairs(results, f"{name} average") for name in ("text", "vision")],
        )
        spent["joint"], _ = timed("the same at once", lambda: [joint(own) for own in samples])
        # Before the baseline, which holds everything at once.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        baseline, _ = timed("baseline: pandas' means of all runs", lambda: plain(job))
    # Linux counts in KiB, macOS in bytes.
    peak_mb = peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
    print(
        json.dumps(
            {
                "seconds": round(sum(spent.values()), 2),
                **{f"seconds_{name}": round(value, 2) for name, value in spent.items()},
                "seconds_baseline": round(baseline, 2),
                "peak_mb": round(peak_mb),
                "runs": runs,
                "items": arguments.items,
            }
        )
    )


if __name__ == "__main__":
    main()
