"""The rules of the MLAN paper's harness (wang-research-lab/mlan, scripts/eval/custom).

It primes the answer with `The best answer is "` and ends it at the closing quote. `mlan` is what it
does with pictures, `mlan_text` what it does with text-only choices (RACE, OpenBookQA, HellaSwag);
other forms are the same in both. Not here: that its POPE leaves answers which are neither yes nor
no out of its F1.
"""

from __future__ import annotations

import re

from mlan.score.parsers.short_answers import DIGITS, MARKS, bare, exact
from mlan.score.rule import Item, Reading, lettered, names

_END = re.compile(r'[.,:"\n\r]')
_TEXT_END = re.compile(r'User:|[.,:"]')
_NUMBERS = {**DIGITS, "none": "0", "ten": "ten"}
_TRUTH = {"true": "yes", "false": "no"}


def mlan(item: Item, text: str) -> Reading:
    """Read up to the first full stop, comma, colon, quote or line's end.

    A choice is its letter or one option's whole text; `true` and `false` are yes and no; a free
    answer that is a number word (`none`, to `nine`) is its digit. Case and punctuation do not
    matter. `The answer is B` is invalid.
    Source: the helper.py and the yaml files of ai2d, gqa, realworldqa and pope.
    """
    said = bare(_END.split(text, maxsplit=1)[0])
    if item.form == "letter":
        texts = [bare(option) for option in item.options]
        return lettered(names(item)[texts.index(said)] if said in texts else said.upper(), item)
    if item.form == "yes_no":
        return exact(item, _TRUTH.get(said, said))
    return exact(item, _NUMBERS.get(said, said))


def mlan_text(item: Item, text: str) -> Reading:
    """Read as `mlan`, but of a choice the letter, else the first option all of whose words stand.

    Lines do not end an answer, `User:` does; in brackets a letter is none.
    Source: hellaswag/utils.py and hellaswag_em.yaml.
    """
    if item.form != "letter":
        return mlan(item, text)
    said = _TEXT_END.split(text.strip(), maxsplit=1)[0].strip()
    if said in names(item):
        return lettered(said, item)
    words = _words(said)
    options = zip(names(item), map(_words, item.options), strict=False)
    named = (name for name, wanted in options if wanted and wanted <= words)
    return lettered(next(named, said.upper()), item)


def _words(text: str) -> set[str]:
    return set(MARKS.sub("", text).lower().split())
