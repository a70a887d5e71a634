r"""A table as LaTeX (booktabs): a float, or a longtable where it would not fit on a page.

Model: the width of a column is estimated from its letters. Where all fit into a line they are as
wide as they need, in small print if that helps; else the widest are narrowed, none below its
longest word, and wrapped: their widths are then parts of \linewidth, whatever the class.
Not here: what tables hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from mlan.report.tables import Table, grouped

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "–": "--",
    "−": "$-$",
    "<": "$<$",
    ">": "$>$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
# Letters on a line as wide as the text of two columns (7 in), by size of print.
_SIZES = {"footnotesize": 118, "scriptsize": 138}
_GAP = 1.5  # letters between two columns (6 pt)
_LONGEST = 42  # lines of a float; more do not fit on a page with caption and note


def to_latex(table: Table, name: str) -> str:
    """Return the table with caption, label `tab:name` and note; without rows no tabular."""
    rows = grouped(table)
    caption = rf"\caption{{{latex(table.caption)}}}\label{{tab:{name}}}"
    note = rf"\par\smallskip{{\footnotesize {latex(table.note)}}}"
    if not rows:
        return "\n".join([r"\begin{table*}", caption, note, r"\end{table*}", ""])
    size, widths = _widths(table, rows)
    columns = _columns(table, widths)
    lines = [_row(row, broken=bool(widths)) for row in rows]
    for place in reversed(table.blocks):
        lines.insert(place, r"\midrule")
    head = _row(table.header, broken=bool(widths))
    if _height(rows, widths) > _LONGEST:
        return "\n".join(_long(columns, size, caption, head, lines, note))
    return "\n".join(_float(columns, size, caption, head, lines, note))


def _float(
    columns: str, size: str, caption: str, head: str, lines: Sequence[str], note: str
) -> list[str]:
    return [
        r"% needs \usepackage{array,booktabs}",
        r"\begin{table*}",
        caption,
        rf"\centering\{size}\setlength{{\tabcolsep}}{{3pt}}",
        rf"\begin{{tabular}}{{{columns}}}",
        *(r"\toprule", head, r"\midrule", *lines, r"\bottomrule"),
        r"\end{tabular}",
        note,
        *(r"\end{table*}", ""),
    ]


def _long(
    columns: str, size: str, caption: str, head: str, lines: Sequence[str], note: str
) -> list[str]:
    return [
        r"% needs \usepackage{array,booktabs,longtable}; longer than a page: no float, and in a",
        r"% paper of two columns after \onecolumn",
        rf"{{\{size}\setlength{{\tabcolsep}}{{3pt}}",
        rf"\begin{{longtable}}{{{columns}}}",
        rf"{caption}\\",
        *(r"\toprule", head, r"\midrule", r"\endfirsthead"),
        *(r"\toprule", head, r"\midrule", r"\endhead"),
        *(r"\bottomrule", r"\endfoot", *lines),
        r"\end{longtable}",
        note,
        *("}", ""),
    ]


def _widths(table: Table, rows: Sequence[Sequence[str]]) -> tuple[str, list[float]]:
    """Return the size of print and each column's letters; none if all are as wide as they need."""
    columns = list(zip(table.header, *rows, strict=True))
    need = [max(map(len, column)) for column in columns]
    least = [max(len(word) for cell in column for word in _words(cell)) for column in columns]
    rooms = {size: letters - _GAP * len(columns) for size, letters in _SIZES.items()}
    for size, room in rooms.items():
        if sum(need) <= room:
            return size, []
    size = next((size for size, room in rooms.items() if sum(least) <= room), "scriptsize")
    return size, _narrowed(need, least, rooms[size])


def _narrowed(need: Sequence[int], least: Sequence[int], room: float) -> list[float]:
    """Narrow the widest columns until all fit, none below its longest word."""

    def at(cap: float) -> list[float]:
        return [max(low, min(wanted, cap)) for wanted, low in zip(need, least, strict=True)]

    low, high = 0.0, float(max(need))
    for _ in range(40):
        cap = (low + high) / 2
        low, high = (cap, high) if sum(at(cap)) <= room else (low, cap)
    return at(low)


def _words(cell: str) -> list[str]:
    """Pieces of a cell between which a line may break."""
    return re.findall(r"[^\s_-]+[_-]?|[_-]", cell) or [""]


def _height(rows: Sequence[Sequence[str]], widths: Sequence[float]) -> int:
    """Lines of print that the rows take."""
    if not widths:
        return len(rows)
    return sum(
        max(math.ceil(len(cell) / width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def _columns(table: Table, widths: Sequence[float]) -> str:
    if not widths:
        return "".join("l" if left else "r" for left in table.left)
    total = sum(width + _GAP for width in widths)
    return "".join(
        rf">{{\ragged{'right' if left else 'left'}\arraybackslash}}"
        rf"p{{\dimexpr {(width + _GAP) / total:.4f}\linewidth-2\tabcolsep\relax}}"
        for left, width in zip(table.left, widths, strict=True)
    )


def _row(cells: Sequence[str], broken: bool) -> str:
    line = " & ".join(latex(cell) for cell in cells) + r" \\"
    return line.replace(r"\_", r"\_\allowbreak{}") if broken else line


def latex(text: str) -> str:
    """Return text with every sign that LaTeX would interpret escaped, and with true minus signs."""
    minus = re.sub(r"(?<![\w.)])-(?=\.?\d)", "−", text)
    return "".join(LATEX.get(sign, sign) for sign in minus)
