"""Conversations as token segments, so that label spans hold by construction.

A conversation becomes a list of token ids in which each answer (and its end token) is marked
as supervised. Segments are tokenised on their own and joined; nothing is searched for in a
tokenised string. Which segments there are is told by a form (`mlan.mixture.forms`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from mlan.errors import ConfigError
from mlan.mixture.forms import FORMS, Form, Picture, Piece, Special

IMAGE_TOKEN = "<image>"
# Written before a word by tokenizers of the sentencepiece family.
_WORD_MARK = "▁"


def load_tokenizer(backbone: Path) -> Tokenizer:
    """Return the tokenizer of a backbone folder."""
    return Tokenizer.from_file(str(backbone / "tokenizer.json"))


@dataclass(frozen=True)
class Encoded:
    """A conversation as token ids; `supervised[i]` says whether token i is predicted."""

    ids: list[int]
    supervised: list[bool]


class Template:
    """A form spoken with a tokenizer, a picture being `image_tokens` tokens long.

    `form` is what stands in place of the named one, for a variant that has no name; `key` is
    where the study file names it.

    Raises ConfigError if the tokenizer lacks a token of the form.
    """

    def __init__(
        self,
        name: str,
        tokenizer: Tokenizer,
        image_tokens: int,
        form: Form | None = None,
        key: str = "recipe.backbone.template",
    ) -> None:
        tokenizer.encode_special_tokens = True  # `<|im_end|>` within a text is only text
        self._named = f"{key} = {name!r}"
        self._form = form or FORMS[name]
        self._tokenizer = tokenizer
        self._image = [self._special(IMAGE_TOKEN)] * image_tokens
        # Such a tokenizer begins every text with a space of its own.
        marked = tokenizer.encode("a", add_special_tokens=False).tokens
        self._adds_space = bool(marked) and marked[0].startswith(_WORD_MARK)
        self.end = self._special(self._form.end.token)
        for piece in (*self._form.opening, *self._form.ask, *self._form.between):
            if isinstance(piece, Special):
                self._special(piece.token)

    def question(self, text: str, *, picture: bool, first: bool = True) -> list[int]:
        """Return the ids up to where the answer begins."""
        return self._joined(self._leading(picture, first), text)

    def answer(self, text: str) -> list[int]:
        """Return the ids of an answer, without the end token."""
        return self._ids(self._form.answer.replace("{}", text))

    def reply(self, text: str) -> list[int]:
        """Return the ids of an answer as it stands in a conversation, its end included."""
        return [*self.answer(text), *([self.end] if self._form.ends else [])]

    def rest(self, begun: str, text: str) -> list[int]:
        """Return the ids by which an answer that has begun so goes on with `text`.

        Raises ConfigError for a tokenizer that joins the two.
        """
        if not begun:
            return self.answer(text)
        before, whole = self.answer(begun), self.answer(begun + text)
        if whole[: len(before)] != before or len(whole) == len(before):
            raise ConfigError(
                f"{self._named}: its tokenizer joins {begun!r} and {text!r}, so no answer can be "
                "begun so; ask without `primer`"
            )
        return whole[len(before) :]

    def continuation(
        self, text: str, option: str, *, picture: bool, first: bool = True
    ) -> list[int]:
        """Return the ids of an option that continues the question `text`.

        lm-eval's rule (EleutherAI/lm-evaluation-harness, `_encode_pair`): what stands before
        the answer and the answer are encoded as one text, cut at the length of the former
        alone. Here the former begins after the last special token or break between segments.
        """
        last = self._leading(picture, first)[-1:]
        before = last[0].replace("{}", text) if last and isinstance(last[0], str) else ""
        whole = self._ids(before + self._form.answer.replace("{}", option))
        return whole[len(self._ids(before)) :]

    def encode(self, turns: Sequence[Mapping[str, str]], *, picture: bool) -> Encoded:
        """Encode turns of `user` and `assistant`; every answer and its end is supervised."""
        ids: list[int] = []
        supervised: list[bool] = []
        for number, turn in enumerate(turns):
            prompt = self.question(turn["user"], picture=picture and number == 0, first=number == 0)
            answer = self.reply(turn["assistant"])
            ids += [*prompt, *answer]
            supervised += [*([False] * len(prompt)), *([True] * len(answer))]
        return Encoded(ids, supervised)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, special tokens written out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def _leading(self, picture: bool, first: bool) -> tuple[Piece, ...]:
        """The pieces that lead to an answer."""
        form = self._form
        if first:
            return (*form.opening, *(form.show if picture else form.ask))
        return (*form.between, *(form.show_again if picture else form.again))

    def _joined(self, pieces: Sequence[Piece], text: str) -> list[int]:
        ids: list[int] = []
        for piece in pieces:
            if isinstance(piece, Picture):
                ids += self._image
            elif isinstance(piece, Special):
                ids.append(self._special(piece.token))
            else:
                ids += self._ids(piece.replace("{}", text))
        return ids

    def _ids(self, text: str) -> list[int]:
        if self._adds_space:
            text = text.removeprefix(" ")
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _special(self, token: str) -> int:
        try:
            return token_id(self._tokenizer, token)
        except ValueError as error:
            raise ConfigError(
                f"{self._named}: {error}; choose the template that the language model was made for"
            ) from None


def token_id(tokenizer: Tokenizer, text: str) -> int:
    """Return the id of a token. Raises ValueError if the tokenizer does not have it."""
    token = tokenizer.token_to_id(text)
    if token is None:
        raise ValueError(f"the tokenizer has no {text!r} token")
    return int(token)
