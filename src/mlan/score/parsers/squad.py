"""SQuAD v1.1: exact match and F1 of tokens, each the best over the golds.

Both sides are put in lower case, lose ASCII punctuation and the words a, an, the; white space is
made single. Source: the official script evaluate-v1.1.py of rajpurkar/SQuAD-explorer.
"""

from __future__ import annotations

import re
import string
from collections import Counter

from mlan.score.rule import Item, Reading

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")


def squad_em(item: Item, text: str) -> Reading:
    """Credit 1 where the normalised answer equals a normalised gold.

    An answer without a word is invalid, unless a gold has none either.
    """
    answer = normalise(text)
    right = answer in map(normalise, item.golds)
    return Reading(answer if answer or right else None, float(right))


def squad_f1(item: Item, text: str) -> Reading:
    """Credit 2PR / (P + R) of the tokens of answer and gold as bags, the best over the golds.

    Tokens are words between white space, repeats counted; no common token is 0, also where both
    sides are empty. An answer without a word is invalid.
    """
    answer = normalise(text)
    words = answer.split()
    credit = max((_f1(words, normalise(gold).split()) for gold in item.golds), default=0.0)
    return Reading(answer or None, credit)


def normalise(text: str) -> str:
    """Return a text as the official script compares it."""
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _f1(words: list[str], gold: list[str]) -> float:
    common = sum((Counter(words) & Counter(gold)).values())
    # 2PR/(P+R) with P = common/words, R = common/gold.
    return 2 * common / (len(words) + len(gold)) if common else 0.0
