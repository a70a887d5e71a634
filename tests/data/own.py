"""Write a file, read it as a source: what the tests of all adapters do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mlan.data.file_sources import own_source, read_source
from mlan.data.rows import Rejected, Row

Read = tuple[list[Row], list[Rejected]]

# Anything that JSON can say.
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def write(folder: Path, name: str, content: Any) -> Path:
    """Write text, bytes, or anything else as JSON (a list as JSONL where the name says so)."""
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
        return path
    if not isinstance(content, str):
        lines = content if name.endswith(".jsonl") else [content]
        content = "\n".join(map(json.dumps, lines))
    path.write_text(content, encoding="utf-8")
    return path


def read(path: Path | list[Path], **fields: Any) -> Read:
    """Return kept and dropped rows of a source named `mine`."""
    paths = path if isinstance(path, list) else [path]
    source = own_source({"path": [p.name for p in paths], **fields})
    local: Mapping[str, Path] = {p.name: p for p in paths}
    found = {
        name: local.get(file.path, paths[0].parent / file.path)
        for name, file in source.files().items()
    }
    return read_source("mine", source, found)


def reasons(found: Read) -> list[tuple[int, str]]:
    """Return number and reason of every dropped row."""
    return [(row.number, row.reason) for row in found[1]]
