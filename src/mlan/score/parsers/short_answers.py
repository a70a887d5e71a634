"""Official rules that compare a short answer with the accepted one, letter by letter."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from mlan.score.rule import Item, Reading, lettered, matched, names

_PUNCTUATION = str.maketrans("", "", string.punctuation)
MARKS = re.compile(r"[^\w\s]")
_NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
DIGITS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS)}


def bare(text: str) -> str:
    """Return a text in lower case, without surrounding white space and ASCII punctuation."""
    return text.strip().lower().translate(_PUNCTUATION)


def exact(item: Item, text: str) -> Reading:
    """Read the whole answer, without case, ASCII punctuation and surrounding white space.

    What an item with options does not offer is invalid.
    Source: EleutherAI/lm-evaluation-harness, lm_eval/api/metrics.py (exact_match with
    ignore_case and ignore_punctuation), as lmms-eval's gqa.yaml has it.
    """
    answer = bare(text)
    if item.form == "letter":
        return lettered(answer.upper(), item)
    if item.options:
        said = (option for option in item.options if bare(option) == answer)
        return matched(next(said, None), item.golds)
    return free(answer, [bare(gold) for gold in item.golds])


def gqa(item: Item, text: str) -> Reading:
    """Read the whole answer in lower case without full stops at its end; it must equal the gold.

    No other punctuation is taken off: `"yes"` in quotes is wrong.
    Source: haotian-liu/LLaVA, scripts/convert_gqa_for_eval.py, and GQA's eval.py
    (gqadataset.org), which compares without any normalisation.
    """
    return free(text.strip().rstrip(".").lower(), item.golds)


def realworldqa(item: Item, text: str) -> Reading:
    """Read the letter, an option's text in the answer, or a free answer with digits for words.

    An answer that is a number word becomes its digits; all but word characters and white space is
    taken off; the option whose text stands first in what is left (case matters) gives its letter;
    otherwise it must equal the gold without case. Two named options: the first one.
    Its publisher released no scorer. Source: EvolvingLMMs-Lab/lmms-eval, tasks/realworldqa (the
    filters NumberWordsToDigits and MultiChoiceRegex, exact match).
    """
    answer = text.strip()
    answer = MARKS.sub("", DIGITS.get(answer.lower(), answer)).strip()
    if not item.options:
        return free(bare(answer), [bare(gold) for gold in item.golds])
    places = [(answer.find(option), index) for index, option in enumerate(item.options)]
    named = min((place for place in places if place[0] >= 0), default=None)
    return lettered(bare(answer).upper() if named is None else names(item)[named[1]], item)


def free(answer: str, golds: Sequence[str]) -> Reading:
    """Return the reading of a free answer; an empty one that no gold equals is invalid."""
    return matched(answer if answer or answer in golds else None, golds)
