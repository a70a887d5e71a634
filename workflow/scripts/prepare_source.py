"""Workflow stage: the examples of one source."""

from mlan.data.prepare.source import prepare_source
from mlan.stage import main

if __name__ == "__main__":
    main("prepare_source", prepare_source)
