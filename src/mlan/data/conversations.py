"""Adapter `conversations`: LLaVA's JSON list, or JSONL.

A row is `{id, image?, conversations: [{from: human|gpt, value}, ...]}`
(github.com/haotian-liu/LLaVA, docs/Finetune_Custom_Data.md). The `<image>` marker stands once,
in the first human turn. Not here: whether a picture can be decoded (`photos`).
"""

from __future__ import annotations

from typing import Any

from mlan.config.data import ConversationsSource
from mlan.data.fields import mapping, picture_of
from mlan.data.rows import Adapter, Row, row_id
from mlan.data.turns import Names, read_turns

_NAMES = Names("conversations", role="from", text="value", user="human", assistant="gpt")


def conversations(source: ConversationsSource) -> Adapter:
    """Return how rows of LLaVA's format are read."""

    def parse(number: int, raw: Any) -> Row | None:
        row = mapping(raw)
        shown = picture_of(row, "image", number, source.modality)
        if shown is None:
            return None
        image, embedded = shown
        turns = read_turns(row.get("conversations"), _NAMES, source.modality, marked=True)
        return Row(number, row_id(row, number), image, turns, embedded=embedded)

    return Adapter(parse, needed=("conversations",), optional=("id", "image"))
