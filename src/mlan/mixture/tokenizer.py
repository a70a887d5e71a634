"""The language model's tokenizer straight from its GGUF file, without torch or transformers.

A GGUF file begins with its metadata: typed key-value pairs, little endian (specification of
ggml, `docs/gguf.md`). SmolLM2's tokenizer is byte-level BPE; with the `<image>` token added it
encodes as the one that transformers converts does, in a tenth of the time. Not here: weights
(`mlan.model.gguf`).
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from mlan.data.assets import locate
from mlan.errors import DataError
from mlan.mixture.template import IMAGE_TOKEN

# GGUF value types by number; 8 is a string, 9 an array.
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_CONTROL = 3  # token type


def embedded_tokenizer() -> Tokenizer:
    """Return the tokenizer of the embedded language model plus `<image>`.

    Raises DataError when the asset is missing or is not what is expected.
    """
    fields = read_metadata(locate("smollm2"))
    tokens = fields["tokenizer.ggml.tokens"]
    kinds = fields["tokenizer.ggml.token_type"]
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in (*special, IMAGE_TOKEN)]
    )
    return tokenizer


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the key-value pairs of a GGUF file. Raises DataError for another format."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(data)
        if data[:4] != b"GGUF":
            raise DataError(f"{path}: not a GGUF file; run `make install`")
        reader.at = 4
        reader.scalar("I")  # version
        reader.scalar("Q")  # number of tensors
        pairs = reader.scalar("Q")
        return {reader.text(): reader.value(reader.scalar("I")) for _ in range(pairs)}


class _Reader:
    """Reads values one after the other from a buffer."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.at = 0

    def scalar(self, letter: str) -> Any:
        (value,) = struct.unpack_from(f"<{letter}", self._data, self.at)
        self.at += struct.calcsize(f"<{letter}")
        return value

    def text(self) -> str:
        length = self.scalar("Q")
        self.at += length
        return self._data[self.at - length : self.at].decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            inner, length = self.scalar("I"), self.scalar("Q")
            return [self.value(inner) for _ in range(length)]
        return self.scalar(_SCALARS[kind])
