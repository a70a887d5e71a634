"""A table as files: CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from mlan.records import write_bytes
from mlan.report.latex import to_latex
from mlan.report.tables import Table, grouped


def to_csv(table: Table) -> str:
    """Return header and rows as CSV; the note is left out so that it stays machine-readable."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([table.header, *table.rows])
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """Return a Markdown table with caption and note."""
    rule = ["---" if left else "---:" for left in table.left]
    lines = [table.header, rule, *grouped(table)]
    body = "\n".join(f"| {' | '.join(_bar(cell) for cell in line)} |" for line in lines)
    return f"{table.caption}\n\n{body}\n\n{table.note}\n"


def _bar(cell: str) -> str:
    return cell.replace("|", "\\|")


def write_table(table: Table, folder: Path, name: str) -> list[Path]:
    """Write `folder/name.csv`, `.md` and `.tex` atomically and return the paths."""
    paths = []
    for kind, text in (
        ("csv", to_csv(table)),
        ("md", to_markdown(table)),
        ("tex", to_latex(table, name)),
    ):
        path = folder / f"{name}.{kind}"
        write_bytes(path, text.encode())
        paths.append(path)
    return paths
