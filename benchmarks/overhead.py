"""How much of a run's time is not work: imports, the engine, and a rerun of nothing.

    .venv/bin/python benchmarks/overhead.py [--study small] [--seeds first]

Reads the wall seconds that the engine noted for each finished tuning and answering job of the
study, and measures in the same call: the imports of both scripts (best of three, warm disk),
the start of a bare `snakemake --version` as the baseline of the engine, and a complete call with
nothing to do. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

IMPORTS = {"tune": "mlan.train.tune", "predict": "mlan.evaluate.predict"}


def best(command: list[str], repeats: int = 3) -> float:
    """Return the least wall seconds of a command that must succeed."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def job_seconds(study: str, stage: str) -> list[float]:
    """Wall seconds of the study's finished jobs of a stage."""
    folder = Path("results") / study / "benchmarks" / stage
    return [
        float(pd.read_csv(path, sep="\t")["s"].iloc[0]) for path in sorted(folder.glob("*.tsv"))
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", default="small")
    parser.add_argument("--seeds", help="as in --config: `first` after `make quick`")
    arguments = parser.parse_args()
    study = arguments.study
    selection = [f"study={study}", *([f"seeds={arguments.seeds}"] if arguments.seeds else [])]
    bare = best([sys.executable, "-c", "pass"])
    imports = {s: best([sys.executable, "-c", f"import {m}"]) - bare for s, m in IMPORTS.items()}
    jobs = {stage: job_seconds(study, stage) for stage in IMPORTS}
    if not all(jobs.values()):
        raise SystemExit(f"study {study!r} has no finished runs yet: `make run STUDY={study}`")
    run = sum(sum(times) / len(times) for times in jobs.values())
    engine = [sys.executable, "-m", "snakemake"]
    version = best([*engine, "--version"])
    nothing = best([*engine, "--cores", "all", "--config", *selection])
    share = sum(imports.values()) / run
    for stage in IMPORTS:
        mean = sum(jobs[stage]) / len(jobs[stage])
        print(f"{stage:8} {mean:6.1f} s a job, of which imports {imports[stage]:.1f} s")
    print(f"imports are {100 * share:.1f} % of a run; nothing to do takes {nothing:.1f} s")
    print(
        json.dumps(
            {
                "import_share": round(share, 4),
                "import_s": {s: round(t, 2) for s, t in imports.items()},
                "run_s": round(run, 1),
                "no_op_s": round(nothing, 2),
                "engine_start_s": round(version, 2),
                "runs": len(jobs["tune"]),
            }
        )
    )


if __name__ == "__main__":
    main()
