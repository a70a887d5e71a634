"""Compare every source with every benchmark: equal questions, equal pictures."""

from mlan.data.prepare.overlap import overlap
from mlan.stage import main

if __name__ == "__main__":
    main("overlap", overlap)
