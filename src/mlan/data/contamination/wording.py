"""The wording of benchmark questions, indexed so that a source is read past it once.

Words are runs of letters and digits, case folded. A question of `GRAM` words or more is found by
its runs of 13 words (as in GPT-3 and lm-eval's janitor), a shorter one of `SHORTEST` words or
more by all of them, a still shorter one not at all. A run that stands in more than `COMMON`
clusters of a benchmark is how the benchmark asks, not what, and does not count.

Model: every word has a random 64-bit code, a run the polynomial of its codes modulo 2^64, which
is computed for all places of a text at once. Nothing but a collision, one in 10^10 for a million
rows, is found that is not there. Source: Brown et al., Language Models are Few-Shot Learners
(2020), appendix C. Not here: what counts as a match (`search`).
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GRAM, SHORTEST, COMMON = 13, 4, 10
_WORD = re.compile(r"[^\W_]+")
# How a question's own layout calls its parts; a source may lay the same text out otherwise.
_LABEL = re.compile(r"^(?:context|question|hint|passage):")
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no word of a run is lost
_FILTER_BITS = 24

Codes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Question:
    """What is compared of an item: its question in lines, and answers that count as right.

    `lines` and `golds` are normalised; `image` is empty for an item of text.
    """

    benchmark: str
    item: str
    cluster: str
    image: str
    lines: tuple[str, ...]
    golds: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """All words in order."""
        return " ".join(self.lines).split()


@dataclass(frozen=True)
class Hits:
    """Texts and questions with a run in common: places, and the share of the question's runs."""

    text: Places
    question: Places
    share: npt.NDArray[np.float64]


def words_of(text: str) -> list[str]:
    """Return the normalised words of a text."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def lines_of(question: str) -> tuple[str, ...]:
    """Return the lines of a question, normalised, without labels such as `Context:`."""
    lines = (_LABEL.sub("", line.strip().casefold()) for line in question.splitlines())
    return tuple(" ".join(words) for line in lines if (words := words_of(line)))


class WordingIndex:
    """The runs of words that find each of some questions."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        words = [question.words for question in questions]
        named = sorted({word for own in words for word in own})
        self._numbers = {word: number for number, word in enumerate(named, start=1)}
        self._codes = np.array([_code(word) for word in ["", *named]], dtype=np.uint64)
        keys, members = _runs(self._numbered(words), words)
        keys, members = _uncommon(keys, members, questions)
        self._keys, starts = np.unique(keys, return_index=True)
        self._members, self._bounds = members, np.append(starts, len(keys))
        self.counts = np.bincount(members, minlength=len(questions))
        sizes = [len(own) for own in words]
        self._lengths = {min(size, GRAM) for size in sizes if size >= SHORTEST}
        self._short = [size < GRAM for size in sizes]
        self._maybe = np.zeros(1 << _FILTER_BITS, dtype=np.bool_)
        self._maybe[_top(self._keys)] = True

    def is_short(self, place: int) -> bool:
        """Whether a question is too short for a run of 13 words."""
        return self._short[place]

    def _numbered(self, texts: Sequence[Sequence[str]]) -> Codes:
        """Codes of all words in order, each text followed by the code of no word."""
        number = self._numbers.get
        ended = itertools.chain.from_iterable((text, ("",)) for text in texts)
        flat = (number(word, 0) for word in itertools.chain.from_iterable(ended))
        return self._codes[np.fromiter(flat, dtype=np.int64)]

    def hits(self, texts: Sequence[Sequence[str]]) -> Hits:
        """Return which questions have a run in common with each text (normalised words)."""
        places, found = [], []
        for length, hashes in _rolling(self._numbered(texts)):
            if length in self._lengths and len(self._keys):
                place = np.flatnonzero(self._maybe[_top(hashes)])
                key = np.searchsorted(self._keys, hashes[place])
                same = self._keys[np.minimum(key, len(self._keys) - 1)] == hashes[place]
                places.append(place[same])
                found.append(key[same])
        ends = np.cumsum([len(text) + 1 for text in texts])
        text = np.searchsorted(ends, np.concatenate([np.empty(0, np.int64), *places]), "right")
        key = np.concatenate([np.empty(0, np.int64), *found])
        # A run that a text says twice counts once.
        size = max(1, len(self._keys))
        text, key = np.divmod(np.unique(text * size + key), size)
        number = self._bounds[key + 1] - self._bounds[key]
        member = self._members[_ranges(self._bounds[key], number)]
        size = max(1, len(self.questions))
        pair, count = np.unique(np.repeat(text, number) * size + member, return_counts=True)
        text, question = np.divmod(pair, size)
        return Hits(text, question, count / self.counts[question])


def _code(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())


def _top(hashes: Codes) -> Codes:
    return hashes >> np.uint64(64 - _FILTER_BITS)


def _rolling(codes: Codes) -> Iterator[tuple[int, Codes]]:
    """Yield for each length up to GRAM the hash of the run that starts at each place."""
    total, power = np.zeros_like(codes), np.uint64(1)
    for length in range(1, min(GRAM, len(codes)) + 1):
        total = total[: len(codes) - length + 1] + codes[length - 1 :] * power
        power = np.multiply(power, _BASE)
        yield length, total


def _ranges(starts: Places, counts: Places) -> Places:
    """All of `start, start + 1, ...` for each start, one after the other."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())


def _runs(codes: Codes, words: Sequence[Sequence[str]]) -> tuple[Codes, Places]:
    """Hash and question of every run that finds a question, each pair once."""
    sizes = np.array([len(own) for own in words], dtype=np.int64)
    starts = np.cumsum(sizes + 1) - sizes - 1
    keys, members = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for length, hashes in _rolling(codes):
        if length >= SHORTEST:
            own = np.flatnonzero(sizes >= GRAM if length == GRAM else sizes == length)
            counts = sizes[own] - length + 1
            keys.append(hashes[_ranges(starts[own], counts)])
            members.append(np.repeat(own, counts))
    key, member = np.concatenate(keys), np.concatenate(members)
    order = np.lexsort((member, key))
    key, member = key[order], member[order]
    new = _changes(key) | _changes(member)
    return key[new], member[new]


def _uncommon(keys: Codes, members: Places, questions: Sequence[Question]) -> tuple[Codes, Places]:
    """Without runs that stand in too many clusters of one benchmark; ordered by hash."""
    benchmark = _numbers([q.benchmark for q in questions])[members]
    cluster = _numbers([q.cluster for q in questions])[members]
    order = np.lexsort((cluster, benchmark, keys))
    keys, members = keys[order], members[order]
    first = _changes(keys) | _changes(benchmark[order])
    group = np.cumsum(first) - 1
    clusters = np.bincount(group[first | _changes(cluster[order])], minlength=1)
    kept = clusters[group] <= COMMON
    return keys[kept], members[kept]


def _changes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Whether each value is the first or differs from the one before."""
    return np.append(np.ones(min(1, len(values)), np.bool_), values[1:] != values[:-1])


def _numbers(names: Sequence[str]) -> Places:
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)
