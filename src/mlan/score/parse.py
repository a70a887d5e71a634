"""Which option does a generated answer name? Two rules, so that format and knowledge come apart.

`strict`  the first line *is* one option, up to case, white space and surrounding punctuation.
`lenient` whatever is strict, or a first line that is a lead-in and one option ("The answer is
          the X."), or an answer of any length that names exactly one option as whole words.
None means invalid: such an answer is wrong and is counted, never guessed. Option letters are
not answers here (see `answers`). Not here: scripts written without spaces, where "whole word" has
no meaning.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

_ARTICLES = frozenset({"a", "an", "the"})
_ARTICLE = re.compile(r"(?:a|an|the) (?=.)")
_LEAD_IN = re.compile(
    r"(?:so,? )?(?:(?:(?:the|my) )?(?:correct |right |best )?(?:answer|option|choice)"
    r"(?: is| would be)?|(?:it|this|that) is|it[’']s|(?:they|these) are)\b ?:? "
)
_NEGATION = re.compile(r"\b(?:not|nor|neither|never|cannot|except|\w+n[’']t)\b")
_MARKS = ".!?;"
_SENTENCE_END = re.compile(rf"[{_MARKS}](?: |$)|\n")


@lru_cache(maxsize=16384)
def normalise(text: str) -> str:
    """Return the text without what never distinguishes two answers.

    Unicode compatibility form without case (definition D146 of the Unicode standard, composed
    at the end), white space collapsed to single spaces, punctuation and quotes removed at both
    ends. Inner punctuation stays. Idempotent.
    """
    # One pass is not enough: folding can undo the normal form and the other way round.
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = unicodedata.normalize("NFKD", folded).casefold()
    words = " ".join(unicodedata.normalize("NFKC", folded).split())
    start, end = 0, len(words)
    while start < end and _surrounding(words[start]):
        start += 1
    while start < end and _surrounding(words[end - 1]):
        end -= 1
    return words[start:end]


def strict(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the one option that the first line equals, else None.

    Both sides are normalised. An empty first line is invalid, even if a later line answers.
    """
    return _only(first_line(text), [normalise(option) for option in options])


def lenient(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the one option that the answer names, else None.

    Never contradicts `strict`. An option counts as named when it stands as whole words
    (`Niger` is not in `Nigeria`, nor `Guinea` in `Guinea-Bissau`); where two options overlap,
    the longer one has the place. Two named options, or a negation before the named one in its
    sentence, make the answer invalid.
    """
    exact = strict(text, options)
    if exact is not None:
        return exact
    bare = [without_article(normalise(option)) for option in options]
    direct = _only(without_article(without_lead_in(first_line(text))), bare)
    if direct is not None:
        return direct
    return _named(_lines(text), bare)


def first_line(text: str) -> str:
    """Return the first line, normalised."""
    lines = text.splitlines()
    return normalise(lines[0]) if lines else ""


def _lines(text: str) -> str:
    return "\n".join(normalise(line) for line in text.splitlines())


def _surrounding(character: str) -> bool:
    """Punctuation (any script), the backtick of code marks, or a space left beside them."""
    return character in " `" or unicodedata.category(character).startswith("P")


def _only(line: str, options: list[str]) -> int | None:
    """The index of the single option equal to the line; equal options are never guessed."""
    hits = [index for index, option in enumerate(options) if line and option == line]
    return hits[0] if len(hits) == 1 else None


def first_sentence(line: str) -> str:
    """Return a normalised line up to where its first sentence ends, normalised."""
    return normalise(_SENTENCE_END.split(line, maxsplit=1)[0])


def without_article(line: str) -> str:
    """Return a normalised line without the article that it begins with."""
    return normalise(_ARTICLE.sub("", line, count=1)) if _ARTICLE.match(line) else line


def without_lead_in(line: str) -> str:
    """Return a normalised line without a lead-in such as `the answer is`."""
    found = _LEAD_IN.match(line)
    return normalise(line[found.end() :]) if found else line


def _named(body: str, options: list[str]) -> int | None:
    spans = sorted(
        (start, start + len(option), index)
        for index, option in enumerate(options)
        # An option that is an article ("a") would be found in any sentence.
        if option and option not in _ARTICLES
        for start in _occurrences(body, option)
    )
    kept = [span for span, hidden in zip(spans, _hidden(spans), strict=True) if not hidden]
    if len({index for _, _, index in kept}) != 1:
        return None
    return None if _any_negated(body, [start for start, _, _ in kept]) else kept[0][2]


def _hidden(spans: list[tuple[int, int, int]]) -> Iterator[bool]:
    """For each of the sorted spans, whether it overlaps a longer one."""
    longest = max((end - start for start, end, _ in spans), default=0)
    for at, span in enumerate(spans):
        start, end, _ = span
        first = bisect_left(spans, (start - longest,), hi=at)
        last = bisect_left(spans, (end,), lo=at)
        yield any(_hides(other, span) for other in spans[first:last])


def _occurrences(body: str, option: str) -> Iterator[int]:
    start = body.find(option)
    while start >= 0:
        if _whole(body, start, start + len(option)):
            yield start
        start = body.find(option, start + 1)


def _whole(body: str, start: int, end: int) -> bool:
    """Whether the span is no part of a longer word or number on either side."""
    before, after = body[max(0, start - 2) : start], body[end : end + 2]
    return not (_goes_on(before[::-1], body[start]) or _goes_on(after, body[end - 1]))


def _goes_on(beside: str, edge: str) -> bool:
    """Whether the text beside a span's edge character belongs to the same word.

    `beside` is read away from the span: a word character; a hyphen that joins two words; a
    decimal or thousands sign between digits.
    """
    if not beside:
        return False
    if _word(beside[0]) and _word(edge):
        return True
    if len(beside) < 2:
        return False
    hyphenated = beside[0] in "-‐‑" and _word(beside[1]) and _word(edge)
    return hyphenated or (beside[0] in ".," and beside[1].isdigit() and edge.isdigit())


def _word(character: str) -> bool:
    # Combining marks belong to their word; `\w` does not hold them.
    return character == "_" or unicodedata.category(character)[0] in "LMN"


def _hides(longer: tuple[int, int, int], shorter: tuple[int, int, int]) -> bool:
    """Whether the first span overlaps the second and is longer."""
    overlap = longer[0] < shorter[1] and shorter[0] < longer[1]
    return overlap and longer[1] - longer[0] > shorter[1] - shorter[0]


def _any_negated(body: str, starts: list[int]) -> bool:
    """Whether a negation stands before one of the places, in the same sentence."""
    begins = [0, *(end.end() for end in _SENTENCE_END.finditer(body))]
    negations = [(found.end(), found.start()) for found in _NEGATION.finditer(body)]
    for start in starts:
        # A mark right before the place ends a sentence, as one before a space does.
        ended = start > 0 and body[start - 1] in _MARKS
        begin = start if ended else begins[bisect_right(begins, start) - 1]
        last = bisect_right(negations, (start, start)) - 1
        if last >= 0 and negations[last][1] >= begin:
            return True
    return False
