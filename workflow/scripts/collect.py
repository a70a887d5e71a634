"""Summarise all finished runs: scores, intervals, contrasts, tokens, cells."""

from mlan.evidence.collect import collect
from mlan.stage import main

if __name__ == "__main__":
    main("collect", collect)
