"""Benchmark prompts by name: what a model is asked, from an item's question and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlan.data.phrases import choose

PROMPTS: dict[str, Callable[[str, Sequence[str]], str]] = {"choose": choose}
DEFAULT_PROMPT = "choose"
