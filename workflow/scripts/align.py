"""Stage `align`: see `mlan.train.align`."""

from mlan.stage import main
from mlan.train.align import align

if __name__ == "__main__":
    main("align", align)
