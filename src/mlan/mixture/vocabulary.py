"""The tokenizer of a language model's folder, with the tokens that LLaVA needs beside it.

A tokenizer without `<image>` gets it, then `<pad>` if it has no token for padding, each with the
next free id (as LLaVA-1.5 has them: 32000 and 32001 after Llama 2's). Nothing is cut or padded
by the tokenizer itself, whatever its file says; what stands at the beginning of a conversation
is the template's affair, so `<s>` is there exactly once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from mlan.data.model_folder import CONFIG, TOKENIZER
from mlan.errors import DataError
from mlan.mixture.template import IMAGE_TOKEN, token_id

PAD_TOKEN = "<pad>"


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and the id of its padding."""

    tokenizer: Tokenizer
    pad: int


def rows_needed(tokenizer: Tokenizer) -> int:
    """Return the rows of an embedding table for every token: the largest id, and one."""
    return 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())


def read_vocabulary(folder: Path, rows: int | None = None) -> Vocabulary:
    """Return the vocabulary of a model's folder.

    `rows` are those of the embedding table that it must fit, if it is another model's: before
    new tokens. Raises DataError if it does not, or if tokenizer.json cannot be read.
    """
    path = folder / TOKENIZER
    if not path.is_file():
        raise DataError(f"{folder}: no {TOKENIZER}")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise DataError(f"{path}: not readable ({error})") from None
    if rows is not None and (needed := rows_needed(tokenizer)) > rows:
        raise DataError(
            f"{path}: its ids go up to {needed - 1}, the language model has {rows} rows of "
            "embeddings; take the tokenizer of the model that it was tuned from"
        )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    _add(tokenizer, IMAGE_TOKEN)
    pad = _pad_token(folder, tokenizer)
    if pad is None:
        _add(tokenizer, PAD_TOKEN)
        pad = PAD_TOKEN
    return Vocabulary(tokenizer, token_id(tokenizer, pad))


def _add(tokenizer: Tokenizer, token: str) -> None:
    if tokenizer.token_to_id(token) is None:
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)])


def _pad_token(folder: Path, tokenizer: Tokenizer) -> str | None:
    """The padding token that tokenizer_config.json or config.json names, if it exists."""
    token = _plain(folder / "tokenizer_config.json").get("pad_token")
    if isinstance(token, dict):
        token = token.get("content")
    number = _plain(folder / CONFIG).get("pad_token_id")
    if token is None and isinstance(number, int) and number >= 0:
        token = tokenizer.id_to_token(number)
    known = isinstance(token, str) and tokenizer.token_to_id(token) is not None
    return token if known else None


def _plain(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
