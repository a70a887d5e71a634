"""Official rules that read the letter of an option.

Answers come without surrounding white space, as the scripts that write them leave them. A letter
that the item does not have is invalid.
"""

from __future__ import annotations

import re

from mlan.score.parsers.short_answers import bare
from mlan.score.rule import Item, Reading, lettered, names

_LEADING = re.compile(r"([A-Z])\.")
_SCIENCEQA = re.compile(r"The answer is ([A-E])")
_SCIENCEQA_LETTERS = ("A", "B", "C", "D", "E")
_MMBENCH_SAYS = re.compile(r"answer\s+is\s+\**([ABCD])", re.IGNORECASE)
_MMBENCH_BLANK = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_MMBENCH_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)


def letter(item: Item, text: str) -> Reading:
    """Read an answer that begins `X.` (capital), or is the letter, case and punctuation ignored.

    `b`, `(B)` and `B. cold` name B; `B: cold` and `The answer is B` name nothing. For benchmarks
    whose authors score likelihoods this is what harnesses do with a generated answer.
    Source: EvolvingLMMs-Lab/lmms-eval, tasks/ai2d/utils.py (MultiChoiceRegexFilter) and ai2d.yaml
    (exact match, case and punctuation ignored).
    """
    begins = _LEADING.match(text.strip())
    return lettered(begins[1] if begins else bare(text).upper(), item)


def seedbench(item: Item, text: str) -> Reading:
    """Read the first character, whatever its case and whatever follows.

    `because` names B. The authors rank likelihoods (AILab-CVC/SEED-Bench, eval.py), LLaVA wants
    the letter alone; of generated answers harnesses take the first character.
    Source: EvolvingLMMs-Lab/lmms-eval, tasks/seedbench/utils.py.
    """
    return lettered(text.strip()[:1].upper(), item)


def scienceqa(item: Item, text: str) -> Reading:
    """Read the letter alone, `X. ` at the start, or what follows `The answer is `; all capital.

    Only A to E are letters; a line's end counts as `. `; `(B)`, `b` and `the answer is B` are
    invalid, and so is a letter that the item does not have.
    Source: haotian-liu/LLaVA, llava/eval/eval_science_qa.py.
    """
    line = text.strip().replace("\n", ". ")
    if line in _SCIENCEQA_LETTERS or (line[:1] in _SCIENCEQA_LETTERS and line[1:3] == ". "):
        return lettered(line[0], item)
    says = _SCIENCEQA.search(line)
    return lettered(says[1] if says else None, item)


def mmbench(item: Item, text: str) -> Reading:
    """Read the one letter among the last four words, else `answer is X`, else one option's text.

    Words are split at white space and `.()[],:;!*#{}`, letters are capital; a letter that stands
    there only before the last four words, or two of them, name nothing by themselves. `answer is`
    looks at one character, of any case: `the answer is a dog` names A. An option's text counts
    anywhere, also inside a word, if no other option's text stands there too and the answer is at
    most twice as long as all options together. Refusals and `Z` are invalid.
    Not here: the judge model, which the official scorer asks next, and its last resort, a random
    option. As with its `exact_matching` such an answer is wrong.
    Source: open-compass/VLMEvalKit, vlmeval/utils/matching_util.py (can_infer).
    """
    if any(refusal in text for refusal in _MMBENCH_REFUSALS):
        return Reading(None, 0.0)
    if "Failed to obtain answer via API" in text:
        return lettered(_one_text(text.lower(), item), item)
    words = text.translate(_MMBENCH_BLANK).split()
    named = [name for name in names(item) if name in words]
    if len(named) == 1 and words.index(named[0]) > len(words) - 5:
        return lettered(named[0], item)
    if not named and "Z" in words:
        return Reading(None, 0.0)
    says = _MMBENCH_SAYS.search(text)
    if says and says[1].upper() in names(item):
        return lettered(says[1].upper(), item)
    return lettered(_one_text(text.lower(), item), item)


def _one_text(answer: str, item: Item) -> str | None:
    if len(answer) > 2 * sum(map(len, item.options)):
        return None
    options = zip(names(item), item.options, strict=False)
    found = [name for name, option in options if option.lower() in answer]
    return found[0] if len(found) == 1 else None
