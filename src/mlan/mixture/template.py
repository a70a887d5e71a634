"""Conversation templates as token segments, so that label spans hold by construction.

A conversation becomes a list of token ids in which each answer (and its end token) is marked
as supervised. Segments are tokenised on their own and joined; nothing is searched for in a
tokenised string. An image is a run of `<image>` tokens at the start of the first user turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

IMAGE_TOKEN = "<image>"
END_TOKEN = "<|im_end|>"


def load_tokenizer(backbone: Path) -> Tokenizer:
    """Return the tokenizer of a backbone folder."""
    return Tokenizer.from_file(str(backbone / "tokenizer.json"))


@dataclass(frozen=True)
class Encoded:
    """A conversation as token ids; `supervised[i]` says whether token i is predicted."""

    ids: list[int]
    supervised: list[bool]


class UserAssistant:
    """`User: {question}` newline `Assistant: {answer}<|im_end|>`, the picture first.

    The plain words work with an untuned instruction model and leave room for its habits to
    show; nothing precedes the answer (no "The best answer is").
    """

    def __init__(self, tokenizer: Tokenizer, image_tokens: int) -> None:
        tokenizer.encode_special_tokens = True  # `<|im_end|>` within a text is only text
        self._tokenizer = tokenizer
        self._image = [token_id(tokenizer, IMAGE_TOKEN)] * image_tokens
        self.end = token_id(tokenizer, END_TOKEN)
        self._assistant = self._ids("\nAssistant:")

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def question(self, text: str, *, picture: bool, first: bool = True) -> list[int]:
        """Return the ids up to and including `Assistant:`."""
        user = self._ids("User:" if first else "\nUser:")
        body = [*self._image, *self._ids(f"\n{text}")] if picture else self._ids(f" {text}")
        return [*user, *body, *self._assistant]

    def answer(self, text: str) -> list[int]:
        """Return the ids of an answer, without the end token."""
        return self._ids(f" {text}")

    def encode(self, turns: Sequence[Mapping[str, str]], *, picture: bool) -> Encoded:
        """Encode turns of `user` and `assistant`; every answer and its end is supervised."""
        ids: list[int] = []
        supervised: list[bool] = []
        for number, turn in enumerate(turns):
            prompt = self.question(turn["user"], picture=picture and number == 0, first=number == 0)
            answer = [*self.answer(turn["assistant"]), self.end]
            ids += [*prompt, *answer]
            supervised += [*([False] * len(prompt)), *([True] * len(answer))]
        return Encoded(ids, supervised)


TEMPLATES = {"user-assistant": UserAssistant}


def token_id(tokenizer: Tokenizer, text: str) -> int:
    """Return the id of a token. Raises ValueError if the tokenizer does not have it."""
    token = tokenizer.token_to_id(text)
    if token is None:
        raise ValueError(f"the tokenizer has no {text!r} token")
    return int(token)
