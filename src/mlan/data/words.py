"""The words: frequent concrete nouns of WordNet 3.0 with a short definition.

A word is taken when its first noun sense is tagged in WordNet's text corpus, belongs to a
concrete lexicographer file, is named by the word first, and has a gloss of 25 to 80
characters that does not use the word. The most often tagged come first. Not here: the split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlan.data.assets import locate
from mlan.errors import DataError

# Lexicographer files of concrete things (WordNet's `lexnames`), by number.
_CONCRETE = {
    "05": "animal",
    "06": "artifact",
    "08": "body",
    "13": "food",
    "17": "object",
    "20": "plant",
    "27": "substance",
}
_WORD = re.compile(r"[a-z]{4,10}")
_SHORTEST, _LONGEST = 25, 80


@dataclass(frozen=True)
class Word:
    """One word: its definition, its kind of thing, and how often the sense was tagged."""

    name: str
    gloss: str
    category: str
    count: int


@dataclass(frozen=True)
class _Synset:
    file: str
    first_word: str
    gloss: str


def words(limit: int, taken: set[str]) -> list[Word]:
    """Return the `limit` most often tagged words that are not in `taken`.

    Raises DataError when fewer exist.
    """
    folder = locate("wordnet")
    synsets = _synsets(folder / "data.noun")
    found = {word.name: word for word in _candidates(folder / "index.sense", synsets)}
    chosen = [word for name, word in found.items() if name not in taken]
    chosen.sort(key=lambda word: (-word.count, word.name))
    if len(chosen) < limit:
        raise DataError(
            f"data.concepts.words = {limit}: {len(chosen)} words exist; "
            f"ask for at most {len(chosen)}"
        )
    return chosen[:limit]


def _candidates(senses: Path, synsets: dict[str, _Synset]) -> Iterator[Word]:
    """Yield usable first noun senses. A line: `chair%1:06:00:: 03001627 1 35`."""
    for line in senses.read_text(encoding="ascii").splitlines():
        key, offset, number, count = line.split()
        word, _, rest = key.partition("%")
        if not rest.startswith("1:") or number != "1" or count == "0":
            continue
        synset = synsets[offset]
        if synset.file in _CONCRETE and synset.first_word == word and _usable(word, synset.gloss):
            yield Word(word, synset.gloss, _CONCRETE[synset.file], int(count))


def _usable(word: str, gloss: str) -> bool:
    fits = _SHORTEST <= len(gloss) <= _LONGEST and not gloss.startswith("(")
    return fits and word not in gloss and _WORD.fullmatch(word) is not None


def _synsets(file: Path) -> dict[str, _Synset]:
    """Read `offset file type count word ... | gloss; "example"` lines, by offset."""
    synsets = {}
    for line in file.read_text(encoding="ascii").splitlines():
        if line.startswith(" "):
            continue  # the licence, at the top of the file
        head, _, text = line.partition("|")
        fields = head.split()
        synsets[fields[0]] = _Synset(fields[1], fields[4], text.split(";")[0].strip())
    return synsets
