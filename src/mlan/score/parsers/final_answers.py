"""BIG-Bench Hard: the final answer after some reasoning.

The authors (suzgunmirac/BIG-Bench-Hard) released prompts that end in `So the answer is (A).` and
no scorer; the rules are those of EleutherAI/lm-evaluation-harness, lm_eval/tasks/bbh. Not here:
where its generation stops (`Q`, an empty line). The target of a lettered choice is `(A)`.
"""

from __future__ import annotations

import re
import unicodedata

from mlan.score.rule import Item, Reading, lettered, matched, names

_SAYS = re.compile(r"the answer is (.*).")
_BRACKETS = re.compile(r"\(([A-Z])\)")
_YES_NO = re.compile(r"\b(Yes|No|yes|no)\b")


def bbh(item: Item, text: str) -> Reading:
    """Read what follows the first `the answer is ` in its line, but for the last character.

    The last character is taken to be the full stop and dropped whatever it is: without a stop
    `(A)` becomes `(A` and is wrong. Case matters, in the lead-in and in the answer.
    Source: cot_fewshot/_cot_fewshot_template_yaml (filter get-answer, exact match).
    """
    answer = _final(text)
    if not item.options or item.form != "letter":
        return matched(answer, item.golds)
    found = _BRACKETS.fullmatch(answer or "")
    return lettered(found[1] if found else None, item)


def bbh_flexible(item: Item, text: str) -> Reading:
    """Read the last option that an answer names, wherever; of a free answer as `bbh` does.

    Yes or no: the last such word, `Yes` or `yes`. Letters: the last `(X)`; else the option's text
    that stands last, without case and punctuation; else the last letter after a colon.
    Source: cot_zeroshot (filter flexible-extract).
    """
    if item.form == "yes_no":
        words = _YES_NO.findall(text)
        return matched(words[-1].lower() if words else None, [g.lower() for g in item.golds])
    if item.form != "letter" or not item.options:
        return bbh(item, text)
    return lettered(_last(item, text), item)


def _final(text: str) -> str | None:
    found = _SAYS.search(text)
    return found[1].strip() or None if found else None


def _last(item: Item, text: str) -> str | None:
    known = names(item)
    brackets = _BRACKETS.findall(text)
    if brackets:
        return str(brackets[-1])
    plain = {
        _without_marks(option.strip().lower()): name
        for option, name in zip(item.options, known, strict=True)
    }
    texts = re.findall("|".join(map(re.escape, filter(None, plain))), _without_marks(text.lower()))
    if texts and texts[-1].strip():
        return plain.get(texts[-1].strip())
    colons = re.findall(rf":\s*([{known[0]}-{known[-1]}])", text)
    return str(colons[-1]) if colons else None


def _without_marks(text: str) -> str:
    return "".join(c for c in text if not unicodedata.category(c).startswith("P"))
