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

from mlan.data.items import offered
from mlan.score import parse
from mlan.score.rule import Item, Reading, matched

# Normalised: no bracket stands before the letter.
_LETTER = re.compile(r"([a-z])(?:[)\].:](?: .*)?)?$")
_YES_NO = re.compile(r"(yes|no)\b")
_TRUE_FALSE = ("true", "false")


def strict(item: Item, text: str) -> Reading:
    """Read the first line as an answer: an offered one, or where none is offered, any."""
    if not item.options:
        line = parse.first_line(text)
        return matched(line or None, [parse.normalise(gold) for gold in item.golds])
    return _chosen(item, parse.strict(text, offered(item.form, item.options)))


def lenient(item: Item, text: str) -> Reading:
    """Read the answer that the text gives in more words; never contradicts `strict`."""
    if not item.options:
        return _said(item, text)
    read = _LENIENT.get(item.form, parse.lenient)
    return _chosen(item, read(text, item.options))


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


_LENIENT = {"letter": letter, "yes_no": yes_no}


def _chosen(item: Item, index: int | None) -> Reading:
    answers = offered(item.form, item.options)
    return matched(None if index is None else answers[index], item.golds)


def _said(item: Item, text: str) -> Reading:
    """A free answer without lead-in, further sentences and article, where that makes it right."""
    exact = strict(item, text)
    if exact.read is None or exact.credit:
        return exact
    bare = {parse.without_article(parse.normalise(gold)) for gold in item.golds}
    said = parse.without_lead_in(exact.read)
    ways = [parse.without_article(way) for way in (said, parse.first_sentence(said)) if way]
    right = [way for way in ways if way in bare]
    return Reading((right or [exact.read])[0], float(bool(right)))
