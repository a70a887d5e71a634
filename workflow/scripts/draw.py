"""Stage `draw`: the summary folder to figures and tables."""

from mlan.report.draw import draw
from mlan.stage import main

if __name__ == "__main__":
    main("draw", draw)
