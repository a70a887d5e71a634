"""How every figure looks, and how it is written.

One rcParams dictionary, one table of series. Series that share a panel differ in colour
(Okabe-Ito), marker, dash and lightness, so that they survive colour blindness and grey print.
Figures are built without pyplot: no global state, no display. `save` writes PDF, SVG and PNG
without dates or random identifiers. Not here: what is drawn.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure

from mlan.records import atomic, write_csv

WIDTH_IN = 7.0  # text width of a two-column paper
DPI = 200
INK = "#222222"
FAINT = "#6e6e6e"

RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 8.5,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
    "figure.labelsize": 8.5,
    "figure.titlesize": 10,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,  # TrueType: some publishers refuse Type 3
    "svg.fonttype": "path",  # the same shapes whatever fonts the reader has
    "svg.hashsalt": "mlan",  # without it every SVG gets random ids
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.color": INK,
    "ytick.labelsize": 7.5,
}

# A date, a host or a version in the metadata would make equal figures differ.
METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": "mlan", "Producer": "mlan"},
    "svg": {"Date": None, "Creator": "mlan"},
    "png": {"Software": None},
}


# `Figure.savefig` draws everything twice; a canvas' own writer draws once.
CANVASES: dict[str, Any] = {
    "pdf": FigureCanvasPdf,
    "svg": FigureCanvasSVG,
    "png": FigureCanvasAgg,
}


@dataclass(frozen=True)
class Series:
    """One series' look; `dash` is a matplotlib line style."""

    label: str
    colour: str
    marker: str
    dash: str


SERIES = {
    "strict": Series("generation, strict parser", "#0072B2", "o", "-"),
    "option": Series("option likelihood", "#E69F00", "s", "--"),
    "lenient": Series("generation, lenient parser", "#000000", "^", "-."),
    "real": Series("real image", "#0072B2", "o", "-"),
    "blank": Series("blank image", "#E69F00", "D", "--"),
}

# How a verdict is marked; grey is what says nothing.
VERDICTS = {
    "supported": Series("supported", "#0072B2", "o", "-"),
    "contradicted": Series("contradicted", "#D55E00", "X", "-"),
    "undecided": Series("undecided", "#6e6e6e", "D", "-"),
    "not run": Series("not run", "#a8a8a8", "_", ":"),
    "withdrawn": Series("withdrawn", "#a8a8a8", "_", ":"),
}

# One hue from white to the darkest series' blue: lightness alone tells the values apart.
SHADES = LinearSegmentedColormap.from_list("value", ["#ffffff", SERIES["real"].colour])
# The same hue from pale to nearly black, so that many shares stay apart; even in lightness.
_SHARES = LinearSegmentedColormap.from_list(
    "share", [(0.0, "#b5d4ec"), (0.65, SERIES["real"].colour), (1.0, "#0a1830")]
)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))

PARTS = {
    "text of text examples": "#0072B2",
    "text of vision examples": "#56B4E9",
    "image tokens": "#F0E442",
}


def luma(colour: str) -> float:
    """Return the grey value of a colour in 0..1: .299 R + .587 G + .114 B (ITU-R BT.601)."""
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def share_looks(shares: Iterable[float]) -> dict[float, tuple[str, Any]]:
    """Return colour and dash of every text share: the more text the darker, by rank.

    By rank, as shares crowd near 100 %; neighbours differ in dash too.
    """
    found = sorted(set(shares))
    steps = max(1, len(found) - 1)
    return {
        share: (to_hex(_SHARES(rank / steps)), DASHES[rank % len(DASHES)])
        for rank, share in enumerate(found)
    }


@contextmanager
def house_style() -> Iterator[None]:
    """Use matplotlib's defaults plus RC inside the block, whatever the user's settings are."""
    with matplotlib.style.context(["default", RC]):
        yield


def new_figure(height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """Return an empty figure of the given size in inches; call it inside `house_style`."""
    return Figure(figsize=(width_in, height_in), layout="constrained")


def placeholder(title: str, why: str) -> Figure:
    """Return a figure that says why there is nothing to draw, so that a gap stays visible."""
    lines = textwrap.wrap(f"not drawn: {why}", 110)
    figure = new_figure(1.0 + 0.14 * len(lines))
    text = "\n".join([title, *lines])
    figure.text(0.5, 0.5, text, ha="center", va="center", color=FAINT)
    return figure


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write `folder/name.pdf`, `.svg` and `.png` atomically and return the paths."""
    paths = []
    with house_style():
        # The layout is solved once and frozen; otherwise each format would solve it again. Letters
        # are as wide as they are drawn only at the resolution at which they are drawn.
        figure.dpi = DPI
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for kind, canvas in CANVASES.items():
            path = folder / f"{name}.{kind}"
            figure.dpi = DPI
            with atomic(path) as temporary:
                write = getattr(canvas(figure), f"print_{kind}")
                write(temporary, metadata=METADATA[kind])
            paths.append(path)
    return paths


def save_data(frame: pd.DataFrame, folder: Path, name: str) -> Path:
    """Write the numbers behind a figure to `folder/name.csv` and return the path."""
    path = folder / f"{name}.csv"
    write_csv(path, frame)
    return path
