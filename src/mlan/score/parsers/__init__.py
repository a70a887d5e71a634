"""Every rule by name: `strict` and `lenient`, which are ours, and the official ones."""

from __future__ import annotations

from mlan.score.answers import lenient, strict
from mlan.score.rule import Parser

PARSERS: dict[str, Parser] = {"strict": strict, "lenient": lenient}
