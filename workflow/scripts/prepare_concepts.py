"""Workflow stage: the table of concepts and their split."""

from mlan.data.prepare.concepts import prepare_concepts
from mlan.stage import main

if __name__ == "__main__":
    main("prepare_concepts", prepare_concepts)
