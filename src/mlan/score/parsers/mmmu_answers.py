"""MMMU: lettered choices and open questions.

Source: MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py. One thing differs, on purpose: where the
official code cannot read a choice it draws an option at random; here the answer is invalid and
wrong, so a score does not hang on a draw, and is lower by about (invalid rate) / (options).
"""

from __future__ import annotations

import re

from mlan.score.rule import Item, Reading, lettered, names

_ENDS = ",.!?;:'"
_BEFORE_AN_ANSWER = (
    "could be ",
    "so ",
    "is ",
    "thus ",
    "therefore ",
    "final ",
    "answer ",
    "result ",
)
_TRIVIAL = frozenset(":,.!?;'")
# The official patterns, which find the same numbers in time linear in the text: a number is tried
# at its first digit only, and none is given back.
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?(?<!\d)\d++(?:\.\d++)?+[eE][+-]?\d++"),
    re.compile(r"-?(?:(?<!\d)\d++\.\d++|\.\d++|(?<!\d)\d++\b)(?![eE][+-]?\d)(?![,\d])"),
)


def mmmu(item: Item, text: str) -> Reading:
    """Read a choice where the item has options, else an open answer."""
    return _choice(item, text.strip()) if item.options else _open(item, text.strip())


def _choice(item: Item, text: str) -> Reading:
    """Read the last `(X)`, else the last X between spaces, else the last option's text.

    Letters are capital. An option's text counts, without case and also inside a word, in answers
    of more than five words only. Punctuation is taken off both ends first.
    """
    for end in _ENDS:
        text = text.strip(end)
    padded, known = f" {text} ", names(item)
    ways = [
        [padded.rfind(f"({name})") for name in known],
        [padded.rfind(f" {name} ") for name in known],
    ]
    if len(text.split()) > 5:
        lower = padded.lower()
        ways.append([lower.rfind(option.lower()) for option in item.options])
    places = next((way for way in ways if max(way) >= 0), None)
    return lettered(None if places is None else known[places.index(max(places))], item)


def _open(item: Item, text: str) -> Reading:
    """Read key phrases and their numbers; one that holds a gold text or is a gold number is right.

    A phrase is the shortest of what follows `is `, `answer `, ... in a line (in the last line also
    `=`), the whole answer where there is none; its numbers are read too. Numbers are rounded to two
    digits; a text of one character must stand beside a space. A gold text counts anywhere in the
    phrase, also inside a word.
    """
    golds = [form for gold in item.golds for form in _forms(gold)]
    phrases = _phrases(text)
    numbers = (found for phrase in phrases for way in _NUMBERS for found in way.findall(phrase))
    said = [form for part in (*phrases, *numbers) for form in _forms(part)]
    right = [form for form in said if _agrees(form, golds)]
    read = str((right or said)[0]).strip()
    return Reading(read or None if not right else read, float(bool(right)))


def _phrases(text: str) -> list[str]:
    whole = text.strip(".").lower()
    lines = whole.split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        marks = (*_BEFORE_AN_ANSWER, "=") if number == len(lines) else _BEFORE_AN_ANSWER
        tails = [line.rsplit(mark, 1)[1].strip() for mark in marks if mark in line]
        shortest = _shortest(tails)
        if shortest and shortest not in _TRIVIAL:
            found.append(shortest)
    return found or [whole]


def _shortest(tails: list[str]) -> str:
    """The shortest tail; an empty one gives way to whatever follows it, as in the source."""
    best = ""
    for tail in tails:
        if not best or len(tail) < len(best):
            best = tail
    return best


def _forms(text: str) -> list[str | float]:
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        lower = text.lower()
        return [f" {lower}", f"{lower} "] if len(lower) == 1 else [lower]


def _agrees(form: str | float, golds: list[str | float]) -> bool:
    if isinstance(form, str):
        return any(isinstance(gold, str) and gold in form for gold in golds)
    return form in golds
