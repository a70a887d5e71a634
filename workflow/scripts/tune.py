"""Stage `tune`: see `mlan.train.tune`."""

from mlan.stage import main
from mlan.train.tune import tune

if __name__ == "__main__":
    main("tune", tune)
