"""Items of public benchmarks from real releases, which a clone does not have."""

from __future__ import annotations

import bz2
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from mlan.config.benchmarks import SetBenchmark
from mlan.data.benchmark_files import Item, read_questions
from mlan.data.chance import rank
from mlan.data.items import build_items

FILES = {
    "hellaswag": "hellaswag/hellaswag_val_full.txt.bz2",
    "mmlu": "mmlu/*.csv",
    "cosmosqa": "cosmosqa/valid.csv",
    "strategyqa": "strategyqa/dev.json",
}


def real_data(folder: str | None = None) -> Path:
    """Return `folder`, MLAN_REAL_DATA, or `shared/data/real` in a folder that holds this one.

    Raises SystemExit with one line where there is none.
    """
    beside = [parent / "shared" / "data" / "real" for parent in Path(__file__).resolve().parents]
    named = [Path(f) for f in (folder, os.environ.get("MLAN_REAL_DATA")) if f]
    found = next((f for f in named or beside if f.is_dir()), None)
    if found is None:
        raise SystemExit(
            "real rows are not here: set MLAN_REAL_DATA or --data to a folder with the releases "
            f"{', '.join(FILES.values())}"
        )
    return found


def items_of(benchmark: str, real: Path, count: int) -> pd.DataFrame:
    """Return `count` items of a benchmark, the same ones every time, as one test part."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = sorted(real.glob(FILES[benchmark]))
        if not paths:
            raise SystemExit(f"{real}: no {FILES[benchmark]}")
        if benchmark == "hellaswag":
            paths = [_hellaswag(paths[0], Path(scratch) / "rows.jsonl")]
        config = SetBenchmark(
            adapter="benchmark_set", set=benchmark, path=[str(path) for path in paths]
        )
        by_name = {str(path): path for path in paths}
        files = {key: by_name[file.path] for key, file in config.files().items()}
        found = read_questions(benchmark, config, files).items
    chosen = sorted(found, key=lambda item: rank("peers", item.id))[:count]
    return build_items(benchmark, [_tested(item) for item in chosen])


def _tested(item: Item) -> Item:
    return Item(**{**vars(item), "part": "test"})


def _hellaswag(file: Path, out: Path) -> Path:
    """The collection has six lines an item: context with its activity, label, four endings."""
    lines = bz2.decompress(file.read_bytes()).decode().splitlines()
    with out.open("w", encoding="utf-8") as stream:
        for number, start in enumerate(range(0, len(lines), 6)):
            activity, _, context = lines[start].partition(": ")
            row: dict[str, Any] = {
                "ind": number,
                "activity_label": activity,
                "ctx": context,
                "endings": lines[start + 2 : start + 6],
                "label": lines[start + 1],
                "source_id": f"row~{number}",
            }
            stream.write(json.dumps(row) + "\n")
    return out
