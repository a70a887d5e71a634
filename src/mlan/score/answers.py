"""Is a generated answer right? By the form of an item, under a strict and a lenient rule.

`strict`  the first line *is* an answer: the letter, yes or no, an option, an accepted answer.
`lenient` whatever is strict, and what says the same in more words. Letters: `(b) cold`, `B: cold`,
          `The answer is B`, or one option's text. Yes or no: the first word, or the one that the
          answer names; true and false count for them. Free answers: one with a lead-in, an
          article, or more after its first sentence.
An answer that names nothing is invalid and wrong; a free answer is invalid where its first line
is empty. Both rules are ours. Not here: the official normalisation of a benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlan.data.items import offered
from mlan.score import parse

# Normalised: no bracket stands before the letter.
_LETTER = re.compile(r"([a-z])(?:[)\].:](?: .*)?)?$")
_YES_NO = re.compile(r"(yes|no)\b")
_TRUE_FALSE = ("true", "false")


@dataclass(frozen=True)
class Judged:
    """Whether an answer is right, and whether nothing could be read from it."""

    correct: bool
    invalid: bool


def judge(
    form: str, text: str, options: Sequence[str], golds: Sequence[str], *, lenient: bool
) -> Judged:
    """Judge one answer. Of an item with options `golds` holds one of those it offers."""
    if not options:
        return _judge_free(text, golds, lenient=lenient)
    read = _LENIENT[form] if lenient and form in _LENIENT else _READ[lenient]
    answers = offered(form, options)
    chosen = read(text, options if form == "letter" and lenient else answers)
    return Judged(chosen is not None and answers[chosen] == golds[0], chosen is None)


def letter(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the option that an answer names by letter or by text, else None."""
    answers = offered("letter", options)
    exact = parse.strict(text, answers)
    if exact is not None:
        return exact
    line = parse.without_lead_in(parse.first_line(text))
    found = _LETTER.match(line)
    if found is not None and ord(found[1]) - ord("a") < len(options):
        return ord(found[1]) - ord("a")
    return parse.lenient(text, options)


def yes_no(text: str, options: Sequence[str]) -> int | None:
    """Return the index of yes or no as an answer begins, else as it names it, else None."""
    begins = _YES_NO.match(parse.without_lead_in(parse.first_line(text)))
    if begins is not None:
        return list(options).index(begins[1])
    named = parse.lenient(text, options)
    return parse.lenient(text, _TRUE_FALSE) if named is None else named


_READ = {False: parse.strict, True: parse.lenient}
_LENIENT = {"letter": letter, "yes_no": yes_no}


def _judge_free(text: str, golds: Sequence[str], *, lenient: bool) -> Judged:
    line = parse.first_line(text)
    accepted = {parse.normalise(gold) for gold in golds}
    right = line in accepted
    if lenient and not right:
        bare = {parse.without_article(gold) for gold in accepted}
        said = parse.without_lead_in(line)
        ways = (said, parse.first_sentence(said))
        right = any(parse.without_article(way) in bare for way in ways if way)
    return Judged(bool(line) and right, not line)
