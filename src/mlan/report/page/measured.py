"""How scores are measured, in words: what the answer and the claims say of themselves."""

from __future__ import annotations

from mlan.report.summary import MEASURES, Key

_WORDS = {
    ("generate", "strict"): "answers read strictly",
    ("generate", "lenient"): "answers read leniently",
    ("generate", "official"): "answers read by each benchmark's own rule",
    ("label_logit", "argmax"): "answers chosen by likelihood",
    ("choice_logprob", "sum"): "options chosen by likelihood",
}


def words(scorer: str, parser: str) -> str:
    """Return what follows `with`: how an answer is asked for and read."""
    known = _WORDS.get((scorer, parser))
    return known or f"options chosen by likelihood ({parser.replace('_', ' ')})"


def other_scorer(key: Key) -> Key:
    """Return what shows the part of form: likelihood, or strict reading beside likelihood."""
    return MEASURES["strict" if key.scorer == MEASURES["option"].scorer else "option"]
