"""An append-only journal of answered batches, so that a killed evaluation loses one batch.

One JSON line a batch, flushed to disk before the next begins. Its key covers everything that
decides the answers (weights, prompts, pictures, code, and which items share the batch); an
entry of another key is never used. A torn last line is ignored.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """Answers by batch key."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[dict[str, Any]]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._read()

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):  # torn by a kill: the next entry must start a line
            with self._path.open("r+b") as stream:
                stream.truncate(len(whole))
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
                self._known[entry["key"]] = entry["answers"]
            except (ValueError, KeyError, TypeError):
                continue

    def get(self, key: str) -> list[dict[str, Any]] | None:
        """Return a batch's answers, or None if it was not answered under this key."""
        return self._known.get(key)

    def put(self, key: str, answers: list[dict[str, Any]]) -> None:
        """Append a batch's answers and wait until they are on disk."""
        line = json.dumps({"key": key, "answers": answers}, ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._known[key] = answers
