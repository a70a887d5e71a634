"""How much of a run's time is not work: imports, the engine, and a rerun of nothing.

    .venv/bin/python benchmarks/overhead.py [--study small] [--seeds first]

Reads the wall seconds that the engine noted for each finished tuning and answering job of the
study, and measures in the same call (best of three, warm disk): what each of these jobs imports
in a process of its own, the baseline, and in a fork of the job server, which has the libraries;
the start of a bare `snakemake --version`, the baseline of the engine, and a complete call with
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

FORK = "from mlan.forkserver.serve import import_libraries; import_libraries()"
IMPORTS = {"tune": "mlan.train.tune", "predict": "mlan.evaluate.predict"}


def best(command: list[str], repeats: int = 3) -> float:
    """Return the least wall seconds of a command that must succeed."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def imports(module: str, before: str = "", repeats: int = 3) -> float:
    """Return the least seconds of an import in a process that has run `before`."""
    code = f"{before}\nimport time; t = time.perf_counter(); import {module}; "
    command = [sys.executable, "-c", code + "print(time.perf_counter() - t)"]
    done = (subprocess.run(command, check=True, capture_output=True) for _ in range(repeats))
    return min(float(one.stdout) for one in done)


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
    jobs = {stage: job_seconds(study, stage) for stage in IMPORTS}
    if not all(jobs.values()):
        raise SystemExit(f"study {study!r} has no finished runs yet: `make run STUDY={study}`")
    run = sum(sum(times) / len(times) for times in jobs.values())
    alone = {stage: imports(module) for stage, module in IMPORTS.items()}
    fork = {stage: imports(module, FORK) for stage, module in IMPORTS.items()}
    engine = [sys.executable, "-m", "snakemake"]
    version = best([*engine, "--version"])
    nothing = best([*engine, "--cores", "all", "--config", *selection])
    for stage in IMPORTS:
        mean = sum(jobs[stage]) / len(jobs[stage])
        print(
            f"{stage:8} {mean:6.1f} s a job, of which imports {fork[stage]:.1f} s "
            f"({alone[stage]:.1f} s in a process of its own)"
        )
    share = sum(fork.values()) / run
    print(f"imports are {100 * share:.1f} % of a run; nothing to do takes {nothing:.1f} s")
    print(
        json.dumps(
            {
                "import_share": round(share, 4),
                "import_s": {stage: round(seconds, 2) for stage, seconds in fork.items()},
                "alone_s": {stage: round(seconds, 2) for stage, seconds in alone.items()},
                "run_s": round(run, 1),
                "no_op_s": round(nothing, 2),
                "engine_start_s": round(version, 2),
                "runs": len(jobs["tune"]),
            }
        )
    )


if __name__ == "__main__":
    main()
