"""Adapter `chat`: messages with roles, one conversation a row, in parquet or JSONL.

A row is `{messages: [{role: user|assistant|system, content}, ...], image?, id?}`; names are
the source's to choose, so ShareGPT's `from` and `value` fit as well. Content is a text, or the
list of parts of the Hub's chat templates, `[{type: image}, {type: text, text}]`. A first
message of the role `system` goes before the first question, since the template has no place
of its own for it. A picture always stands before the first question; its marker may be left
out. Source of the layout: huggingface.co/docs/trl, "Dataset formats", conversational.
"""

from __future__ import annotations

from typing import Any

from mlan.config.data import ChatSource
from mlan.data.fields import BadRowError, as_text, mapping, picture_of
from mlan.data.rows import Adapter, Row, row_id
from mlan.data.turns import MARKER, Names, read_turns


def chat(source: ChatSource) -> Adapter:
    """Return how rows of messages are read."""
    names = Names(source.messages, source.role, source.content, source.user, source.assistant)

    def parse(number: int, raw: Any) -> Row | None:
        row = mapping(raw)
        shown = picture_of(row, source.image, number, source.modality)
        if shown is None:
            return None
        image, embedded = shown
        messages = row.get(source.messages)
        system = ""
        if isinstance(messages, list):
            messages = [_joined(message, source.content) for message in messages]
            system, messages = _split_system(messages, source)
        turns = read_turns(messages, names, source.modality, marked=False)
        if system:
            turns[0]["user"] = f"{system}\n\n{turns[0]['user']}"
        return Row(number, row_id(row, number, source.id), image, turns, embedded=embedded)

    optional = (source.id, source.image)
    return Adapter(parse, (source.messages,), optional, id=source.id, image=source.image)


def _joined(message: Any, content: str) -> Any:
    """Return a message whose parts are one text; what is no list of parts stays as it is."""
    if not isinstance(message, dict) or not isinstance(message.get(content), list):
        return message
    return {**message, content: "\n".join(_part(part) for part in message[content])}


def _part(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "image":
        return MARKER
    text = part.get("text") if kind == "text" else None
    if not isinstance(text, str):
        raise BadRowError("part of a message that is neither text nor image")
    return text


def _split_system(messages: list[Any], source: ChatSource) -> tuple[str, list[Any]]:
    first = messages[0] if messages else None
    if not isinstance(first, dict) or first.get(source.role) != "system":
        return "", messages
    if source.system == "refuse":
        raise BadRowError("system message")
    if first.get(source.content) in (None, ""):
        return "", messages[1:]
    system = as_text(first[source.content], source.content)
    if MARKER in system:
        raise BadRowError(f"{MARKER} is not in the first question")
    return system, messages[1:]
