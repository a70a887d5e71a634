"""VQA accuracy: a free answer against what ten people said.

With m the number of golds that equal the answer, and n golds, the credit is the mean over the
golds i of min(1, m_i / 3), where m_i leaves gold i itself out: 0, 0.3, 0.6, 0.9 and 1 for
m = 0, 1, 2, 3 and 4 of ten. With fewer than four golds no answer earns all.
Sources: GT-Vision-Lab/VQA, PythonEvaluationTools/vqaEvaluation/vqaEval.py (`vqa`);
haotian-liu/LLaVA, llava/eval/m4c_evaluator.py, after facebookresearch/mmf's EvalAI processor
(`m4c`); allenai/aokvqa, evaluation/eval_predictions.py (`aokvqa_direct`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlan.score.parsers.short_answers import DIGITS
from mlan.score.rule import Item, Reading

_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_STOP = re.compile(r"\.(?!\d)")
_ARTICLES = ("a", "an", "the")
_NUMBERS = {**DIGITS, "none": "0"}
# Contractions that are written anew where an apostrophe is missing. Not here, as in the sources:
# those that are another word without it (he'll, we'll, it's, we're, I'd, she'd).
_CONTRACTIONS = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
    haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't
    mightn't've must've mustn't needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've
    shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll
    someone's something'd something'd've something'll that's there'd there'd've there're there's
    they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're
    what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll
    why're why's won't would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've
    you'll you're you've
"""


def _spellings() -> dict[str, str]:
    """Every contraction with one of its apostrophes left out, and how it is written."""
    found = {
        word[:at] + word[at + 1 :]: word
        for word in _CONTRACTIONS.split()
        for at, character in enumerate(word)
        if character == "'"
    }
    return found | {"somebody'd": "somebodyd"}  # The sources have this one the wrong way round.


_SPELLINGS = _spellings()


def vqa(item: Item, text: str) -> Reading:
    """Compare as the VQA challenge does: normalised only where the annotators disagree.

    Where all golds are the same text, answer and gold are compared as they are, case included:
    `Yes` is wrong if ten people said `yes`. Otherwise both lose punctuation, case, articles and
    number words (`_normalised`). An answer without text that no gold equals is invalid.
    """
    answer, golds = _line(text), [_line(gold) for gold in item.golds]
    if len(set(golds)) > 1:
        answer, golds = _normalised(answer), [_normalised(gold) for gold in golds]
    return _leaving_one_out(answer, golds)


def m4c(item: Item, text: str) -> Reading:
    """Compare as the EvalAI server and LLaVA's TextVQA do: always normalised.

    Before what `vqa` does, commas and question marks are taken off, and `'s` becomes a word.
    """
    answer, *golds = (_normalised(_words(said)) for said in (text, *item.golds))
    return _leaving_one_out(answer, golds)


def aokvqa_direct(item: Item, text: str) -> Reading:
    """Compare letter by letter: min(1, m / 3), where m golds equal the answer.

    No gold is left out and nothing is normalised but surrounding white space: `Dog` is not `dog`.
    Exclusion: the official score leaves out questions marked `difficult_direct_answer`, which is
    for whoever makes the items to do.
    """
    answer = text.strip()
    return _credited(answer, min(1.0, list(item.golds).count(answer) / 3))


def _leaving_one_out(answer: str, golds: Sequence[str]) -> Reading:
    same = list(golds).count(answer)
    others = (len(golds) - same) * min(1.0, same / 3)
    credit = (same * min(1.0, (same - 1) / 3) + others) / len(golds) if same else 0.0
    return _credited(answer, credit)


def _credited(answer: str, credit: float) -> Reading:
    # "a" is no word after normalising, and yet a right answer where people said "a".
    return Reading(answer if answer or credit else None, credit)


def _line(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip()


def _words(text: str) -> str:
    spoken = text.lower().replace(",", "").replace("?", "").replace("'s", " 's")
    return _line(spoken.strip())


def _normalised(text: str) -> str:
    """Return a text without punctuation, case, articles, number words, missing apostrophes.

    A punctuation mark with a space beside it somewhere, or any one in a text with a comma between
    digits, is taken off; otherwise it becomes a space. Apostrophes and colons stay. Of full
    stops without a digit after them the first 32 are taken off, as the source's call has it.
    """
    joins = _COMMA_IN_NUMBER.search(text) is not None
    plain = text
    for mark in _MARKS:
        off = joins or f"{mark} " in text or f" {mark}" in text
        plain = plain.replace(mark, "" if off else " ")
    words = (_NUMBERS.get(word, word) for word in _STOP.sub("", plain, count=32).lower().split())
    return " ".join(_SPELLINGS.get(word, word) for word in words if word not in _ARTICLES)
