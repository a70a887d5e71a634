"""The wording of questions: what a study got by default stays, and nothing is practised."""

from __future__ import annotations

from typing import get_args

import pytest

from mlan.config.evaluate import PromptName
from mlan.data.asked import REQUESTS
from mlan.data.phrases import choose
from mlan.evaluate.prompts import CLOSING, CONTINUED, PRIMER, PROMPTS, unquoted, worded

OPTIONS = ["here", "there"]
NAMES = get_args(PromptName)


def test_default_prompts_are_as_ever() -> None:
    letter = "Where?\nWhich of these is right? Answer with its letter alone.\nA: here\nB: there"
    assert worded("letter", "default", "Where?", OPTIONS) == letter
    assert worded("choose", "default", "Where?", OPTIONS) == choose("Where?", OPTIONS)
    assert worded("choose", "default", "Where?", OPTIONS) == "Where? Choose one: here, there."
    yes_no = "Answer the question with yes or no.\nIs it here?"
    assert worded("yes_no", "default", "Is it here?", ["yes", "no"]) == yes_no
    brief = "Answer with a single word or a short phrase.\nWhere?"
    assert worded("brief", "default", "Where?", []) == brief


@pytest.mark.parametrize("form", PROMPTS)
def test_every_form_has_every_prompt_in_words_of_its_own(form: str) -> None:
    assert tuple(PROMPTS[form]) == NAMES
    texts = [worded(form, name, "Where is {it}?", OPTIONS) for name in NAMES]
    assert len(set(texts)) == len(NAMES)
    for text in texts:
        assert text.count("Where is {it}?") == 1  # braces of an item are only text
        assert ("there" in text) == (form in ("choose", "letter"))
        for practised in REQUESTS.values():
            assert not any(request in text for request in practised)


@pytest.mark.parametrize("name", NAMES)
def test_options_stand_in_the_order_in_which_they_are_given(name: PromptName) -> None:
    text = worded("letter", name, "Where?", ["there", "here"])
    assert "A: there\nB: here" in text
    assert "there, here" in worded("choose", name, "Where?", ["there", "here"])


def test_options_continue_a_question_as_lm_eval_puts_arc_or_a_bare_text() -> None:
    assert CONTINUED["question"].format(question="Why?") == "Question: Why?\nAnswer:"
    assert CONTINUED["text"].format(question="Cooking: A man") == "Cooking: A man"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ('B".', ("B", True)),
        ('red"', ("red", True)),
        ("B", ("B", False)),
        ("", ("", False)),
        ('"', ("", True)),
        ('a"b"', ("a", True)),
    ],
)
def test_answer_behind_the_primer_ends_at_the_closing_quote(
    said: str, read: tuple[str, bool]
) -> None:
    assert PRIMER.endswith(CLOSING)
    assert unquoted(said, ended=False) == read
    assert unquoted(said, ended=True) == (read[0], True)
