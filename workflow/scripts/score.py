"""Judge every answer of one run: predictions and items in, one row per outcome out."""

from mlan.score.score import score_run
from mlan.stage import main

if __name__ == "__main__":
    main("score", score_run)
