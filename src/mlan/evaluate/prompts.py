"""What a model is asked, by the form of an item and the name of a prompt.

The requests are our own words and stand in no source (`mlan.data.asked` has other ones), so
that none is practised; `choose` is the form of embedded questions, of which the default is.
The names say where the request stands: `before` or `after` the question, or hardly any
(`short`). `mlan` has the shape of the paper's harness (arXiv 2411.10557), which also begins the
answer: `PRIMER`. Nothing here depends on an item's gold answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlan.config.evaluate import PromptName
from mlan.data.fields import letters
from mlan.data.phrases import choose

_QUESTION, _OPTIONS = "{question}", "{options}"

PROMPTS: dict[str, dict[PromptName, str]] = {
    "choose": {
        "default": choose(_QUESTION, [_OPTIONS]),
        "before": "Which of these answers the question: {options}?\n{question}",
        "after": "{question}\nThe answer is one of: {options}. Say which.",
        "short": "{question} ({options})",
        "mlan": "{question} Name the best option of these: {options}",
    },
    "letter": {
        "default": "{question}\nWhich of these is right? Answer with its letter alone.\n{options}",
        "before": "Read the question, then give the letter of the right answer.\n{question}\n"
        "{options}",
        "after": "{question}\n{options}\nOnly the letter of the right answer is wanted.",
        "short": "{question}\n{options}\nLetter:",
        "mlan": "{question}\nTake the best of the options that follow:\n{options}",
    },
    "yes_no": {
        "default": "Answer the question with yes or no.\n{question}",
        "before": "The question below is answered by yes or by no. Say which.\n{question}",
        "after": "{question}\nIs it yes or no? Write that word alone.",
        "short": "{question}\nYes or no:",
        "mlan": 'Let "yes" or "no" be the answer:\n{question}',
    },
    "brief": {
        "default": "Answer with a single word or a short phrase.\n{question}",
        "before": "The question below has a short answer. Give that and nothing else.\n{question}",
        "after": "{question}\nOne word, or a few that belong together, will do.",
        "short": "{question}\nShort answer:",
        "mlan": "Give a short answer to this question: {question}",
    },
}
# What an option's text continues: lm-eval's form of ARC and others, or a text that breaks off.
CONTINUED = {"question": "Question: {question}\nAnswer:", "text": "{question}"}
# How an answer is begun for the model, and what closes it.
PRIMER, CLOSING = 'The best answer is "', '"'


def worded(form: str, prompt: PromptName, question: str, options: Sequence[str]) -> str:
    """Return the text that asks an item; listed options stand in the order of `options`."""
    listed = ", ".join(options)
    if form == "letter":
        named = zip(letters(len(options)), options, strict=True)
        listed = "\n".join(f"{letter}: {option}" for letter, option in named)
    return PROMPTS[form][prompt].format(question=question, options=listed)


def unquoted(text: str, ended: bool) -> tuple[str, bool]:
    """Return what was said after `PRIMER` up to the closing quote, and whether it has ended."""
    said, closing, _ = text.partition(CLOSING)
    return said, ended or bool(closing)
