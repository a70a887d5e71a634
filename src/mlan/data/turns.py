"""Messages of a conversation as turns of question and answer.

Messages take turns, the user first, and the last one is an answer. The `<image>` marker, where
a format has one, stands once, in the first question, and is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlan.config.section import Modality
from mlan.data.fields import BadRowError, is_unicode
from mlan.data.rows import Turns

MARKER = "<image>"


@dataclass(frozen=True)
class Names:
    """How a format names its column of messages, their keys, and who speaks."""

    column: str
    role: str
    text: str
    user: str
    assistant: str


def read_turns(messages: Any, names: Names, modality: Modality, *, marked: bool) -> Turns:
    """Return `[{user, assistant}, ...]`; `marked`: a picture needs its marker.

    Raises BadRowError for other roles, an empty turn, or a marker in another place.
    """
    if not isinstance(messages, list) or not messages:
        raise BadRowError(f"no {names.column}")
    speakers = (names.user, names.assistant)
    texts = [_text(message, names, speakers[i % 2]) for i, message in enumerate(messages)]
    if len(texts) % 2:
        raise BadRowError("last question has no answer")
    _check_markers(texts, modality, marked)
    questions = [text.replace(MARKER, "").strip() for text in texts[::2]]
    answers = [text.strip() for text in texts[1::2]]
    if not all(answers):
        raise BadRowError("empty answer")
    if not all(questions):
        raise BadRowError("empty question")
    return [{"user": q, "assistant": a} for q, a in zip(questions, answers, strict=True)]


def _text(message: Any, names: Names, role: str) -> str:
    if not isinstance(message, dict) or not isinstance(message.get(names.text), str):
        raise BadRowError(f"turn without a text {names.text}")
    if message.get(names.role) != role:
        pair = f"{names.user}, {names.assistant}"
        raise BadRowError(f"roles are not {pair}, {pair}, ...")
    text: str = message[names.text]
    if not is_unicode(text):
        raise BadRowError("text is not Unicode")
    return text


def _check_markers(texts: Sequence[str], modality: Modality, marked: bool) -> None:
    most = int(modality == "vision")
    total = sum(text.count(MARKER) for text in texts)
    if total < most and marked:
        raise BadRowError(f"no {MARKER} in the first question")
    if total > most:
        raise BadRowError(f"more than one {MARKER}" if most else f"{MARKER} without an image")
    if texts[0].count(MARKER) != total:
        raise BadRowError(f"{MARKER} is not in the first question")
