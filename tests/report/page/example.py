"""A finished study of two cells on disk, as the jobs would have left it: chained records, items,
pictures, answers, figures, claims. Texts are hostile on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlan.records import RECORD, write_bytes, write_csv, write_json, write_parquet, write_record
from mlan.report.page.evidence import COLUMNS, Evidence
from mlan.report.page.facts import Facts, read_facts
from mlan.report.table_files import write_table
from mlan.report.tables import Table
from mlan.stage import Job
from tests.report.conftest import BENCHMARKS, Grid, identity, write_summary

CELLS = ("share-0", "share-100")
NAMES = ("capital-text", "flag")
ITEMS = 24
EVIL = "</pre></td>\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
GRID = Grid(shares=(0.0, 1.0), seeds=(0, 1), others=(), untuned=False, benchmarks=NAMES)
SVG = (
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="504pt" height="216pt" '
    'viewBox="0 0 504 216"><rect id="patch_1" width="504" height="216" fill="#fff"/></svg>\n'
)


def page_identity(**changes: Any) -> dict[str, Any]:
    """The identity of the page's job."""
    return {
        **identity(GRID),
        "study": "small",
        "description": f"Two cells. {EVIL}",
        "device": "cpu",
        "seed_varies": ["draw", "order", "init"],
        "recipe": {
            "backbone": {
                "language_model": "smollm2-135m-instruct",
                "vision_tower": "mobilenetv2",
                "tokenizer": None,
                "template": "user-assistant",
                "precision": "fp32",
            },
            "mixture": {"text_share": 0.5},
        },
        "materials": [
            *(["model", "smollm2-135m-instruct", ""], ["model", "mobilenetv2", ""]),
            *(["facts", "concepts", ""], ["pictures", "noto", ""], ["files", "mine.tsv", ""]),
        ],
        "cells": [
            {
                "cell": cell,
                "kind": "tuned",
                "experiments": ["sweep"],
                "differs": {"mixture.text_share": share},
                "made_of": [0, 1, 2],
            }
            for cell, share in zip(CELLS, (0, 1), strict=True)
        ],
        "experiments": [
            {"name": "sweep", "description": "Shares.", "cells": list(CELLS), "command": "run"},
            {
                "name": "token_cap",
                "description": "Equal tokens.",
                "cells": ["capped"],
                "command": "snakemake --cores all --config study=small experiments=sweep,token_cap",
            },
        ],
        "pair": list(CELLS),
        "claim_cells": {"on_par": list(CELLS)},
        "primary": {"scorer": "generate", "parser": "strict", "condition": "real"},
        "note": f"Margins were chosen late. {EVIL}",
        "not_shown": [["large models", f"This one is small. {EVIL}"]],
        **changes,
    }


def facts(**changes: Any) -> Facts:
    """The design that the page is told of."""
    return read_facts(page_identity(**changes))


def claim(**changes: str) -> dict[str, str]:
    """A row of claims.csv."""
    row = dict.fromkeys(COLUMNS["claims"].split(), "")
    row |= {
        "id": "on_par",
        "sentence": "Text is not worse on vision.",
        "source": "Table 5",
        "family": "primary",
        "experiment": "sweep",
        "rule": "non_inferiority",
        "score": "vision average",
        "scorer": "generate",
        "parser": "strict",
        "estimand": "share-100 - share-0",
        "value": "0.004",
        "low": "-0.021",
        "high": "0.029",
        "level": "0.99",
        "seeds": "2",
        "n": "480",
        "covers": "seeds and items",
        "margin": "0.03",
        "reason": "Three points are 14 questions.",
        "p_adjusted": "0.0004",
        "verdict": "supported",
        "registered": "before scores",
    }
    return row | changes


def choice(share: float, **changes: str) -> dict[str, str]:
    """A row of recommend.csv: a cell that is neither in the set nor the best."""
    row = {
        "weight_vision": "0.5",
        "price_points": "0",
        "cell": f"share-{100 * share:g}",
        "text_share": str(share),
        "share_of_lm_tokens": str(share / 2),
        "share_of_supervised_tokens": str(share / 4),
        "utility": "0.5",
        "low": "-0.05",
        "high": "0.002",
        "in_set": "False",
        "is_best": "False",
        "crossfitted": "",
        "seeds": "3",
        "covers": "seeds and items",
    }
    return row | changes


def choices(best: float, inside: tuple[float, ...], shares: tuple[float, ...]) -> Evidence:
    """A recommendation at equal weight and no price."""
    rows = [
        choice(
            share,
            in_set=str(share in inside),
            is_best=str(share == best),
            crossfitted="0.518" if share == best else "",
        )
        for share in shares
    ]
    return Evidence(recommend=tuple(rows))


def sensitivity() -> pd.DataFrame:
    """The vision average: the other cell is best by signal, above chance is undefined."""
    rows = []
    for weighting, ranks in (("equal", (1, 2)), ("chance_corrected", ()), ("signal", (2, 1))):
        for cell, rank in zip(CELLS, ranks or (None, None), strict=True):
            rows.append(
                {
                    **dict.fromkeys(COLUMNS["sensitivity"].split(), ""),
                    "score": "vision average",
                    "weighting": weighting,
                    "cell": cell,
                    "rank": rank,
                    "benchmarks": "flag" if ranks else "",
                    "weights": "1" if ranks else "",
                    "why": "" if ranks else f"no chance {EVIL}",
                }
            )
    return pd.DataFrame(rows)


def page_job(root: Path, out: str = "page", evidence: bool = True, **changes: Any) -> Job:
    """A page job over a fresh study folder, or once more over the one that is there."""
    inputs = {"summary": root / "summary", "report": root / "report"}
    inputs |= {f"items:{name}": root / "data" / "benchmarks" / name for name in NAMES}
    inputs |= {"images:eval": root / "data" / "images" / "eval"}
    for cell in CELLS:
        for stage in ("predictions", "scores"):
            inputs[f"{stage}:{cell}"] = root / "cells" / cell / "seed0" / stage
    if not inputs["summary"].exists():
        _write(root)
    if evidence:
        inputs["evidence"] = root / "evidence"
    return Job("page", page_identity(**changes), "0" * 16, root / out, inputs)


def _write(root: Path) -> None:
    _write_data(root)
    scores = {}
    for cell in CELLS:
        for seed in GRID.seeds:
            folder = root / "cells" / cell / f"seed{seed}"
            write_run(root, folder, right=cell == CELLS[1])
            scores[f"scores:{cell}:{seed}"] = folder / "scores"
    write_summary(root / "summary", GRID)
    again(root / "summary", "collect", scores)
    _write_report(root / "report")
    _write_evidence(root / "evidence")


def again(folder: Path, stage: str, inputs: Mapping[str, Path], code: str = "c" * 16) -> None:
    """Write a folder's record (anew) over all its files; it took 90 seconds."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name not in (RECORD, "run.json")]
    told = {"rows": ITEMS, "rejected": 1, "dev": 8, "test": 16}
    identity: dict[str, Any] = {"name": folder.name}
    if stage in ("prepare_source", "prepare_benchmark"):
        key = stage.removeprefix("prepare_")
        identity[key] = {"relation": "capital", "modality": "text", "images": None}
    write_record(
        folder,
        stage=stage,
        identity=identity,
        code=code,
        inputs=inputs,
        outputs=files,
        facts=told,
    )
    write_json(folder / "run.json", {"seconds": 90.0})


def _write_data(root: Path) -> None:
    images = root / "data" / "images" / "eval"
    keys = [f"eval/{n}" for n in range(ITEMS)]
    write_parquet(images / "index.parquet", pd.DataFrame({"image": keys, "row": range(ITEMS)}))
    pixels = np.random.default_rng(0).integers(0, 256, (ITEMS, 32, 32, 3), dtype=np.uint8)
    np.save(images / "images.npy", pixels)
    again(images, "prepare_images", {})
    for name in NAMES:
        folder = root / "data" / "benchmarks" / name
        shown = BENCHMARKS[name]["modality"] == "vision"
        rows = [
            {
                "id": f"{name}/{n}",
                "benchmark": name,
                "part": "test",
                "cluster": f"c{n}",
                "image": keys[n] if shown else "",
                "question": f"Question {n}? {EVIL}",
                "options": ["a", EVIL],
                "gold": "a",
                "category": "",
            }
            for n in range(ITEMS)
        ]
        write_parquet(folder / "items.parquet", pd.DataFrame(rows))
        again(folder, "prepare_benchmark", {"images": images} if shown else {})
    source = root / "data" / "sources" / "text-a"
    write_bytes(source / "examples.parquet", b"rows")
    again(source, "prepare_source", {})


def write_run(root: Path, folder: Path, *, right: bool, code: str = "c" * 16) -> None:
    """Write the four folders of a run; a good one answers the first 23 items of 24 rightly."""
    books = {
        "source": ["text-a"],
        "modality": ["text"],
        "examples": [8],
        "unique": [8],
        "epochs": [0.5],
        "text_tokens": [100],
        "image_tokens": [0],
        "supervised_tokens": [12],
        "padding_tokens": [1],
        "steps": [3],
    }
    write_csv(folder / "mixture" / "accounting.csv", pd.DataFrame(books))
    write_bytes(folder / "mixture" / "plan.parquet", f"plan {folder}".encode())
    again(folder / "mixture", "mix", {"source:text-a": root / "data" / "sources" / "text-a"})
    write_bytes(folder / "weights" / "losses.csv", b"step,loss\n")
    again(folder / "weights", "tune", {"mixture": folder / "mixture"}, code)
    rows = []
    for name in NAMES:
        good = [right == (n < ITEMS - 1) for n in range(ITEMS)]
        answers = pd.DataFrame(
            {
                "item": [f"{name}/{n}" for n in range(ITEMS)],
                "condition": "real",
                "text": ["a" if ok else EVIL for ok in good],
            }
        )
        write_parquet(folder / "predictions" / f"{name}.parquet", answers)
        rows += [
            {
                "benchmark": name,
                "item": f"{name}/{n}",
                "part": "test",
                "condition": "real",
                "scorer": "generate",
                "parser": "strict",
                "correct": float(ok),
            }
            for n, ok in enumerate(good)
        ]
    again(folder / "predictions", "predict", {"weights": folder / "weights"})
    write_parquet(folder / "scores" / "items.parquet", pd.DataFrame(rows))
    again(folder / "scores", "score", {"predictions": folder / "predictions"})


def _write_report(folder: Path) -> None:
    for name in ("sweep", "brand_new"):
        write_bytes(folder / "figures" / f"{name}.svg", SVG.encode())
        write_bytes(folder / "figures" / f"{name}.png", b"not read: the vector figure is small")
        write_csv(folder / "figures" / f"{name}.csv", pd.DataFrame({"x": [1, 2], "why": EVIL}))
    table = Table(
        caption="Accuracy in per cent.",
        header=("benchmark", "n", "0 %", "100 %"),
        rows=(("flag", "80", "50 ± 4", "9 ± 3"), (EVIL, "80", "7 ± 2", "–"), ("x", "9", "8", "11")),
        note="n: items.",
        words=1,
    )
    write_table(table, folder / "tables", "scores")
    other = Table(
        caption="Other weights.",
        header=("average", "of", "by signal"),
        rows=(("vision average", "0 %", "50 ± 4"),),
        note="Weight: of a point.",
        words=2,
    )
    write_table(other, folder / "tables", "sensitivity")
    again(folder, "draw", {})
    # Of measured times: in no record.
    write_bytes(folder / "figures" / "cost.svg", SVG.encode())
    write_csv(folder / "figures" / "cost.csv", pd.DataFrame({"minutes": [0.5]}))
    times = Table("What runs took.", ("cell", "seconds"), (("0 %", "59.1"),), "Measured.", words=1)
    write_table(times, folder / "tables", "compute")


def _write_evidence(folder: Path) -> None:
    claims = [
        claim(registered="before scores; on other seeds"),
        claim(id="evil", sentence=EVIL, why=EVIL, verdict="undecided", registered="post hoc"),
        claim(id="gone", verdict="not run", value="", low="", high="", family="secondary"),
    ]
    both = choices(1.0, (1.0,), (0.0, 1.0))
    write_csv(folder / "claims.csv", pd.DataFrame(claims))
    write_csv(folder / "recommend.csv", pd.DataFrame([dict(row) for row in both.recommend]))
    columns = COLUMNS["recommend_otherwise"].split()
    measured = [
        {"scorer": "label_logit", "parser": "argmax", **row, "in_set": "True"}
        for row in both.recommend
    ]
    write_csv(folder / "recommend_otherwise.csv", pd.DataFrame(measured)[columns])
    power = {"id": ["on_par"], "detectable": [0.045], "seeds_needed": [5], "components": ["own"]}
    write_csv(folder / "power.csv", pd.DataFrame(power))
    write_csv(folder / "sensitivity.csv", sensitivity())
    again(folder, "claims", {})
