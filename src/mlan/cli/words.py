"""Numbers and tables as the terminal shows them."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100


def console() -> Console:
    """Return a console of the terminal's width, at most 100; plain text when not a terminal."""
    width = min(WIDTH, Console().width) if sys.stdout.isatty() else WIDTH
    return Console(width=width, highlight=False)


def table(*columns: str, left: int = 1) -> Table:
    """Return an empty table; the first `left` columns are words, the others numbers."""
    grid = Table(box=None, padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        grid.add_column(Text(name), justify="left" if number < left else "right", no_wrap=True)
    return grid


def show(screen: Console, title: str, content: Table) -> None:
    """Print a table below its title, then an empty line."""
    screen.print(Text(title, "bold"))
    screen.print(content)
    screen.print()


def duration(seconds: float) -> str:
    """Return `45 s`, `12 min` or `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: float) -> str:
    """Return a whole number with thousands separated."""
    return f"{round(number):,}".replace(",", " ")


def percent(fraction: float) -> str:
    """Return a fraction as a percentage with one decimal."""
    return f"{100 * fraction:.1f}"


def two(number: float) -> str:
    """Return a number with two digits that count: `7.1`, `0.32`, `370`."""
    rounded = float(f"{number:.2g}")
    return count(rounded) if rounded >= 10 else f"{rounded:g}"


def flop(number: float) -> str:
    """Return operations with two digits, `1.2e19`; `-` for none."""
    return f"{number:.1e}".replace("+", "").replace("e0", "e") if number else "-"


def size(number: float) -> str:
    """Return bytes as `512 B`, `3.4 MB`, `13.5 GB` or `365 GB`; powers of 1000; `-` for none."""
    value, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g} {units[0]}" if number else "-"


def gpu_hours(seconds: float) -> str:
    """Return seconds of one GPU in hours: `7.1 GPU-h`."""
    return f"{two(seconds / 3600)} GPU-h"
