"""Stage `prune`: see `mlan.evaluate.prune`."""

from mlan.evaluate.prune import prune
from mlan.stage import main

if __name__ == "__main__":
    main("prune", prune)
