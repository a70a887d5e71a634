"""Workflow stage: the items of one benchmark."""

from mlan.data.prepare.benchmark import prepare_benchmark
from mlan.stage import main

if __name__ == "__main__":
    main("prepare_benchmark", prepare_benchmark)
